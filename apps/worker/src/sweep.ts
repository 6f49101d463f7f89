/**
 * Use case: what becomes of messages to which nothing happens. Two looks, by one process at a time; should it die or freeze, another
 * takes over two seconds later.
 *
 *     due      each message that is not settled has a timer. When it has run out the message is seen to, whatever became of its job: one
 *              that was sent and not delivered in time goes to the fallback from here, one whose fallback got stuck is handed over again
 *     walk     round and round through all that are not settled, a part at a time: one whose job was lost gets a new one
 *
 * Both are cheap: with messages and nothing to do they cost two or three commands, twice a second. Where all messages are settled it is
 * one, once a second: no timer is set nearer than a second ahead.
 */
import {
  enqueueFallback,
  enqueueMessages,
  keepLooking,
  whenDue,
  type Events,
  type MessageJob,
  type MessageStore,
  type Sender,
  type StepPolicy,
  type Unsettled,
} from '@relais/core'
import type { Queue } from 'bullmq'
import { randomUUID } from 'node:crypto'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { EndMessage } from './end-message.ts'

/** So often is looked for due messages: a fallback starts at most so long, and the time it takes, after its moment. */
const EVERY_MS = 500

/** The same while there is no message that could become due. No timer is set nearer than that, and a turn lasts longer. */
const EVERY_MS_WITHOUT_ANY = 1000

/** Messages of one look. A full one is followed by the next at once. */
const MOST_AT_ONCE = 200

/** A message that was taken and not seen to comes again after this. */
const AGAIN_MS = 5000

/** Who sweeps goes on doing so, unless nothing is heard of it for so long. */
const TURN_MS = 2000

/** Messages of one step of the walk. */
const STEP = 250

/** A message is on the queue so long after it was accepted: the API has given up long before. */
const ENQUEUED_WITHIN_MS = 5000

/** What has lost its job has waited long enough: it goes before the others. */
const FIRST_PRIORITY = 1

/** Messages that are not settled: none, some (or it is another's turn to know), or more than one look takes of those that are due. */
type Found = 'none' | 'some' | 'a full look'

export function createSweep(deps: {
  store: MessageStore
  unsettled: Unsettled
  accessToken: Pick<Sender['accessToken'], 'isAvailable'>
  messageQueue: Queue<MessageJob>
  breaker: Pick<CircuitBreaker, 'isOpen'>
  fallbackQueue: Queue<MessageJob>
  end: EndMessage
  events: Events
  policy: StepPolicy
  onError: (error: Error) => void
  now?: () => number
}) {
  const { store, unsettled, accessToken, breaker, messageQueue, end, events, policy, now = Date.now } = deps
  const sweeper = randomUUID()
  let walkedTo = 0
  let looking: { close: () => void } | undefined
  let running: Promise<Found> | undefined
  let isClosing = false

  return {
    once,

    start(): void {
      const sweepAgain = () => (running = sweep())
      const afterMs = (found?: Found) => (found === 'none' ? EVERY_MS_WITHOUT_ANY : EVERY_MS)
      looking = keepLooking(sweepAgain, afterMs, deps.onError)
    },

    /** Resolves when the look that is under way is done. */
    async close(): Promise<void> {
      isClosing = true
      looking?.close()
      await running?.catch(() => undefined)
    },
  }

  async function sweep(): Promise<Found> {
    let found = await once()
    while (found === 'a full look' && !isClosing) found = await once()
    return found
  }

  /** Sees to what is due now, up to a number, and goes a step of the walk. */
  async function once(): Promise<Found> {
    const how = { most: MOST_AT_ONCE, againMs: AGAIN_MS, turnMs: TURN_MS }
    const taken = await unsettled.takeDue(sweeper, how)
    if (!taken) return 'some'
    if (taken.unsettled === 0) return 'none'
    const { due } = taken
    if (due.length > 0) {
      const hasToken = await accessToken.isAvailable()
      await Promise.all(due.map((id) => seeTo(id, hasToken)))
    }
    await walk()
    return due.length === MOST_AT_ONCE ? 'a full look' : 'some'
  }

  async function seeTo(id: string, hasToken: boolean): Promise<void> {
    const message = await store.read(id)
    if (!message) {
      events.repaired('record_lost', { messageId: id })
      return unsettled.setTimer(id, 'none')
    }
    // One of a test key may be meant to wait until its deadline.
    if (message.isTest && now() < message.expiresAt) return unsettled.setTimer(id, message.expiresAt)
    const step = whenDue({ message, now: now(), policy, hasToken, isOutage: breaker.isOpen() })
    switch (step.kind) {
      case 'forget':
        return unsettled.setTimer(id, 'none')
      case 'look':
        return unsettled.setTimer(id, step.at)
      case 'expire':
        return end.expire(message)
      case 'hand-over':
        events.repaired('fallback_unwritten', { messageId: id })
        return enqueueFallback(deps.fallbackQueue, message)
      case 'fall-back': {
        const { reason, detail } = step
        await end.fallBack(message, { reason, detail, claims: message.claims })
      }
    }
  }

  async function walk(): Promise<void> {
    const ids = await unsettled.list(walkedTo, STEP)
    walkedTo = ids.length === STEP ? walkedTo + STEP : 0
    const jobKeyOf = (id: string) => messageQueue.toKey(id)
    const jobless = await unsettled.withoutJob(ids, jobKeyOf, now() - ENQUEUED_WITHIN_MS)
    await Promise.all(jobless.map(giveJob))
  }

  async function giveJob(id: string): Promise<void> {
    // A job that has ended would keep a new one of this id out.
    await messageQueue.remove(id)
    await enqueueMessages(messageQueue, [{ message: { id }, priority: FIRST_PRIORITY }])
    events.repaired('job_lost', { messageId: id })
  }
}
