/**
 * The pace of a sender, shared by all workers: slots, one per message, handed out by Redis and by its clock.
 *
 * Slots are evenly spaced. One that nobody could use is made up for by setting those after it a little closer together, so the rate is
 * held over seconds without a burst within one. When Meta says "slow down" the rate is halved for everyone, and grows back steadily:
 * from anything to the whole pace within a minute.
 */
import type { Result } from 'ioredis'
import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'

/** Slots are handed out so long before they come; a worker that is held up for less than this loses none. */
const AHEAD_MS = 150

/** So much of the pace that was lost is made up for; more would be seen in the next ten seconds. */
const LAG_MS = 50

/** Making up for it goes so much faster than the pace. */
const PEAK = 1.02

/** Half of the pace is left after "slow down", then the whole pace grows back within this. */
const SLOW_DOWN_TO = 0.5
const RECOVERY_SECONDS = 50
const LEAST_RATE_PER_SECOND = 1

/** "Slow down" also stops the sender: for a second, twice as long each time it is said again soon after. */
const PAUSE_FIRST_MS = 1000
const PAUSE_MOST_MS = 8000
const SOON_MS = 5000

/** What an unpaced sender is slowed down from: Meta's limit for most numbers. */
const UNPACED_SLOWS_FROM = 80

const KEPT_MS = 120_000

/**
 * Fields of KEYS 1, times in microseconds since 1970: due = when the pace has the next slot · last = the last one handed out · held =
 * nobody sends before · rate, from = rate after the last "slow down", and when it begins to grow · cut, cuts = when that was, and how
 * often in a row · since, reason = of the first one.
 */
const COMMON = `
local time = redis.call('TIME')
local now = tonumber(ARGV[1]) or (time[1] * 1000000 + time[2])
local names = { 'due', 'last', 'held', 'rate', 'from', 'cut', 'cuts', 'since' }
local values, s = redis.call('HMGET', KEYS[1], unpack(names)), {}
for i, name in ipairs(names) do s[name] = tonumber(values[i] or 0) end
local pace, isPaced = tonumber(ARGV[2]), ARGV[3] == '1'
local rate, isSlowed = pace, false
if s.rate > 0 then
  rate = math.min(pace, s.rate + math.max(0, now - s.from) / 1000000 * pace / ${RECOVERY_SECONDS})
  isSlowed = rate < pace
end
local function keep(...)
  local set = {}
  for i, value in ipairs({ ... }) do set[i] = type(value) == 'number' and string.format('%.17g', value) or value end
  redis.call('HSET', KEYS[1], unpack(set))
  redis.call('PEXPIRE', KEYS[1], ${KEPT_MS})
end
`

/**
 * ARGV 1 the time, '' = that of Redis · 2 pace, messages a second · 3 '1' = paced · 4 slots wanted · 5 slots that nobody used
 * Returns { when the next slot can be had, the slots... }, all as microseconds from now.
 */
const RESERVE = `
${COMMON}
local ahead, lag = ${AHEAD_MS * 1000}, ${LAG_MS * 1000}
local gap = (isPaced or isSlowed) and 1000000 / rate or 0
local due, last, answer = s.due - tonumber(ARGV[5]) * gap, s.last, { 0 }
local slot
repeat
  slot = math.max(now, s.held, due, last + gap / ${PEAK})
  if slot - now > ahead or #answer > tonumber(ARGV[4]) then break end
  answer[#answer + 1] = slot - now
  due = math.max(due, slot - lag) + gap
  last = slot
until false
answer[1] = math.max(0, slot - now - ahead)
keep('due', due, 'last', last)
if s.rate > 0 and not isSlowed then redis.call('HDEL', KEYS[1], 'rate', 'since', 'reason') end
return answer
`

/**
 * ARGV 1-3 as above · 4 when the refused message was sent, in microseconds before now · 5 why
 * What was sent before the last cut tells nothing of the rate after it. Returns { 1 if the rate was cut, rate, pause (microseconds) }.
 */
const SLOW_DOWN = `
${COMMON}
if now - tonumber(ARGV[4]) <= math.max(s.cut, s.held) then return { 0, '0', 0 } end
local cuts = now - s.held < ${SOON_MS * 1000} and s.cuts + 1 or 0
rate = math.max(math.min(pace, ${LEAST_RATE_PER_SECOND}), rate * ${SLOW_DOWN_TO})
local pause = math.min(${PAUSE_MOST_MS}, ${PAUSE_FIRST_MS} * 2 ^ cuts) * 1000
keep('rate', rate, 'from', now + pause, 'held', now + pause, 'cut', now, 'cuts', cuts, 'reason', ARGV[5])
if not isSlowed then keep('since', now) end
return { 1, tostring(rate), pause }
`

/** ARGV 1-3 as above. Returns { rate, held for (microseconds), since (milliseconds since 1970, 0 = not slowed), reason }. */
const STATE = `
${COMMON}
return { tostring(rate), math.max(0, s.held - now), isSlowed and math.floor(s.since / 1000) or 0,
  redis.call('HGET', KEYS[1], 'reason') or '' }
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisReserveSlots(key: string, ...args: (string | number)[]): Result<[number, ...number[]], Context>
    relaisSlowDown(key: string, ...args: (string | number)[]): Result<[number, string, number], Context>
    relaisPaceState(
      key: string,
      ...args: (string | number)[]
    ): Result<[string, number, number, string], Context>
  }
}

/** What pacing needs to know of a sender. `ratePerSecond: 0` means no pacing. */
export type PacedSender = { phoneNumberId: string; ratePerSecond: number }

/** How far away slots are, in milliseconds. `nextMs`: when it is worth asking again. */
export type Slots = { slotsMs: number[]; nextMs: number }

/** The pace as it is: `slowed` while Meta's "slow down" is not over. Times are milliseconds since 1970. */
export type PaceState = {
  ratePerSecond: number
  pausedForMs: number
  slowed?: { since: number; reason: string }
}

/**
 * @param options.nowMicros the time in microseconds, for tests; the clock of Redis unless given
 */
export function createPacing(options: { redis: RedisClient; keys: Keys; nowMicros?: () => number }) {
  const { redis, keys, nowMicros } = options
  redis.defineCommand('relaisReserveSlots', { numberOfKeys: 1, lua: RESERVE })
  redis.defineCommand('relaisSlowDown', { numberOfKeys: 1, lua: SLOW_DOWN })
  redis.defineCommand('relaisPaceState', { numberOfKeys: 1, lua: STATE })
  let ceiling = Infinity

  return {
    /** The most that Meta allows the number, in messages a second; a lower pace stays. */
    setCeiling(ratePerSecond: number): void {
      ceiling = ratePerSecond
    },

    /**
     * Takes up to `most` of the slots that are near. Those that are left over are lost to all, but for what `unused` tells.
     *
     * @param unused slots that were taken before and not used
     */
    async reserve(sender: PacedSender, most: number, unused = 0): Promise<Slots> {
      const [next, ...slots] = await redis.relaisReserveSlots(...common(sender), most, unused)
      return { slotsMs: slots.map(toMs), nextMs: Math.ceil(toMs(next)) }
    },

    /**
     * Meta said that this sender is too fast: everyone slows down. What is undefined was said before, of the rate before.
     *
     * @param refused.sentMsAgo how long ago the refused message was sent
     */
    async slowDown(
      sender: PacedSender,
      refused: { sentMsAgo: number; reason: string },
    ): Promise<{ ratePerSecond: number; pauseMs: number } | undefined> {
      const sentMicrosAgo = Math.round(refused.sentMsAgo * 1000)
      const [isCut, rate, pause] = await redis.relaisSlowDown(
        ...common(sender),
        sentMicrosAgo,
        refused.reason,
      )
      return isCut === 1 ? { ratePerSecond: Number(rate), pauseMs: toMs(pause) } : undefined
    },

    /** The pace of the moment. 0 is no pacing. */
    async state(sender: PacedSender): Promise<PaceState> {
      const [rate, held, since, reason] = await redis.relaisPaceState(...common(sender))
      const isPaced = sender.ratePerSecond > 0 || since > 0
      return {
        ratePerSecond: isPaced ? Number(rate) : 0,
        pausedForMs: toMs(held),
        ...(since > 0 && { slowed: { since, reason } }),
      }
    },
  }

  function common({ phoneNumberId, ratePerSecond }: PacedSender) {
    const pace = Math.min(ceiling, ratePerSecond || UNPACED_SLOWS_FROM)
    return [keys.pace(phoneNumberId), nowMicros?.() ?? '', pace, ratePerSecond > 0 ? '1' : ''] as const
  }
}

export type Pacing = ReturnType<typeof createPacing>

function toMs(micros: number): number {
  return micros / 1000
}
