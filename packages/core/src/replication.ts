/**
 * Waits until replicas have what was written: Redis answers before that, and a replica that takes over does not have the last moment.
 * With `WAIT` what is acknowledged is on more than one machine.
 *
 * `WAIT` holds up its connection, and nobody else's writes can be asked about. So one question is on its way at a time, and after one that
 * too few replicas answered nobody asks for a moment.
 */
import { askOurNode } from './our-node.ts'
import type { RedisClient } from './redis.ts'

/** After a question that too few replicas answered the next one waits for so long; meanwhile all are told the same. */
const ASK_AGAIN_MS = 1000

/** What is asked while a question is on its way is answered by the next one, for all who ask together. */
type Question = { answer: Promise<number>; isAsked: boolean }

/**
 * @param options.redis the connection that wrote: `WAIT` speaks of its writes only
 * @param options.key any key beside those that were written; it leads the question to their node
 * @param options.replicas so many must have it; 0 = nobody is asked
 * @param options.timeoutMs the longest a question takes; meanwhile the connection does nothing else
 */
export function createReplication(options: {
  redis: Pick<RedisClient, 'pipeline'>
  key: string
  replicas: number
  timeoutMs: number
}) {
  const { redis, key, replicas, timeoutMs } = options
  let asking: Promise<unknown> = Promise.resolve()
  let next: Question | undefined
  let askAgainAt = -Infinity

  return {
    /** Is it no use to write now, because too few replicas answered a moment ago? */
    isOut: (): boolean => performance.now() < askAgainAt,

    /** Have enough replicas what was written on this connection until now? Rejects while Redis does not answer. */
    async isReached(): Promise<boolean> {
      if (replicas === 0) return true
      if (performance.now() < askAgainAt) return false
      return (await join().answer) >= replicas
    },
  }

  function join(): Question {
    if (next && !next.isAsked) return next
    const question: Question = { isAsked: false, answer: Promise.resolve(0) }
    question.answer = asking.then(() => {
      question.isAsked = true
      return ask()
    })
    asking = question.answer.catch(() => undefined)
    next = question
    return question
  }

  async function ask(): Promise<number> {
    if (performance.now() < askAgainAt) return 0
    const reached = Number(await askOurNode(redis, key, (pipeline) => pipeline.wait(replicas, timeoutMs)))
    if (reached < replicas) askAgainAt = performance.now() + ASK_AGAIN_MS
    return reached
  }
}

export type Replication = ReturnType<typeof createReplication>
