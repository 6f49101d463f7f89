import type { ChainableCommander, Redis } from 'ioredis'

/**
 * Asks the node that holds our keys something that names no key. In a cluster such a command would go to any node; behind one with a
 * key it goes the same way as that.
 *
 * @param key one of ours
 * @param ask adds the command to the pipeline: `(pipeline) => pipeline.time()`
 */
export async function askOurNode(
  redis: Pick<Redis, 'pipeline'>,
  key: string,
  ask: (pipeline: ChainableCommander) => ChainableCommander,
): Promise<unknown> {
  const answers = await ask(redis.pipeline().exists(key)).exec()
  const [error, answer] = answers?.at(-1) ?? [new Error('no answer')]
  if (error) throw error
  return answer
}
