/**
 * What a process tells of the state that all share: queues, token, pauses, pace, receipts, the memory of Redis. It is asked for when somebody
 * reads the metrics, in one round of small calls; a round that takes longer than the reader waits goes on, and no second one begins beside it.
 *
 * What Redis does not tell keeps its last value for a minute, and is left out after that: a number that stays is no sign that all is well.
 */
import type { Queue } from 'bullmq'
import {
  presentToken,
  TOKEN_STATES,
  tokenState,
  type StoredToken,
  type TokenRecord,
} from './access-token/token-state.ts'
import type { Metrics } from './metrics.ts'
import type { PacedSender, PaceState } from './pacing.ts'
import type { Pause } from './pauses.ts'
import { countJobs, oldestJobAt } from './queues.ts'
import { readRedisFacts } from './redis-fitness.ts'
import type { RedisClient } from './redis.ts'
import type { SharedToken } from './access-token/shared-token.ts'
import type { Unsettled } from './unsettled.ts'

/** What was told so long ago is not told again. */
const GOOD_FOR_MS = 60_000

/**
 * @param options.key one of ours: the memory is that of the node which holds it
 * @param options.fallback the queue of the fallback, which is one of `queues`
 * @param options.pacing absent where nothing is sent: only who sends knows what Meta allows
 * @param options.now the clock of messages, in milliseconds since 1970
 * @param options.elapsed a clock that nobody sets, in milliseconds
 */
export function createGauges(options: {
  metrics: Metrics
  redis: RedisClient
  key: string
  lastReceiptKey: string
  queues: readonly Queue[]
  fallback: Queue
  unsettled: Pick<Unsettled, 'oldestWaiting'>
  pauses: { all(): Promise<Pause[]> }
  pacing?: { state(sender: PacedSender): Promise<PaceState> }
  sender: PacedSender & {
    renewBeforeMs: number | undefined
    accessToken: Pick<SharedToken, 'record' | 'secondsLeft'>
  }
  receiptsExpected: boolean
  now?: () => number
  elapsed?: () => number
}) {
  const { metrics, redis, queues, sender, pacing, now = Date.now } = options
  const { elapsed = () => performance.now() } = options
  const shared = [
    metrics.queueJobs,
    metrics.oldestWaiting,
    metrics.tokenExpiresIn,
    metrics.tokenState,
    metrics.renewalFailures,
    metrics.paused,
    metrics.senderRate,
    metrics.senderSlowed,
    metrics.lastReceiptAge,
    metrics.redisUsedMemory,
    metrics.redisMaxMemory,
  ]
  let toldAt = elapsed()
  let running: Promise<void> | undefined
  metrics.receiptsExpected.set(options.receiptsExpected ? 1 : 0)

  return {
    /** Brings the gauges up to date. Rejects when Redis does not tell; what it told last then stays for a while. */
    refresh(): Promise<void> {
      const ageMs = elapsed() - toldAt
      metrics.gaugesAge.set(ageMs / 1000)
      if (ageMs > GOOD_FOR_MS) forget()
      running ??= read().finally(() => (running = undefined))
      return running
    },
  }

  /** A gauge without labels would say 0 after a reset. */
  function forget(): void {
    for (const gauge of shared) {
      gauge.reset()
      gauge.remove({})
    }
  }

  /** All is read before anything is set, so that what is told belongs together. */
  async function read(): Promise<void> {
    const { accessToken } = sender
    const [counts, oldestMessage, oldestFallback, record, secondsLeft, pauses, pace, receiptAt, facts] =
      await Promise.all([
        Promise.all(queues.map(async (queue) => ({ queue: queue.name, jobs: await countJobs(queue) }))),
        options.unsettled.oldestWaiting(),
        oldestJobAt(options.fallback),
        accessToken.record(),
        accessToken.secondsLeft(),
        options.pauses.all(),
        pacing?.state(sender),
        redis.get(options.lastReceiptKey),
        // A user that may not ask is no reason to tell nothing.
        readRedisFacts(redis, options.key, 'memory').catch(() => undefined),
      ])
    for (const { queue, jobs } of counts) {
      for (const [state, count] of Object.entries(jobs)) metrics.queueJobs.set({ queue, state }, count)
    }
    metrics.oldestWaiting.set({ queue: 'messages' }, ageSeconds(oldestMessage, now()))
    metrics.oldestWaiting.set({ queue: 'fallback' }, ageSeconds(oldestFallback, Date.now()))
    tellToken(record, secondsLeft)
    metrics.paused.reset()
    for (const { what, reason } of pauses) metrics.paused.set({ what, reason }, 1)
    if (pace) {
      metrics.senderRate.set(pace.ratePerSecond)
      metrics.senderSlowed.set(pace.slowed ? 1 : 0)
    }
    const receiptAge = receiptAt === null ? Infinity : ageSeconds(Number(receiptAt), Date.now())
    metrics.lastReceiptAge.set(receiptAge)
    if (facts?.usedMemoryBytes !== undefined) metrics.redisUsedMemory.set(facts.usedMemoryBytes)
    if (facts?.maxMemoryBytes !== undefined) metrics.redisMaxMemory.set(facts.maxMemoryBytes)
    toldAt = elapsed()
    metrics.gaugesAge.set(0)
  }

  function tellToken(record: TokenRecord | undefined, secondsLeft: number): void {
    const token: StoredToken | undefined = presentToken(record, Date.now())
    const present = tokenState(token, Date.now(), sender.renewBeforeMs)
    for (const state of TOKEN_STATES) metrics.tokenState.set({ state }, state === present ? 1 : 0)
    metrics.tokenExpiresIn.set(secondsLeft)
    const last = record?.lastRenewal
    metrics.renewalFailures.set(last?.ok === false ? last.failures : 0)
  }
}

export type Gauges = ReturnType<typeof createGauges>

function ageSeconds(at: number | undefined, now: number): number {
  return at === undefined ? 0 : Math.max(0, now - at) / 1000
}
