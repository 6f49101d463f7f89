/**
 * How fast one sender may write to one person. Meta: one message per 6 s; up to 45 in 6 s are borrowed from the future, and nothing
 * passes until the debt is paid back; 131056 beyond that (WhatsApp Business Platform, rate limits). How exactly Meta counts is not
 * known, so ours is the same rule with less of a burst, only after a silence that ended any burst of Meta's counting, and with a margin
 * at each edge: 131056 is rarely met. It is taken by those who claim messages: see `claims.ts`.
 */
import { createHash } from 'node:crypto'
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
 * The budget of a recipient, for scripts; times in milliseconds. Fields of its key: free = when the debt is paid back · last = the last message ·
 * start, count = of the burst · waiting = messages sent away.
 *
 * `pairWait` answers 0 when a message may go, else how long it has to wait: for those sent away before it as well. Then either `takePair` or
 * `sendAway` keeps it.
 */
export const PAIR = `
local function openPair(key, now)
  local values = redis.call('HMGET', key, 'free', 'last', 'start', 'count', 'waiting')
  for i = 1, 5 do values[i] = tonumber(values[i] or 0) end
  local pair = { key = key, now = now, free = math.max(now, values[1]), last = values[2], start = values[3], count = values[4] }
  pair.waiting = pair.free == now and 0 or values[5]
  pair.isBurst = pair.count < ${BURST} and now - pair.start < ${BURST_WITHIN_MS}
  return pair
end
local function keepPair(pair)
  local function text(number) return string.format('%.0f', number) end
  redis.call('HSET', pair.key, 'free', text(pair.free), 'last', text(pair.last), 'start', text(pair.start), 'count', pair.count,
    'waiting', pair.waiting)
  redis.call('PEXPIRE', pair.key, text(pair.free - pair.now + pair.waiting * ${INTERVAL_MS} + 2000))
end
local function pairWait(pair)
  local opening = ${INTERVAL_MS - MARGIN_MS}
  if pair.isBurst or pair.free - pair.now < opening then return 0 end
  return pair.free - pair.now - opening + 1 + pair.waiting * ${INTERVAL_MS}
end
local function sendAway(pair)
  pair.waiting = pair.waiting + 1
  keepPair(pair)
end
local function takePair(pair)
  if pair.now - pair.last >= ${INTERVAL_MS + MARGIN_MS} then pair.start, pair.count = pair.now, 0 end
  pair.last, pair.count, pair.free = pair.now, pair.count + 1, pair.free + ${INTERVAL_MS}
  pair.waiting = math.max(0, pair.waiting - 1)
  keepPair(pair)
end
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
    relaisClosePair(key: string, ...args: (string | number)[]): Result<number, Context>
  }
}

/** @param options.now the time in milliseconds, for tests; the clock of Redis unless given */
export function createPairBudget(options: {
  redis: RedisClient
  keys: Keys
  senderId: string
  now?: () => number
}) {
  const { redis, keys, senderId, now } = options
  redis.defineCommand('relaisClosePair', { numberOfKeys: 1, lua: CLOSE })

  return {
    /** Meta said that this recipient gets too much (131056): nothing goes there for `waitMs`. */
    async close(to: string, waitMs: number): Promise<void> {
      const key = keys.pair(senderId, pairDigest(to))
      await redis.relaisClosePair(key, now?.() ?? '', Math.ceil(waitMs), INTERVAL_MS, MARGIN_MS)
    },
  }
}

export type PairBudget = ReturnType<typeof createPairBudget>

/** As scripts make it, which learn the number from the record: so that a number does not stand in the name of a key. It hides nothing. */
function pairDigest(to: string): string {
  return createHash('sha1').update(to).digest('hex')
}
