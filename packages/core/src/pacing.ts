/**
 * The pace of a sender, shared by all workers: slots, one per message, handed out by Redis and by its clock.
 *
 * Slots are evenly spaced. One that nobody could use is made up for by setting those after it a little closer together, so the rate is
 * held over seconds without a burst within one. They are drawn by those who claim messages: see `claims.ts`. When Meta says "slow down" the rate is halved for everyone, and grows back steadily:
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
 * The pace of a sender, for scripts; times in microseconds since 1970. Fields of its key: due = when the pace has the next slot · last = the
 * last one handed out · held = nobody sends before · rate, from = rate after the last "slow down", and when it begins to grow · cut, cuts =
 * when that was, and how often in a row · since, reason = of the first one.
 *
 * `nextSlot` answers how far away the next slot is, or nothing when none is near; `untilSlots` then says for how long. What it hands out
 * is kept by `savePace`. A sender without a pace has all the slots that it wants, and nothing is kept.
 */
export const PACE = `
local function openPace(key, now, rate, isPaced)
  local names = { 'due', 'last', 'held', 'rate', 'from', 'cut', 'cuts', 'since' }
  local values, pace = redis.call('HMGET', key, unpack(names)), { key = key, now = now, whole = rate, isPaced = isPaced }
  for i, name in ipairs(names) do pace[name] = tonumber(values[i] or 0) end
  pace.present, pace.isSlowed = rate, false
  if pace.rate > 0 then
    pace.present = math.min(rate, pace.rate + math.max(0, now - pace.from) / 1000000 * rate / ${RECOVERY_SECONDS})
    pace.isSlowed = pace.present < rate
  end
  pace.gap = (isPaced or pace.isSlowed) and 1000000 / pace.present or 0
  return pace
end
local function keepPace(pace, ...)
  local set = {}
  for i, value in ipairs({ ... }) do set[i] = type(value) == 'number' and string.format('%.17g', value) or value end
  redis.call('HSET', pace.key, unpack(set))
  redis.call('PEXPIRE', pace.key, ${KEPT_MS})
end
local function slotOf(pace)
  return math.max(pace.now, pace.held, pace.due, pace.last + pace.gap / ${PEAK})
end
local function giveBackSlots(pace, unused)
  pace.due = pace.due - unused * pace.gap
  pace.isChanged = unused * pace.gap > 0
end
local function nextSlot(pace)
  local slot = slotOf(pace)
  if slot - pace.now > ${AHEAD_MS * 1000} then return nil end
  if pace.gap > 0 then
    pace.due = math.max(pace.due, slot - ${LAG_MS * 1000}) + pace.gap
    pace.last, pace.isChanged = slot, true
  end
  return slot - pace.now
end
local function untilSlots(pace)
  return math.max(0, slotOf(pace) - pace.now - ${AHEAD_MS * 1000})
end
local function savePace(pace)
  if pace.isChanged then keepPace(pace, 'due', pace.due, 'last', pace.last) end
  if pace.rate > 0 and not pace.isSlowed then redis.call('HDEL', pace.key, 'rate', 'since', 'reason') end
end
`

/** Each script begins with: ARGV 1 the time, '' = that of Redis · 2 pace, messages a second · 3 '1' = paced */
const OPEN = `
${PACE}
local time = redis.call('TIME')
local now = tonumber(ARGV[1]) or (time[1] * 1000000 + time[2])
local pace = openPace(KEYS[1], now, tonumber(ARGV[2]), ARGV[3] == '1')
`

/**
 * ARGV 1-3 as above · 4 when the refused message was sent, in microseconds before now · 5 why
 * What was sent before the last cut tells nothing of the rate after it. Returns { 1 if the rate was cut, rate, pause (microseconds) }.
 */
const SLOW_DOWN = `
${OPEN}
if now - tonumber(ARGV[4]) <= math.max(pace.cut, pace.held) then return { 0, '0', 0 } end
local cuts = now - pace.held < ${SOON_MS * 1000} and pace.cuts + 1 or 0
local rate = math.max(math.min(pace.whole, ${LEAST_RATE_PER_SECOND}), pace.present * ${SLOW_DOWN_TO})
local pause = math.min(${PAUSE_MOST_MS}, ${PAUSE_FIRST_MS} * 2 ^ cuts) * 1000
keepPace(pace, 'rate', rate, 'from', now + pause, 'held', now + pause, 'cut', now, 'cuts', cuts, 'reason', ARGV[5])
if not pace.isSlowed then keepPace(pace, 'since', now) end
return { 1, tostring(rate), pause }
`

/** ARGV 1-3 as above. Returns { rate, held for (microseconds), since (milliseconds since 1970, 0 = not slowed), reason }. */
const STATE = `
${OPEN}
return { tostring(pace.present), math.max(0, pace.held - now), pace.isSlowed and math.floor(pace.since / 1000) or 0,
  redis.call('HGET', KEYS[1], 'reason') or '' }
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisSlowDown(key: string, ...args: (string | number)[]): Result<[number, string, number], Context>
    relaisPaceState(
      key: string,
      ...args: (string | number)[]
    ): Result<[string, number, number, string], Context>
  }
}

/** What pacing needs to know of a sender. `ratePerSecond: 0` means no pacing. */
export type PacedSender = { phoneNumberId: string; ratePerSecond: number }

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
  redis.defineCommand('relaisSlowDown', { numberOfKeys: 1, lua: SLOW_DOWN })
  redis.defineCommand('relaisPaceState', { numberOfKeys: 1, lua: STATE })
  let ceiling = Infinity

  return {
    /** The most that Meta allows the number, in messages a second; a lower pace stays. */
    setCeiling(ratePerSecond: number): void {
      ceiling = ratePerSecond
    },

    /** What a script has to know of a sender: the time in microseconds, '' = that of Redis; messages a second; is there a pace? */
    of: common,

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
