/**
 * Use case: what becomes of messages to which nothing happens. Each message that is not settled has a timer; the sweep takes those that
 * have run out and sees to them, whatever became of their jobs. A message that was sent and not delivered in time goes to the fallback
 * from here; so does one whose job was lost.
 *
 * Safe to run in any number of processes: a due message is taken by one of them, and comes again if that one dies.
 */
import {
  enqueueFallback,
  whenDue,
  type MessageJob,
  type MessageStore,
  type Sender,
  type StepPolicy,
} from '@relais/core'
import type { Queue } from 'bullmq'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { EndMessage } from './end-message.ts'

/** So often is looked for due messages: a fallback starts at most so long, and the time it takes, after its moment. */
const EVERY_MS = 500

/** Messages of one look. A full one is followed by the next at once. */
const MOST_AT_ONCE = 200

/** A message that was taken and not seen to comes again after this. */
const AGAIN_MS = 5000

export function createSweep(deps: {
  store: MessageStore
  accessToken: Pick<Sender['accessToken'], 'isAvailable'>
  breaker: Pick<CircuitBreaker, 'isOpen'>
  fallbackQueue: Queue<MessageJob>
  end: EndMessage
  policy: StepPolicy
  onError: (error: Error) => void
  now?: () => number
}) {
  const { store, accessToken, breaker, end, policy, now = Date.now } = deps
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let isClosing = false

  return {
    once,

    start(): void {
      timer = setInterval(() => {
        running ??= untilDone().finally(() => (running = undefined))
      }, EVERY_MS)
    },

    /** Resolves when the look that is under way is done. */
    async close(): Promise<void> {
      isClosing = true
      clearInterval(timer)
      await running
    },
  }

  async function untilDone(): Promise<void> {
    try {
      while ((await once()) === MOST_AT_ONCE && !isClosing);
    } catch (error) {
      deps.onError(error as Error)
    }
  }

  /** Sees to what is due now, up to a number. Answers how many that were. */
  async function once(): Promise<number> {
    const ids = await store.takeDue(MOST_AT_ONCE, AGAIN_MS)
    if (ids.length === 0) return 0
    const hasToken = await accessToken.isAvailable()
    await Promise.all(ids.map((id) => seeTo(id, hasToken)))
    return ids.length
  }

  async function seeTo(id: string, hasToken: boolean): Promise<void> {
    const message = await store.read(id)
    if (!message) return store.setTimer(id, 'none')
    const step = whenDue({ message, now: now(), policy, hasToken, isOutage: breaker.isOpen() })
    switch (step.kind) {
      case 'forget':
        return store.setTimer(id, 'none')
      case 'look':
        return store.setTimer(id, step.at)
      case 'expire':
        return end.expire(message)
      case 'hand-over':
        return enqueueFallback(deps.fallbackQueue, id)
      case 'fall-back': {
        const { reason, detail } = step
        await end.fallBack(message, { reason, detail, claims: message.claims })
      }
    }
  }
}
