import { Cluster, type ChainableCommander } from 'ioredis'
import type { RedisClient } from './redis.ts'

/**
 * Asks the node that holds our keys something that names no key. In a cluster such a command would go to any node; there it goes
 * behind one with a key, the same way as that.
 *
 * @param key one of ours
 * @param ask adds the command to the pipeline: `(pipeline) => pipeline.time()`
 */
export async function askOurNode(
  redis: Pick<RedisClient, 'pipeline'>,
  key: string,
  ask: (pipeline: ChainableCommander) => ChainableCommander,
): Promise<unknown> {
  const pipeline = redis.pipeline()
  const answers = await ask(redis instanceof Cluster ? pipeline.exists(key) : pipeline).exec()
  const [error, answer] = answers?.at(-1) ?? [new Error('no answer')]
  if (error) throw error
  return answer
}
