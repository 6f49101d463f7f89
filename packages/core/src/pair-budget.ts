/**
 * How fast one sender may write to one person. Meta: one message per 6 s; up to 45 in 6 s are borrowed from the future, and nothing
 * passes until the debt is paid back; 131056 beyond that (WhatsApp Business Platform, rate limits). How exactly Meta counts is not
 * known, so ours is the same rule with less of a burst, only after a silence that ended any burst of Meta's counting, and with a margin
 * at each edge: 131056 is rarely met.
 */
import type { Result } from 'ioredis'
import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'

const INTERVAL_MS = 6000

/** So many messages may follow each other at once: a few less than Meta takes. */
const BURST = 40

/** Ours ends before Meta's 6 s do: what is sent at its end still arrives within Meta's. */
const BURST_WITHIN_MS = 5000

/** A message that is sent on time may arrive this much too early after one that arrived late. */
const MARGIN_MS = 250

/**
 * KEYS 1 pair · ARGV 1 the time (ms), '' = that of Redis · 2 interval · 3 margin · 4 burst · 5 burst within
 * Fields: free = when the debt is paid back · last = the last message · start, count = of the burst · waiting = messages sent away
 * Returns 0 when the message may go, else how long it has to wait: for those sent away before it as well.
 */
const TAKE = `
local time = redis.call('TIME')
local now = tonumber(ARGV[1]) or (time[1] * 1000 + math.floor(time[2] / 1000))
local interval, opening = tonumber(ARGV[2]), tonumber(ARGV[2]) - tonumber(ARGV[3])
local pair = redis.call('HMGET', KEYS[1], 'free', 'last', 'start', 'count', 'waiting')
for i = 1, 5 do pair[i] = tonumber(pair[i] or 0) end
local free, last, start, count, waiting = math.max(now, pair[1]), pair[2], pair[3], pair[4], pair[5]
local isBurst = count < tonumber(ARGV[4]) and now - start < tonumber(ARGV[5])
if free == now then waiting = 0 end
local wait = 0
if not isBurst and free - now >= opening then
  wait = free - now - opening + 1 + waiting * interval
  waiting = waiting + 1
else
  if now - last >= interval + tonumber(ARGV[3]) then start, count = now, 0 end
  last, count, free, waiting = now, count + 1, free + interval, math.max(0, waiting - 1)
end
local text = function(number) return string.format('%.0f', number) end
redis.call('HSET', KEYS[1], 'free', text(free), 'last', text(last), 'start', text(start), 'count', count, 'waiting', waiting)
redis.call('PEXPIRE', KEYS[1], free - now + waiting * interval + 2000)
return wait
`

/**
 * KEYS 1 pair · ARGV 1 the time (ms), '' = that of Redis · 2 closed for (ms) · 3 interval · 4 margin
 * Nothing passes until then, and nothing in bursts right after.
 */
const CLOSE = `
local time = redis.call('TIME')
local now = tonumber(ARGV[1]) or (time[1] * 1000 + math.floor(time[2] / 1000))
local interval, opens = tonumber(ARGV[3]), now + tonumber(ARGV[2])
local pair = redis.call('HMGET', KEYS[1], 'free', 'waiting')
local free = math.max(opens + interval - tonumber(ARGV[4]) - 1, tonumber(pair[1] or 0))
redis.call('HSET', KEYS[1], 'free', string.format('%.0f', free), 'last', string.format('%.0f', opens), 'start', 0)
redis.call('PEXPIRE', KEYS[1], free - now + 2000 + interval * tonumber(pair[2] or 0))
return 0
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisTakePair(key: string, ...args: (string | number)[]): Result<number, Context>
    relaisClosePair(key: string, ...args: (string | number)[]): Result<number, Context>
  }
}

/**
 * @param options.digest turns a recipient into text that does not tell the number
 * @param options.now the time in milliseconds, for tests; the clock of Redis unless given
 */
export function createPairBudget(options: {
  redis: RedisClient
  keys: Keys
  senderId: string
  digest: (to: string) => string
  now?: () => number
}) {
  const { redis, now } = options
  redis.defineCommand('relaisTakePair', { numberOfKeys: 1, lua: TAKE })
  redis.defineCommand('relaisClosePair', { numberOfKeys: 1, lua: CLOSE })
  const keyOf = (to: string) => options.keys.pair(options.senderId, options.digest(to))
  const time = () => now?.() ?? ''

  return {
    /** Takes one message to this recipient from the budget. Answers 0, or for how many milliseconds it has to wait. */
    take: (to: string): Promise<number> =>
      redis.relaisTakePair(keyOf(to), time(), INTERVAL_MS, MARGIN_MS, BURST, BURST_WITHIN_MS),

    /** Meta said that this recipient gets too much (131056): nothing goes there for `waitMs`. */
    async close(to: string, waitMs: number): Promise<void> {
      await redis.relaisClosePair(keyOf(to), time(), Math.ceil(waitMs), INTERVAL_MS, MARGIN_MS)
    },
  }
}

export type PairBudget = ReturnType<typeof createPairBudget>
