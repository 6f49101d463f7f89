/**
 * The limits of one recipient, over all apps: how soon after a message the next may come, and how many in an hour. Each code that is
 * not used doubles the time until the next, so a person who has mistyped waits little and a machine that tries waits long.
 */
import type { Result } from 'ioredis'
import { createKeyedDigest } from '../keyed-digest.ts'
import type { Keys } from '../keys.ts'
import type { RedisClient } from '../redis.ts'
import type { EncryptionKey } from '../sealer.ts'

const HOUR_MS = 3600 * 1000

/** The cool-down grows up to so many times itself, and never beyond an hour. */
const MOST_GROWTH = 32

/** A member of the sorted set that is no message: when a code was used. */
const USED = 'used'

/**
 * Needs `now`. The keys are sorted sets of the times of a recipient's messages, one for each key of the ring: the first is written, all are
 * read.
 */
export const RECIPIENT = `
local function recipientWait(names, cooldown, most)
  local times, usedAt = {}, 0
  for _, name in ipairs(names) do
    redis.call('ZREMRANGEBYSCORE', KEYS[name], '-inf', now - ${HOUR_MS})
    local found = redis.call('ZRANGE', KEYS[name], 0, -1, 'WITHSCORES')
    for i = 1, #found, 2 do
      local time = tonumber(found[i + 1])
      if found[i] == '${USED}' then usedAt = math.max(usedAt, time) else times[#times + 1] = time end
    end
  end
  table.sort(times)
  local wait = 0
  if cooldown > 0 and #times > 0 then
    local unused = 0
    for _, time in ipairs(times) do if time > usedAt then unused = unused + 1 end end
    local growth = math.min(${MOST_GROWTH}, 2 ^ math.max(0, unused - 1))
    wait = times[#times] + math.min(cooldown * growth, ${HOUR_MS}) - now
  end
  if most > 0 and #times >= most then wait = math.max(wait, times[#times - most + 1] + ${HOUR_MS} - now) end
  return wait
end
local function countRecipient(name, member)
  redis.call('ZADD', KEYS[name], now, member)
  redis.call('PEXPIRE', KEYS[name], ${HOUR_MS})
end
`

/** KEYS those of the recipient. Notes that a code was used, where there is something that it changes. */
const RESTART = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then redis.call('ZADD', key, now, '${USED}') end
end
return 0
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisRestartCoolDown(numberOfKeys: number, ...keys: string[]): Result<number, Context>
  }
}

/** The cool-down of a recipient whose code was used begins anew; how many messages were sent stays counted. */
export function createRestartCoolDown(options: {
  redis: RedisClient
  keys: Keys
  encryptionKeys: readonly EncryptionKey[]
}): (to: string) => Promise<void> {
  const { redis, keys } = options
  const digests = createKeyedDigest(options.encryptionKeys, 'recipient')
  redis.defineCommand('relaisRestartCoolDown', { lua: RESTART })
  return async (to) => {
    const names = digests(to).map(keys.recipient)
    await redis.relaisRestartCoolDown(names.length, ...names)
  }
}
