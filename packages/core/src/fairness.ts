/**
 * Whose turn it is among messages that wait: start-time fair queueing, as BullMQ priorities. A flow is one app's messages of one
 * type. Each message gets a tag when it is accepted, the later of the virtual time and its flow's last tag; the flow moves on by the
 * step of its type; the virtual time follows the tags of the messages that are claimed (`claims.ts`). The lowest tag goes first. So a flood fills
 * the far end of its own flow, and a message of a flow that was quiet goes in at the near one.
 *
 * When Redis loses the tags the flows start again side by side: order suffers for as long as the backlog lasts, no message does.
 */
import type { Result } from 'ioredis'
import type { Keys } from './keys.ts'
import type { Message, MessageType } from './message.ts'
import type { RedisClient } from './redis.ts'

/** What a message costs its flow: while all have messages waiting, a flow of codes gets 2 places for each of templates, 20 for each of texts. */
export const FLOW_STEPS: Record<MessageType, number> = { otp: 1, template: 10, text: 20 }

/** So many codes of one flow share a priority. Coarser is less fair among apps, finer runs out of numbers sooner. */
const TAGS_PER_PRIORITY = 10

/** BullMQ takes no higher number. 0 is not for us: jobs without a priority go before all others. */
export const LAST_PRIORITY = 2_097_152

/** Counting begins anew at half of the numbers, so that a backlog has room; sooner when nothing seems to be waiting. */
export const RESTART_AT = (LAST_PRIORITY / 2) * TAGS_PER_PRIORITY
const RESTART_IDLE_AT = RESTART_AT / 16

/** Longer than any message lives. */
const KEPT_MS = 20 * 60_000

/**
 * KEYS 1 tags
 * ARGV 1 start again from this virtual time on · 2 from this one on if all tags are behind it · 3 life of the tags (ms)
 *      4... flow, step, flow, step, ...: one pair for each message
 * Returns the tags, in order.
 */
const TAG = `
local state = redis.call('HMGET', KEYS[1], '@now', '@newest')
local now, newest = tonumber(state[1] or 0), tonumber(state[2] or 0)
if now >= tonumber(ARGV[1]) or (now >= tonumber(ARGV[2]) and newest <= now) then
  redis.call('DEL', KEYS[1])
  now, newest = 0, 0
end
local tags, following = {}, {}
for i = 4, #ARGV, 2 do
  local flow = ARGV[i]
  local tag = math.max(now, following[flow] or tonumber(redis.call('HGET', KEYS[1], flow) or 0))
  following[flow] = tag + tonumber(ARGV[i + 1])
  newest = math.max(newest, tag)
  tags[#tags + 1] = tag
end
for flow, tag in pairs(following) do redis.call('HSET', KEYS[1], flow, tag) end
redis.call('HSET', KEYS[1], '@newest', newest)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return tags
`

/**
 * For scripts that claim messages: the virtual time goes on to the tag of one that is served. A tag that is too far ahead is from before a
 * new start.
 */
export const SERVE = `
local function serve(key, tag, restartAt)
  local now = tonumber(redis.call('HGET', key, '@now') or 0)
  if tag > now and tag - now < restartAt then
    redis.call('HSET', key, '@now', tag)
    redis.call('PEXPIRE', key, ${KEPT_MS})
  end
end
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisTag(key: string, ...args: (string | number)[]): Result<number[], Context>
  }
}

/** @param options.restartAt the virtual time at which counting begins anew */
export function createFairness(options: { redis: RedisClient; keys: Keys; restartAt?: number }) {
  const { redis, keys, restartAt = RESTART_AT } = options
  redis.defineCommand('relaisTag', { numberOfKeys: 1, lua: TAG })

  return {
    /** The priorities of messages that are accepted together, in order: 1 goes first. One round trip for all of them. */
    async prioritise(messages: readonly Pick<Message, 'app' | 'type'>[]): Promise<number[]> {
      if (messages.length === 0) return []
      const pairs = messages.flatMap(({ app, type }) => [`${type}:${app}`, FLOW_STEPS[type]])
      const tags = await redis.relaisTag(keys.fairness(), restartAt, RESTART_IDLE_AT, KEPT_MS, ...pairs)
      return tags.map((tag) => Math.min(LAST_PRIORITY, Math.floor(tag / TAGS_PER_PRIORITY) + 1))
    },
  }
}

export type Fairness = ReturnType<typeof createFairness>

/** The tag of a message with this priority, as `SERVE` takes it. */
export function tagOf(priority: number): number {
  return (priority - 1) * TAGS_PER_PRIORITY
}
