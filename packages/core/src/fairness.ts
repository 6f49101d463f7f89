/**
 * Whose turn it is among messages that wait: start-time fair queueing, as BullMQ priorities. A flow is one app's messages of one
 * type. Each message gets a tag when it is accepted, the later of the virtual time and its flow's last tag; the flow moves on by the
 * step of its type; the virtual time follows the tags of the messages that are claimed (`claims.ts`). The lowest tag goes first. So a flood fills
 * the far end of its own flow, and a message of a flow that was quiet goes in at the near one.
 *
 * When Redis loses the tags the flows start again side by side: order suffers for as long as the backlog lasts, no message does.
 */
import type { MessageType } from './message.ts'

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
 * For scripts that take messages in: `openTags(key, restartAt)` gives two functions. One draws the priority of a message, from the name of its
 * flow and the flow's step; the other is called when all are drawn.
 */
export const OPEN_TAGS = `
local function openTags(key, restartAt)
  local state = redis.call('HMGET', key, '@now', '@newest')
  local now, newest, following = tonumber(state[1] or 0), tonumber(state[2] or 0), {}
  if now >= restartAt or (now >= ${RESTART_IDLE_AT} and newest <= now) then
    redis.call('DEL', key)
    now, newest = 0, 0
  end
  local function draw(flow, step)
    local tag = math.max(now, following[flow] or tonumber(redis.call('HGET', key, flow) or 0))
    following[flow] = tag + step
    newest = math.max(newest, tag)
    return math.min(${LAST_PRIORITY}, math.floor(tag / ${TAGS_PER_PRIORITY}) + 1)
  end
  local function keep()
    if not next(following) then return end
    for flow, tag in pairs(following) do redis.call('HSET', key, flow, tag) end
    redis.call('HSET', key, '@newest', newest)
    redis.call('PEXPIRE', key, ${KEPT_MS})
  end
  return draw, keep
end
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

/** The tag of a message with this priority, as `SERVE` takes it. */
export function tagOf(priority: number): number {
  return (priority - 1) * TAGS_PER_PRIORITY
}
