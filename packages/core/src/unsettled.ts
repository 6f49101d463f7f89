/**
 * The messages that have not reached an end. Each stands in one sorted set, by the moment at which it is to be looked at even if nothing
 * happens, so what becomes of it does not hang on its job. The script that moves messages keeps this set, and the count of each app.
 */
import type { Result } from 'ioredis'
import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'

/** Longer than any message lives. */
const RUNS_KEPT_MS = 20 * 60_000

/**
 * KEYS 1 timers · 2 whose turn it is to sweep · ARGV 1 now (ms) · 2 the most to take · 3 looked at again at (ms) · 4 who asks
 *      · 5 the turn lasts (ms)
 * Takes the ids whose moment has come, and sets their timers anew: should their taker die, they are looked at once more. Returns how
 * many timers there are, then these ids. False when it is another's turn.
 */
const TAKE_DUE = `
local turn = redis.call('GET', KEYS[2])
if turn and turn ~= ARGV[4] then return false end
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
local due = redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[2])
for _, id in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[3], id) end
return { redis.call('ZCARD', KEYS[1]), due }
`

/**
 * KEYS 1 timers · 2 unsettled, by app · 3 record · ARGV 1 our id
 * Takes a message's timer away. With the last one goes what the count may have kept of records that Redis lost.
 */
const FORGET = `
local app = redis.call('HGET', KEYS[3], 'app')
if redis.call('ZREM', KEYS[1], ARGV[1]) == 1 and app then redis.call('HINCRBY', KEYS[2], app, -1) end
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('DEL', KEYS[2]) end
return 0
`

/** So many records are looked at for the oldest that waits. */
const MOST_LOOKED_AT = 1000

/**
 * KEYS the records of some messages
 * Returns when the one was accepted (ms) that has waited longest to be sent, as a string; false when none of them waits.
 */
const OLDEST_WAITING = `
local oldest
for i = 1, #KEYS do
  local record = redis.call('HMGET', KEYS[i], 'status', 'reason', 'isTest', 'acceptedAt')
  local isToBeSent = record[1] == 'queued' or record[1] == 'sending' or record[1] == 'uncertain'
  if isToBeSent and not record[2] and not record[3] then
    local at = tonumber(record[4])
    if not oldest or at < oldest then oldest = at end
  end
end
return oldest and string.format('%.0f', oldest)
`

/**
 * KEYS the records of some messages, then their jobs in the same order · ARGV 1 accepted before (ms)
 * Returns the places of those whom nobody works at: not sent, not given to the fallback, and their job is gone or has ended.
 */
const WITHOUT_JOB = `
local places, half = {}, #KEYS / 2
for i = 1, half do
  local record = redis.call('HMGET', KEYS[i], 'status', 'reason', 'acceptedAt')
  local isToBeSent = record[1] == 'queued' or record[1] == 'sending' or record[1] == 'uncertain'
  if isToBeSent and not record[2] and tonumber(record[3]) < tonumber(ARGV[1]) then
    local job = redis.call('HMGET', KEYS[half + i], 'timestamp', 'finishedOn')
    if not job[1] or job[2] then places[#places + 1] = i - 1 end
  end
end
return places
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisTakeDue(
      timers: string,
      turn: string,
      ...args: (string | number)[]
    ): Result<[number, string[]] | null, Context>
    relaisForget(timers: string, unsettled: string, record: string, id: string): Result<number, Context>
    relaisWithoutJob(numberOfKeys: number, ...args: (string | number)[]): Result<number[], Context>
    relaisOldestWaiting(numberOfKeys: number, ...args: string[]): Result<string | null, Context>
  }
}

/** @param options.now the clock, in milliseconds since 1970 */
export function createUnsettled(options: { redis: RedisClient; keys: Keys; now?: () => number }) {
  const { redis, keys, now = Date.now } = options
  redis.defineCommand('relaisTakeDue', { numberOfKeys: 2, lua: TAKE_DUE })
  redis.defineCommand('relaisForget', { numberOfKeys: 3, lua: FORGET })
  redis.defineCommand('relaisWithoutJob', { lua: WITHOUT_JOB })
  redis.defineCommand('relaisOldestWaiting', { lua: OLDEST_WAITING })

  return {
    /**
     * Takes up to `most` messages whose timer has run out, and tells how many are not settled in all. Each comes again after `againMs`
     * unless it is settled by then. Undefined when another takes them: one does for as long as it asks, and the next after `turnMs` of
     * its silence.
     */
    async takeDue(
      sweeper: string,
      how: { most: number; againMs: number; turnMs: number },
    ): Promise<{ due: string[]; unsettled: number } | undefined> {
      const { most, againMs, turnMs } = how
      const at = now()
      const taken = await redis.relaisTakeDue(
        keys.timers(),
        keys.sweeper(),
        at,
        most,
        at + againMs,
        sweeper,
        turnMs,
      )
      if (!taken) return undefined
      const [unsettled, due] = taken
      return { due, unsettled }
    },

    /** Sets the timer of a message that `takeDue` gave, or takes it away. */
    async setTimer(id: string, at: number | 'none'): Promise<void> {
      if (at === 'none') await redis.relaisForget(keys.timers(), keys.unsettled(), keys.message(id), id)
      else await redis.zadd(keys.timers(), 'XX', at, id)
    },

    /** Some of the messages that are not settled, in the order of their timers, from the `from`-th on. */
    list: (from: number, most: number): Promise<string[]> =>
      redis.zrange(keys.timers(), String(from), String(from + most - 1)),

    /**
     * Those of these messages at which somebody should work, and nobody will: their jobs are gone, or have ended.
     *
     * @param jobKeyOf where a message's job is in Redis
     * @param acceptedBefore younger ones may be on their way to the queue (milliseconds since 1970)
     */
    async withoutJob(
      ids: readonly string[],
      jobKeyOf: (id: string) => string,
      acceptedBefore: number,
    ): Promise<string[]> {
      if (ids.length === 0) return []
      const names = [...ids.map(keys.message), ...ids.map(jobKeyOf)]
      const places = await redis.relaisWithoutJob(names.length, ...names, acceptedBefore)
      return places.map((place) => ids[place] ?? '')
    },

    /**
     * Counts that a worker begins with a message of which it is suspected that it kills its worker; `over`: it has lived through it.
     * Returns how many have begun and not been heard of again, this one included.
     */
    async countRun(id: string, run: 'begins' | 'over'): Promise<number> {
      if (run === 'over') {
        await redis.del(keys.runs(id))
        return 0
      }
      const [counted] =
        (await redis.multi().incr(keys.runs(id)).pexpire(keys.runs(id), RUNS_KEPT_MS).exec()) ?? []
      return Number(counted?.[1])
    },

    /**
     * When the message was accepted that has waited longest and is not sent yet (milliseconds since 1970); undefined: none waits. Test
     * messages do not count: they may be meant to wait.
     *
     * Looks at no more than the thousand whose timers run out first. Timers run out in about the order of acceptance, so what is left out is
     * younger; but while a thousand that are sent wait for their receipts, those behind them are not seen.
     */
    async oldestWaiting(): Promise<number | undefined> {
      const ids = await redis.zrange(keys.timers(), '0', String(MOST_LOOKED_AT - 1))
      if (ids.length === 0) return undefined
      const at = await redis.relaisOldestWaiting(ids.length, ...ids.map(keys.message))
      return at === null ? undefined : Number(at)
    },

    /** How many messages of each app have not reached an end. */
    async countByApp(): Promise<Map<string, number>> {
      const counts = await redis.hgetall(keys.unsettled())
      return new Map(Object.entries(counts).map(([app, count]) => [app, Number(count)]))
    },
  }
}

export type Unsettled = ReturnType<typeof createUnsettled>
