/** What is in Redis, asked past all links. */
import { eventually, sharedRedisUrl } from '@relais/testing'
import { Redis } from 'ioredis'
import type { System } from './system.ts'

const QUEUES = ['messages', 'fallback', 'receipts'] as const
const LISTS = ['active', 'wait', 'prioritized', 'delayed', 'completed', 'failed'] as const

type Queue = (typeof QUEUES)[number]
type List = (typeof LISTS)[number]

/** Keys that stay, whatever becomes of the messages. */
const KEPT = /:(last-receipt|unsettled|access-token:.*|\w+:(id|meta|events|completed|failed|marker))$/

export type Look = ReturnType<typeof openLook>

/** @param scope where what is opened is left to be closed */
export function openLook(scope: { onTestFinished(close: () => void): void }, { env }: System) {
  const redis = new Redis(sharedRedisUrl())
  scope.onTestFinished(() => redis.disconnect())
  const key = (name: string) => `${env.QUEUE_PREFIX}:${name}`

  return {
    jobs,
    hasJob: async (id: string) => (await redis.exists(key(`messages:${id}`))) === 1,
    isThere: async (name: string) => (await redis.exists(name)) === 1,
    field: (id: string, name: string) => redis.hget(key(`message:${id}`), name),
    timer: async (id: string) => Number(await redis.zscore(key('timers'), id)),

    /** Waits until no job is open, and no timer, no content and no key is left that nothing will ever delete. */
    findsNothingLeft: (besides?: string) =>
      eventually(
        async () => (await left()).filter((name) => besides === undefined || !name.includes(besides)),
        ({ length }) => length === 0,
        { timeoutMs: 60_000, everyMs: 100, what: 'nothing left in Redis' },
      ),

    /** The locks of a dead worker's jobs run out early, as Redis sees it. */
    async endLocks(): Promise<void> {
      const locks = await redis.keys(key('*:lock'))
      if (locks.length > 0) await redis.del(locks)
    },
  }

  /** The ids of the jobs of a queue in this list, or in this sorted set. */
  function jobs(queue: Queue, list: List): Promise<string[]> {
    const name = key(`${queue}:${list}`)
    return list === 'active' || list === 'wait'
      ? redis.lrange(name, '0', '-1')
      : redis.zrange(name, '0', '-1')
  }

  async function left(): Promise<string[]> {
    const ended = await jobsIn('completed', 'failed')
    const names = await redis.keys(key('*'))
    const lives = await Promise.all(names.map((name) => redis.pttl(name)))
    const isKept = (name: string) => KEPT.test(name) || ended.some((id) => name.endsWith(`:${id}`))
    const keys = names.filter((name, i) => name.includes(':content:') || (lives[i] === -1 && !isKept(name)))
    return [...(await jobsIn('active', 'wait', 'prioritized', 'delayed')), ...keys]
  }

  async function jobsIn(...lists: List[]): Promise<string[]> {
    return (await Promise.all(QUEUES.flatMap((queue) => lists.map((list) => jobs(queue, list))))).flat()
  }
}
