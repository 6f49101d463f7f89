/** Use case: how long the queues are, and holding one up for a while. The board does the same with a mouse. */
import { countJobs, oldestJobAt, type Audit, type JobCounts } from '@relais/core'
import type { Queue } from 'bullmq'
import { ProblemError, refuseAsUnavailable } from './problem.ts'

/**
 * The queues that may be paused. While `messages` is, nothing is sent, and a message whose time runs out falls back. Nobody would get the
 * codes of a paused `fallback` before they expire; without `receipts` a message that arrived looks like one that did not and is sent
 * twice; `access-token` belongs to the workers.
 */
export const PAUSABLE_QUEUES = ['messages'] as const

/** `oldestWaitingAt`: when the oldest job that is not done came, as far as the first of each kind tell; milliseconds since 1970. */
export type QueueState = JobCounts & {
  name: string
  isPaused: boolean
  mayBePaused: boolean
  oldestWaitingAt: number | null
}

/** @param deps.queues in the order in which they are shown */
export function createQueueState(deps: { queues: readonly Queue[]; audit: Pick<Audit, 'append'> }) {
  const { queues, audit } = deps

  return {
    /** Every queue; a few small calls to Redis for each. */
    list: (): Promise<QueueState[]> => Promise.all(queues.map(stateOf)).catch(refuseAsUnavailable),

    /** Nothing is taken from the queue any more. What is in hand is finished. @param how.why for the audit */
    pause: (name: string, how: { operator: string; why: string }): Promise<QueueState> =>
      change(name, how.operator, 'queue.paused', { why: how.why }),

    /** Takes it up again. */
    resume: (name: string, how: { operator: string }): Promise<QueueState> =>
      change(name, how.operator, 'queue.resumed'),
  }

  /** First the audit, then the queue: nobody can do it without being named. Throws a `ProblemError`. */
  async function change(
    name: string,
    operator: string,
    action: 'queue.paused' | 'queue.resumed',
    detail?: { why: string },
  ): Promise<QueueState> {
    const queue = pausable(name)
    try {
      await audit.append({ actor: `operator:${operator}`, action, subject: name, ...(detail && { detail }) })
      await (action === 'queue.paused' ? queue.pause() : queue.resume())
      return await stateOf(queue)
    } catch (error) {
      return refuseAsUnavailable(error)
    }
  }

  function pausable(name: string): Queue {
    const queue = queues.find((each) => each.name === name)
    if (!queue) {
      const names = queues.map((each) => each.name).join(', ')
      throw new ProblemError(404, 'not_found', `There is no such queue. There are ${names}.`)
    }
    if (mayBePaused(name)) return queue
    const detail = `Only ${PAUSABLE_QUEUES.join(', ')} may be paused: codes and receipts must not wait.`
    throw new ProblemError(409, 'queue_not_pausable', detail)
  }
}

export type QueueStates = ReturnType<typeof createQueueState>

async function stateOf(queue: Queue): Promise<QueueState> {
  const [counts, isPaused, oldest] = await Promise.all([
    countJobs(queue),
    queue.isPaused(),
    oldestJobAt(queue),
  ])
  const { name } = queue
  return { name, ...counts, isPaused, mayBePaused: mayBePaused(name), oldestWaitingAt: oldest ?? null }
}

function mayBePaused(name: string): boolean {
  return (PAUSABLE_QUEUES as readonly string[]).includes(name)
}
