/**
 * The catalogue of queues: each with its payload and its options. BullMQ carries ids and wakes workers up; what it carries is
 * readable in Redis and on the board, so no payload holds a secret.
 */
import { Queue, type JobsOptions, type KeepJobs } from 'bullmq'
import type { Notice } from './graph/notices.ts'
import type { Receipt } from './graph/receipts.ts'
import type { FallbackReason, Message } from './message.ts'
import type { RedisClient } from './redis.ts'
import { jobTrace, type Traceparent } from './tracing.ts'

/** Wakes a worker up for one message. All that is to be known of it is in its record. */
export type MessageJob = { messageId: string }

/** A webhook's updates. `looks` counts how often unknown ones were looked for. */
export type ReceiptsJob = { receipts: Receipt[]; notices?: Notice[]; looks: number }

/** Asks for a round of looking after the token. */
export type AccessTokenJob = Record<string, never>

/** Wakes a worker up for the events of one app. */
export type CallbackJob = { app: string }

export type QueueName = 'messages' | 'fallback' | 'receipts' | 'access-token' | 'callbacks'

const KEPT_SECONDS = 24 * 3600

/**
 * How long workers keep jobs that do not say so themselves. `messages`: retries are steps of the message, kept in its record, so BullMQ makes
 * none. Failed jobs are the messages that went to the fallback. Finished ones stay a while for the board. As there may be a million of them
 * waiting, they say as little as can be.
 */
export const JOBS_KEPT: Partial<Record<QueueName, { removeOnComplete: KeepJobs; removeOnFail: KeepJobs }>> = {
  messages: {
    removeOnComplete: { age: 3600, count: 1000 },
    removeOnFail: { age: KEPT_SECONDS, count: 10_000 },
  },
}

/**
 * `fallback`: a record that cannot be written (a full disk) is tried again every second, for longer than any message lives. Finished jobs stay an hour: a repeat is a no-op.
 */
const FALLBACK_JOB: JobsOptions = {
  attempts: 1800,
  backoff: { type: 'fixed', delay: 1000 },
  removeOnComplete: { age: 3600, count: 10_000 },
  removeOnFail: { age: KEPT_SECONDS, count: 10_000 },
}

const RECEIPTS_JOB: JobsOptions = {
  attempts: 20,
  backoff: { type: 'fixed', delay: 1000 },
  removeOnComplete: true,
  removeOnFail: { age: KEPT_SECONDS, count: 1000 },
}

const ACCESS_TOKEN_JOB: JobsOptions = {
  removeOnComplete: { count: 20 },
  removeOnFail: { count: 20 },
}

/** It is there while an app has events to be posted: so of all workers one at a time posts those of one app. */
const CALLBACK_JOB: JobsOptions = { removeOnComplete: true, removeOnFail: true }

const SCHEDULE_ID = 'renewal'

/** Opens one queue for adding to it and for looking at it. What an add does while Redis is away is the connection's choice. */
export function openQueue<Payload>(name: QueueName, options: QueueOptions): Queue<Payload> {
  const queue = new Queue<Payload>(name, {
    connection: options.redis,
    prefix: options.prefix,
    skipWaitingForReady: true,
    // Goes with the line above: without it a queue opened while Redis is down is broken for good.
    skipVersionCheck: true,
  })
  queue.on('error', options.onError)
  return queue
}

/** What a queue is opened with. `redis` may be shared by any number of queues. */
export type QueueOptions = { redis: RedisClient; prefix: string; onError: (error: Error) => void }

/**
 * Gives messages a job that have lost theirs: the first they have by `acceptance.ts`. A job has its message's id, so a repeat adds nothing
 * while the job is there. Not atomic: after an error some may be on the queue.
 *
 * @param places the priority of each: see `fairness.ts`. BullMQ would take jobs without one before all others
 */
export async function enqueueMessages(
  queue: Queue<MessageJob>,
  places: readonly { message: Pick<Message, 'id' | 'trace'>; priority: number }[],
): Promise<void> {
  const jobs = places.map(({ message: { id, trace }, priority }) => ({
    name: 'deliver',
    data: { messageId: id },
    opts: { jobId: id, priority, ...traced(trace) },
  }))
  await queue.addBulk(jobs)
}

/** Hands a message to the fallback. Its record must already say why. */
export async function enqueueFallback(
  queue: Queue<MessageJob>,
  { id, trace }: Pick<Message, 'id' | 'trace'>,
): Promise<void> {
  await queue.add('fall-back', { messageId: id }, { ...FALLBACK_JOB, ...traced(trace), jobId: id })
}

/** Puts the updates of one webhook on the queue. @param trace of the request that brought it */
export async function enqueueReceipts(
  queue: Queue<ReceiptsJob>,
  receipts: Receipt[],
  notices: Notice[],
  trace?: Traceparent,
): Promise<void> {
  const updates = { receipts, ...(notices.length > 0 && { notices }), looks: 0 }
  await queue.add('record', updates, { ...RECEIPTS_JOB, ...traced(trace) })
}

/** Has the events of these apps posted. Adds nothing for those of which that is being done. */
export async function enqueueCallbacks(queue: Queue<CallbackJob>, apps: readonly string[]): Promise<void> {
  // BullMQ takes no number for an id.
  await queue.addBulk(
    apps.map((app) => ({ name: 'post', data: { app }, opts: { ...CALLBACK_JOB, jobId: `app-${app}` } })),
  )
}

/** What a job says of its trace: its span hangs on that. */
function traced(trace: Traceparent | undefined): Pick<JobsOptions, 'telemetry'> {
  return trace === undefined ? {} : { telemetry: { metadata: jobTrace(trace) } }
}

/** The repeatable job that looks after the token. One schedule, however many processes set it. */
export async function scheduleTokenChecks(queue: Queue<AccessTokenJob>, everyMs: number): Promise<void> {
  await queue.upsertJobScheduler(
    SCHEDULE_ID,
    { every: everyMs },
    { name: 'check', data: {}, opts: ACCESS_TOKEN_JOB },
  )
}

/** Sets the schedule if Redis has none: it may have lost it. */
export async function ensureTokenChecks(queue: Queue<AccessTokenJob>, everyMs: number): Promise<void> {
  if (!(await queue.getJobScheduler(SCHEDULE_ID))) await scheduleTokenChecks(queue, everyMs)
}

/** What a job of the queue `messages` fails with when its message goes to the fallback; shown on the board. */
export function fallbackFailure(reason: FallbackReason): string {
  return `fallback: ${reason}`
}

/** How many jobs of a queue are in which state. */
export type JobCounts = { waiting: number; active: number; delayed: number; failed: number }

/** Counts a queue's jobs; one small call to Redis. */
export async function countJobs(queue: Queue): Promise<JobCounts> {
  const {
    waiting = 0,
    active = 0,
    delayed = 0,
    failed = 0,
    prioritized = 0,
  } = await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed')
  return { waiting: waiting + prioritized, active, delayed, failed }
}

/** When the oldest job of a queue that is not done was put there (milliseconds since 1970); undefined: there is none. Looks at one of each kind. */
export async function oldestJobAt(queue: Queue): Promise<number | undefined> {
  const firsts = await queue.getJobs(['waiting', 'prioritized', 'active', 'delayed'], 0, 0, true)
  const times = firsts.flatMap((job) => (job ? [job.timestamp] : []))
  return times.length === 0 ? undefined : Math.min(...times)
}
