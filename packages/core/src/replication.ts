/**
 * Waits until replicas have what was written: Redis answers before that, and a replica that takes over does not have the last moment.
 * With `WAIT` what is acknowledged is on more than one machine.
 */
import type { Redis } from 'ioredis'
import { askOurNode } from './our-node.ts'

/** What is asked while a question is on its way is answered by the next one, for all who ask together. */
type Question = { answer: Promise<number>; isAsked: boolean }

/**
 * @param options.redis the connection that wrote: `WAIT` speaks of its writes only
 * @param options.key any key beside those that were written; it leads the question to their node
 * @param options.replicas so many must have it; 0 = nobody is asked
 * @param options.timeoutMs the longest a question takes; meanwhile the connection does nothing else
 */
export function createReplication(options: {
  redis: Pick<Redis, 'pipeline'>
  key: string
  replicas: number
  timeoutMs: number
}) {
  const { redis, key, replicas, timeoutMs } = options
  let asking: Promise<unknown> = Promise.resolve()
  let next: Question | undefined

  return {
    /** Have enough replicas what was written on this connection until now? Rejects while Redis does not answer. */
    async isReached(): Promise<boolean> {
      if (replicas === 0) return true
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
    return Number(await askOurNode(redis, key, (pipeline) => pipeline.wait(replicas, timeoutMs)))
  }
}

export type Replication = ReturnType<typeof createReplication>
