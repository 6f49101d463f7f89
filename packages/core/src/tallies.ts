/**
 * What happened in each minute of the last hour, over all processes: for people, who want to see at a glance whether things are as they were.
 * Metrics of each process are kept by whoever scrapes them; this is there when nobody does.
 *
 * Each process counts in memory and adds what it has counted to Redis once a second, if there is anything. What a process that dies had not
 * added yet is lost: a second's worth. Names are few and bounded; beyond `MOST_NAMES` a minute they are counted together.
 */
import type { Result } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import { keepLooking } from './keep-looking.ts'
import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'

const MINUTE_MS = 60_000
const FLUSH_MS = 1000

/** A Redis that is away is not waited for. */
const LAST_FLUSH_MS = 500

/** An hour, and the minute that has begun. */
export const TALLY_MINUTES = 61

const KEPT_MS = (TALLY_MINUTES + 2) * MINUTE_MS

/** Of one process in one minute. */
const MOST_NAMES = 200

/** What is counted where there are too many names. */
const OTHER = 'other'

/** KEYS the minutes · ARGV 1 JSON: for each minute, in order, names and counts · 2 kept for (ms) */
const ADD = `
for i, counts in ipairs(cjson.decode(ARGV[1])) do
  for name, count in pairs(counts) do redis.call('HINCRBY', KEYS[i], name, count) end
  redis.call('PEXPIRE', KEYS[i], ARGV[2])
end
return 1
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisTally(numberOfKeys: number, ...args: (string | number)[]): Result<number, Context>
  }
}

/** The counts of one minute. `at`: its beginning, in milliseconds since 1970. */
export type Minute = { at: number; counts: ReadonlyMap<string, number> }

/** @param options.now the clock of messages, in milliseconds since 1970 */
export function createTallies(options: { redis: RedisClient; keys: Keys; now?: () => number }) {
  const { redis, keys, now = Date.now } = options
  redis.defineCommand('relaisTally', { lua: ADD })
  let counted = new Map<number, Map<string, number>>()
  /** Minutes that have been over for a while do not change. */
  const settled = new Map<number, Minute>()
  let flushing: { close: () => void } | undefined

  return {
    flush,

    /** Counts something that happens now. */
    add(name: string, count = 1): void {
      const minute = Math.floor(now() / MINUTE_MS)
      let counts = counted.get(minute)
      if (!counts) counted.set(minute, (counts = new Map()))
      const key = counts.has(name) || counts.size < MOST_NAMES ? name : OTHER
      counts.set(key, (counts.get(key) ?? 0) + count)
    },

    start(onError: (error: Error) => void): void {
      flushing = keepLooking(flush, () => FLUSH_MS, onError)
    },

    async close(): Promise<void> {
      flushing?.close()
      await Promise.race([flush().catch(() => undefined), sleep(LAST_FLUSH_MS)])
    },

    /** The minutes of the last hour, the oldest first; the last one is the present minute. One round trip. */
    async lastHour(): Promise<Minute[]> {
      const present = Math.floor(now() / MINUTE_MS)
      const minutes = Array.from({ length: TALLY_MINUTES }, (_, i) => present - TALLY_MINUTES + 1 + i)
      for (const minute of settled.keys()) if (minute < (minutes[0] ?? 0)) settled.delete(minute)
      const open = minutes.filter((minute) => !settled.has(minute))
      const found = await Promise.all(open.map((minute) => redis.hgetall(keys.minute(minute))))
      const read = new Map(open.map((minute, i) => [minute, minuteOf(minute, found[i] ?? {})]))
      for (const [minute, one] of read) if (minute < present - 1) settled.set(minute, one)
      return minutes.map((minute) => settled.get(minute) ?? read.get(minute) ?? minuteOf(minute, {}))
    },
  }

  /** Adds to Redis what was counted since. What it does not take goes with the next; what it took and did not say so is counted twice. */
  async function flush(): Promise<void> {
    if (counted.size === 0) return
    const taken = counted
    counted = new Map()
    const names = [...taken.keys()].map(keys.minute)
    const counts = [...taken.values()].map((each) => Object.fromEntries(each))
    try {
      await redis.relaisTally(names.length, ...names, JSON.stringify(counts), KEPT_MS)
    } catch (error) {
      takeBack(taken)
      throw error
    }
  }

  function takeBack(taken: Map<number, Map<string, number>>): void {
    const oldest = Math.floor((now() - KEPT_MS) / MINUTE_MS)
    for (const [minute, counts] of taken) {
      if (minute < oldest) continue
      const newer = counted.get(minute)
      if (newer) for (const [name, count] of newer) counts.set(name, (counts.get(name) ?? 0) + count)
      counted.set(minute, counts)
    }
  }
}

export type Tallies = ReturnType<typeof createTallies>

function minuteOf(minute: number, fields: Record<string, string>): Minute {
  const counts = new Map(Object.entries(fields).map(([name, count]) => [name, Number(count)]))
  return { at: minute * MINUTE_MS, counts }
}
