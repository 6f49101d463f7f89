/**
 * The pace of a sender, shared by all workers: evenly spaced slots, one per message, handed out by Redis and by its clock.
 * Even spacing means that no second ever holds more than the rate, whichever second one looks at.
 */
import type { Redis, Result } from 'ioredis'
import type { Keys } from './keys.ts'

/**
 * KEYS 1 next free slot (microseconds since 1970)
 * ARGV 1 gap between slots (microseconds) · 2 the longest wait for which a slot is taken (microseconds)
 * Returns the wait in microseconds; a wait over ARGV 2 means that no slot was taken.
 */
const RESERVE = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local slot = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local wait = slot - now
if wait <= tonumber(ARGV[2]) then
  local following = slot + tonumber(ARGV[1])
  redis.call('SET', KEYS[1], string.format('%.0f', following), 'PX', math.ceil((following - now) / 1000) + 1)
end
return wait
`

/**
 * KEYS 1 next free slot · ARGV 1 pause (microseconds)
 * Pushes the next slot back to the end of the pause; a longer pause that is already on stays.
 */
const PAUSE = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local slot = math.max(now + tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[1]) or '0'))
redis.call('SET', KEYS[1], string.format('%.0f', slot), 'PX', math.ceil((slot - now) / 1000) + 1)
return 0
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisReserveSlot(key: string, gapMicros: number, longestWaitMicros: number): Result<number, Context>
    relaisPauseSlots(key: string, pauseMicros: number): Result<number, Context>
  }
}

/** What pacing needs to know of a sender. `ratePerSecond: 0` means no pacing. */
export type PacedSender = { phoneNumberId: string; ratePerSecond: number }

/** `taken: false`: the next slot is further away than the caller is ready to wait, and none was reserved. */
export type Slot = { taken: boolean; waitMs: number }

export function createPacing(options: { redis: Redis; keys: Keys }) {
  const { redis, keys } = options
  redis.defineCommand('relaisReserveSlot', { numberOfKeys: 1, lua: RESERVE })
  redis.defineCommand('relaisPauseSlots', { numberOfKeys: 1, lua: PAUSE })

  return {
    /** Takes the sender's next slot, if it is at most `longestWaitMs` away. */
    async reserve(sender: PacedSender, longestWaitMs: number): Promise<Slot> {
      const gapMicros = sender.ratePerSecond > 0 ? Math.ceil(1_000_000 / sender.ratePerSecond) : 0
      const key = keys.pace(sender.phoneNumberId)
      const waitMicros = await redis.relaisReserveSlot(key, gapMicros, longestWaitMs * 1000)
      return { taken: waitMicros <= longestWaitMs * 1000, waitMs: Math.ceil(waitMicros / 1000) }
    },

    /** Nobody sends from this sender for `pauseMs`: Meta said that it is too fast. */
    async pause(sender: PacedSender, pauseMs: number): Promise<void> {
      await redis.relaisPauseSlots(keys.pace(sender.phoneNumberId), pauseMs * 1000)
    },
  }
}

export type Pacing = ReturnType<typeof createPacing>
