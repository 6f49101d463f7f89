/**
 * Who is alive: each process says so every two seconds, with what there is to know of it, by the clock of Redis. One that is asked to stop says
 * goodbye; one that dies or freezes is not heard of any more, and still listed for an hour, so that people see what is missing.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Result } from 'ioredis'
import { keepLooking } from './keep-looking.ts'
import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'

const BEAT_MS = 2000

/** Who was not heard of for so long is not counted on: dead, frozen, or cut off. */
export const SILENT_AFTER_MS = 7000

/** A Redis that is away is not waited for. */
const GOODBYE_MS = 500

const LISTED_MS = 3600_000

/**
 * KEYS 1 processes · ARGV 1 id · 2 what it says, as JSON, without the moment · 3 listed for (ms)
 * Notes that a process lives, and forgets those that have been silent for long.
 */
const BEAT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local said = redis.call('HGETALL', KEYS[1])
for i = 1, #said, 2 do
  if now - cjson.decode(said[i + 1]).seenAt > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], said[i]) end
end
local mine = cjson.decode(ARGV[2])
mine.seenAt = now
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(mine))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return now
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisBeat(key: string, id: string, said: string, listedMs: number): Result<number, Context>
  }
}

/** A process as it describes itself. */
export type ProcessFacts = {
  name: 'api' | 'worker'
  version: string
  /** Of a worker: since when it gets no answer from Meta; milliseconds since 1970. */
  outageSince?: number
}

/** A process as the others know it. Times are milliseconds since 1970. */
export type LivingProcess = ProcessFacts & { host: string; pid: number; startedAt: number; seenAt: number }

/**
 * @param options.facts asked at each beat
 * @param options.now the clock of messages
 */
export function createPresence(options: {
  redis: RedisClient
  keys: Keys
  facts: () => ProcessFacts
  now?: () => number
}) {
  const { redis, keys, facts, now = Date.now } = options
  redis.defineCommand('relaisBeat', { numberOfKeys: 1, lua: BEAT })
  const id = randomUUID()
  let beating: { close: () => void } | undefined

  return {
    beat,

    start(onError: (error: Error) => void): void {
      beating = keepLooking(beat, () => BEAT_MS, onError)
    },

    /** Says goodbye. */
    async close(): Promise<void> {
      beating?.close()
      const gone = redis.hdel(keys.processes(), id).catch(() => undefined)
      await Promise.race([gone, sleep(GOODBYE_MS)])
    },

    /** All processes that were heard of within the hour, those that have been up longest first. */
    async all(): Promise<LivingProcess[]> {
      const said = await redis.hvals(keys.processes())
      const processes = said.map((json) => JSON.parse(json) as LivingProcess)
      return processes.sort((one, other) => one.startedAt - other.startedAt)
    },
  }

  async function beat(): Promise<void> {
    const startedAt = Math.round(now() - process.uptime() * 1000)
    const said = { ...facts(), host: hostname(), pid: process.pid, startedAt }
    await redis.relaisBeat(keys.processes(), id, JSON.stringify(said), LISTED_MS)
  }
}

export type Presence = ReturnType<typeof createPresence>
