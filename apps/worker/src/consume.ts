/** The BullMQ workers: the one place where our steps become job moves. */
import { fallbackFailure, JOBS_KEPT, type RedisClient } from '@relais/core'
import type {
  AccessTokenJob,
  CallbackJob,
  Logger,
  MessageJob,
  QueueName,
  ReceiptsJob,
  Tracing,
  Upkeep,
} from '@relais/core'
import { DelayedError, UnrecoverableError, Worker, type Job } from 'bullmq'
import type { Deliver } from './deliver.ts'
import type { DeliverCallbacks } from './deliver-callbacks.ts'
import type { FallBack } from './fall-back.ts'
import type { RecordNotice } from './record-notice.ts'
import type { RecordReceipt } from './record-receipt.ts'

/** How long a job belongs to a worker that is not heard of, and how often that is looked at. */
type Lock = { lockDuration: number; stalledInterval: number }

/** A killed worker's jobs run elsewhere after at most lock + two checks: within 12 s, typically 8. */
const LOCK: Lock = { lockDuration: 8000, stalledInterval: 2000 }

/** The token is looked after by heartbeats and uses as well: a round that died with its worker is missed by nobody. */
const ACCESS_TOKEN_LOCK: Lock = { lockDuration: 30_000, stalledInterval: 30_000 }

/** A receipt has to settle its message before that is sent again, 8 s after the send became uncertain. Noted twice it does no harm. */
const RECEIPTS_LOCK: Lock = { lockDuration: 3000, stalledInterval: 1000 }

/** Events are in no hurry, and what was under way is posted once more. */
const CALLBACKS_LOCK: Lock = { lockDuration: 8000, stalledInterval: 4000 }

/** A job that was lost with its worker runs again, however often: what ends a message is its own record, never this count. */
const MOST_STALLS = 1_000_000

/** A worker that is killed takes all its jobs with it. A job that was there twice may be what kills them. */
const SUSPECT_AFTER_STALLS = 2

/** Events of so many apps are posted at the same time by a worker. */
const APPS_AT_ONCE = 50

/** After a fault of ours or of Redis a message is tried again so soon. */
const AFTER_FAULT_MS = 1000

/** Receipts for which no message is known are looked at again: they may have overtaken our note of the send. */
const LOOK_AGAIN_MS = 1000
const MOST_LOOKS = 5

export function startConsumers(deps: {
  redis: RedisClient
  prefix: string
  logger: Logger
  /** Told of connection faults. */
  onError: (error: Error) => void
  concurrency: number
  deliver: Deliver
  /** For messages whose workers died more than once. */
  deliverAlone: Deliver
  fallBack: FallBack
  recordReceipt: RecordReceipt
  recordNotice: RecordNotice
  lookAfterToken: Upkeep
  deliverCallbacks: DeliverCallbacks
  tracing?: Tracing | undefined
}): Worker[] {
  return [
    consume<MessageJob>('messages', deps.concurrency, async (job, lockToken) => {
      const deliver = job.stalledCounter >= SUSPECT_AFTER_STALLS ? deps.deliverAlone : deps.deliver
      const delivery = await orLater(job, lockToken, () => deliver(job.data.messageId, job.priority))
      switch (delivery.kind) {
        case 'done':
          return
        case 'later':
          return comeBack(job, lockToken, delivery.delayMs)
        case 'fell-back':
          throw new UnrecoverableError(fallbackFailure(delivery.reason))
      }
    }),
    consume<MessageJob>('fallback', 10, (job) => deps.fallBack(job.data.messageId)),
    consume<ReceiptsJob>('receipts', 10, record, RECEIPTS_LOCK),
    consume<AccessTokenJob>('access-token', 1, () => deps.lookAfterToken(), ACCESS_TOKEN_LOCK),
    consume<CallbackJob>(
      'callbacks',
      APPS_AT_ONCE,
      (job) => deps.deliverCallbacks.deliver(job.data.app),
      CALLBACKS_LOCK,
    ),
  ]

  async function record(job: Job<ReceiptsJob>, lockToken: string | undefined): Promise<void> {
    if (job.data.looks === 0) await Promise.all((job.data.notices ?? []).map(deps.recordNotice))
    const known = await Promise.all(job.data.receipts.map(deps.recordReceipt))
    const unknown = job.data.receipts.filter((_receipt, index) => !known[index])
    if (unknown.length === 0 || job.data.looks >= MOST_LOOKS) return
    await job.updateData({ receipts: unknown, looks: job.data.looks + 1 })
    return comeBack(job, lockToken, LOOK_AGAIN_MS)
  }

  function consume<Payload>(
    name: QueueName,
    concurrency: number,
    process: (job: Job<Payload>, lockToken: string | undefined) => Promise<void>,
    lock = LOCK,
  ): Worker<Payload> {
    const worker = new Worker<Payload>(name, process, {
      connection: deps.redis,
      prefix: deps.prefix,
      concurrency,
      ...lock,
      ...JOBS_KEPT[name],
      maxStalledCount: MOST_STALLS,
      ...(deps.tracing && { telemetry: deps.tracing.telemetry }),
    })
    worker.on('error', deps.onError)
    worker.on('failed', (job, error) => {
      if (error instanceof UnrecoverableError) return
      const facts = { event: 'job.failed', queue: name, jobId: job?.id, err: error }
      deps.logger.error(facts, 'job failed')
    })
    return worker
  }

  /** A fault must not end a message: the job comes back. If not even that can be told, its lock runs out and it stalls. */
  async function orLater<T>(job: Job, lockToken: string | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      deps.logger.error({ event: 'job.fault', jobId: job.id, err: error }, 'fault; trying again')
      return comeBack(job, lockToken, AFTER_FAULT_MS)
    }
  }
}

async function comeBack(job: Job, lockToken: string | undefined, delayMs: number): Promise<never> {
  try {
    await job.moveToDelayed(Date.now() + Math.max(1, delayMs), lockToken)
  } catch (error) {
    // The lock is lost, or Redis is away: either way the job is no longer ours and runs again by itself.
    throw new DelayedError(error instanceof Error ? error.name : undefined)
  }
  throw new DelayedError()
}
