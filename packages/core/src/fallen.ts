/**
 * The messages that fell back, for the operators: the list of them, and the right to read a code, which is given once for each.
 *
 * The list is written by the script that moves messages (`message-store.ts`), so it has whoever got to `fallback` and nobody else. The
 * right is given by one script too, which looks at everything that forbids it, by the clock of Redis: two operators who ask at the same
 * moment do not both get it, and nobody gets it after the deadline.
 */
import type { Result } from 'ioredis'
import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'

/** An operator may read so many codes in any minute. */
export const MOST_REVEALS = 10
const REVEALS_WINDOW_MS = 60_000

/**
 * KEYS 1 record · 2 sealed content · 3 when this operator revealed codes · ARGV 1 our id · 2 operator
 * Returns { 'granted', sealed content, moment } and notes it in the record, or why not: { 'none' }, { 'expired' }, { 'used', moment },
 * { 'limited', wait in ms }, { 'revealed', moment, operator }, { 'unavailable' }.
 */
const GRANT = `
local record = redis.call('HMGET', KEYS[1], 'status', 'expiresAt', 'usedAt', 'revealedAt', 'revealedBy')
if record[1] ~= 'fallback' then return { 'none' } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now >= tonumber(record[2]) then return { 'expired' } end
if record[3] then return { 'used', record[3] } end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - ${REVEALS_WINDOW_MS})
if redis.call('ZCARD', KEYS[3]) >= ${MOST_REVEALS} then
  local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
  return { 'limited', string.format('%.0f', first[2] + ${REVEALS_WINDOW_MS} - now) }
end
if record[4] then return { 'revealed', record[4], record[5] } end
local content = redis.call('GET', KEYS[2])
if not content then return { 'unavailable' } end
local moment = string.format('%.0f', now)
redis.call('HSET', KEYS[1], 'revealedAt', moment, 'revealedBy', ARGV[2])
redis.call('ZADD', KEYS[3], moment, ARGV[1])
redis.call('PEXPIRE', KEYS[3], ${REVEALS_WINDOW_MS})
return { 'granted', content, moment }
`

/** KEYS 1 record · 2 when this operator revealed codes · ARGV 1 our id · 2 operator · 3 moment of the grant. Takes back that very grant. */
const TAKE_BACK = `
local record = redis.call('HMGET', KEYS[1], 'revealedBy', 'revealedAt')
if record[1] ~= ARGV[2] or record[2] ~= ARGV[3] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('HDEL', KEYS[1], 'revealedAt', 'revealedBy')
`

/** KEYS 1 fallen · ARGV 1 our id · 2 how many. Returns those that fell back before that one, the latest first, each with its moment. */
const BEFORE = `
local rank = redis.call('ZREVRANK', KEYS[1], ARGV[1])
if not rank then return {} end
return redis.call('ZREVRANGE', KEYS[1], rank + 1, rank + ARGV[2], 'WITHSCORES')
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisFallenBefore(fallen: string, id: string, most: number): Result<string[], Context>
    relaisGrantReveal(
      record: string,
      content: string,
      reveals: string,
      id: string,
      operator: string,
    ): Result<string[], Context>
    relaisTakeBackReveal(
      record: string,
      reveals: string,
      id: string,
      operator: string,
      moment: string,
    ): Result<number, Context>
  }
}

/** Whether an operator may read a code. Moments are milliseconds since 1970. */
export type RevealGrant =
  /** Here it is, still sealed; and `at` names the grant. */
  | { kind: 'granted'; sealed: string; at: number }
  /** There is no such message, or it did not fall back. */
  | { kind: 'none' }
  | { kind: 'expired' }
  /** Its person has typed the code meanwhile. */
  | { kind: 'used'; at: number }
  /** This operator has had enough codes for the moment. */
  | { kind: 'limited'; waitMs: number }
  /** Somebody has had it. */
  | { kind: 'revealed'; at: number; by: string }
  /** There is no code in Redis. */
  | { kind: 'unavailable' }

export function createFallen(options: { redis: RedisClient; keys: Keys }) {
  const { redis, keys } = options
  redis.defineCommand('relaisGrantReveal', { numberOfKeys: 3, lua: GRANT })
  redis.defineCommand('relaisFallenBefore', { numberOfKeys: 1, lua: BEFORE })
  redis.defineCommand('relaisTakeBackReveal', { numberOfKeys: 2, lua: TAKE_BACK })

  return {
    /**
     * Up to `most` messages that fell back, the latest first, each with its moment.
     *
     * @param after go on after this one; undefined begins with the latest. One that is not in the list (any more) has none after it
     */
    async list(after: string | undefined, most: number): Promise<{ id: string; at: number }[]> {
      const pairs =
        after === undefined
          ? await redis.zrevrange(keys.fallen(), 0, most - 1, 'WITHSCORES')
          : await redis.relaisFallenBefore(keys.fallen(), after, most)
      return Array.from({ length: pairs.length / 2 }, (_, i) => ({
        id: pairs[2 * i] ?? '',
        at: Number(pairs[2 * i + 1]),
      }))
    },

    /** Whose sealed content is still there, of these. */
    async withContent(ids: readonly string[]): Promise<Set<string>> {
      const found = await Promise.all(ids.map((id) => redis.exists(keys.content(id))))
      return new Set(ids.filter((_id, index) => found[index] === 1))
    },

    /** Gives an operator the right to read this code, or says why not. It is noted in the record before anybody has the code. */
    async grant(id: string, operator: string): Promise<RevealGrant> {
      const names = [keys.message(id), keys.content(id), keys.reveals(operator)] as const
      const [kind, first = '', second = ''] = await redis.relaisGrantReveal(...names, id, operator)
      switch (kind) {
        case 'granted':
          return { kind, sealed: first, at: Number(second) }
        case 'limited':
          return { kind, waitMs: Number(first) }
        case 'revealed':
          return { kind, at: Number(first), by: second }
        case 'used':
          return { kind, at: Number(first) }
        case 'expired':
        case 'unavailable':
          return { kind }
        default:
          return { kind: 'none' }
      }
    },

    /** Takes a grant back with which nothing was revealed. Another's is left alone. */
    async takeBack(id: string, operator: string, at: number): Promise<void> {
      await redis.relaisTakeBackReveal(keys.message(id), keys.reveals(operator), id, operator, String(at))
    },
  }
}

export type Fallen = ReturnType<typeof createFallen>
