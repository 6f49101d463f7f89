/**
 * The door that messages come in by. It says of a request whether it was made before (idempotency), and of each recipient
 * whether it has had enough (limits); both in one atomic step, so that of two equal requests at the same moment one is new and
 * the other its repeat, and a repeat is never counted.
 *
 * Idempotency without a lock: what is kept under a key is the `seed` from which the ids of the request's messages are made.
 * Whoever repeats the request makes the same ids, and so finds what is there and adds what is missing: a process that died
 * half-way leaves nothing that a repeat cannot finish, and twins need not wait for one another.
 *
 * An entry knows who has made the request: the messages of one that was refused are taken back by the last who was refused, and
 * never once somebody was told that they are accepted. While they are being taken back nobody gets in: only when it is known that
 * none of them was sent is the key free for new ones. Should the one who takes them back die over it, the next who asks goes on.
 *
 * An entry holds digests, the seed and the limits' answers; its key name is a digest as well. The digests are keyed, see
 * `keyed-digest.ts`. A request without an idempotency key, with limits off, does not come here for anything.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Result } from 'ioredis'
import { createKeyedDigest } from './keyed-digest.ts'
import type { Keys } from './keys.ts'
import type { EncryptionKey } from './sealer.ts'
import type { RedisClient } from './redis.ts'

const ENTRY_KEPT_MS = 24 * 3600 * 1000
const HOUR_MS = 3600 * 1000

/**
 * Fields of an entry: body, seed, limited; and `by:...` for each time the request was made and not taken back. While its messages are
 * being taken back: `withdrawer`, who does it, and `withdrawnAt`.
 */
const OWN_FIELDS = 3

/** Who has not taken the messages back by then is thought dead. */
const WITHDRAWN_WITHIN_MS = 3000

/** From here on an entry tells no more who made the request: it is never taken back. */
const MOST_FIELDS = 64

/**
 * KEYS  the entry of the request under each key of the ring, if it has an idempotency key; then for each message the times of
 *       its recipient under each key of the ring, if there are limits
 * ARGV  1 how many entry keys · 2 how many keys a recipient has · 3 seed · 4 entry kept for (ms) · 5 cool-down (ms)
 *       6 most in an hour, 0 = any number · then the body's digest under each key of the ring, then each message's index
 * Returns { 'new' or 'repeat' or 'mismatch' or 'withdrawn', seed, 'index:wait in ms,...' of the messages that are limited }.
 */
const ADMIT = `
local entries, rings, seed = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local cooldown, most = tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, entries do
  local entry = redis.call('HMGET', KEYS[i], 'body', 'seed', 'limited', 'withdrawnAt')
  if entry[2] then
    if entry[1] ~= ARGV[6 + i] then return { 'mismatch', '', '' } end
    if entry[4] then
      if now > entry[4] + ${WITHDRAWN_WITHIN_MS} then
        redis.call('HSET', KEYS[i], 'withdrawer', seed, 'withdrawnAt', now)
      end
      return { 'withdrawn', '', '' }
    end
    local asker = redis.call('HLEN', KEYS[i]) < ${MOST_FIELDS} and seed or 'others'
    redis.call('HSET', KEYS[i], 'by:' .. asker, '')
    return { 'repeat', entry[2], entry[3] }
  end
end
local window = most > 0 and ${HOUR_MS} or cooldown
local function waitOf(before)
  local times = {}
  for ring = 1, rings do
    redis.call('ZREMRANGEBYSCORE', KEYS[before + ring], '-inf', now - window)
    local found = redis.call('ZRANGE', KEYS[before + ring], 0, -1, 'WITHSCORES')
    for i = 2, #found, 2 do times[#times + 1] = tonumber(found[i]) end
  end
  table.sort(times)
  local wait = 0
  if cooldown > 0 and #times > 0 then wait = times[#times] + cooldown - now end
  if most > 0 and #times >= most then wait = math.max(wait, times[#times - most + 1] + window - now) end
  return wait
end
local limited, admitted, first = {}, 0, 7 + entries
for i = first, #ARGV do
  local before = entries + (i - first) * rings
  local wait = rings > 0 and waitOf(before) or 0
  if wait > 0 then
    limited[#limited + 1] = ARGV[i] .. ':' .. string.format('%.0f', wait)
  else
    admitted = admitted + 1
    if rings > 0 then
      redis.call('ZADD', KEYS[before + 1], now, seed .. ':' .. ARGV[i])
      redis.call('PEXPIRE', KEYS[before + 1], window)
    end
  end
end
local told = table.concat(limited, ',')
if entries > 0 and admitted > 0 then
  redis.call('HSET', KEYS[1], 'body', ARGV[7], 'seed', seed, 'limited', told, 'by:' .. seed, '')
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return { 'new', seed, told }
`

/**
 * KEYS  as for ADMIT · ARGV 1 how many entry keys · 2 asker
 * Lets nobody in any more, if nobody else has made the request. Returns the seed of messages that are then nobody's; '-' when there is
 * no entry, so that they are the asker's own; or ''.
 */
const WITHDRAW = `
for i = 1, tonumber(ARGV[1]) do
  local entry = redis.call('HMGET', KEYS[i], 'seed', 'withdrawer')
  if entry[1] then
    if entry[2] == ARGV[2] then return entry[1] end
    if redis.call('HDEL', KEYS[i], 'by:' .. ARGV[2]) == 0 or redis.call('HLEN', KEYS[i]) > ${OWN_FIELDS} then return '' end
    local time = redis.call('TIME')
    redis.call('HSET', KEYS[i], 'withdrawer', ARGV[2], 'withdrawnAt', time[1] * 1000 + math.floor(time[2] / 1000))
    return entry[1]
  end
end
return '-'
`

/**
 * KEYS  as for ADMIT · ARGV 1 how many entry keys · 2 how many keys a recipient has · 3 asker · 4 seed of the messages
 *       5 '1' = one of them was sent · then each message's index
 * Ends what WITHDRAW began, unless another does it by now: forgets the request, or lets repeats in again.
 */
const END_WITHDRAWAL = `
local entries, rings = tonumber(ARGV[1]), tonumber(ARGV[2])
for i = 1, entries do
  local withdrawer = redis.call('HGET', KEYS[i], 'withdrawer')
  if withdrawer and withdrawer ~= ARGV[3] then return end
  if withdrawer and ARGV[5] == '1' then
    redis.call('HDEL', KEYS[i], 'withdrawer', 'withdrawnAt')
    redis.call('HSET', KEYS[i], 'by:' .. ARGV[3], '')
  elseif withdrawer then
    redis.call('DEL', KEYS[i])
  end
end
if ARGV[5] == '1' or rings == 0 then return end
for i = 6, #ARGV do
  redis.call('ZREM', KEYS[entries + (i - 6) * rings + 1], ARGV[4] .. ':' .. ARGV[i])
end
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisAdmit(numberOfKeys: number, ...args: string[]): Result<[string, string, string], Context>
    relaisWithdraw(numberOfKeys: number, ...args: string[]): Result<string, Context>
    relaisEndWithdrawal(numberOfKeys: number, ...args: string[]): Result<null, Context>
  }
}

/** A request that wants to come in: one message or many. */
export type AdmissionRequest = {
  app: string
  /** What the ids of its messages are made from, should it be new: see `newSeed`. */
  seed: string
  /** The app's own key for the request, and the request's body in its canonical form. */
  idempotency?: { key: string; body: string }
  /** Its messages, each with its place in the request, and the number it goes to in E.164. */
  messages: readonly { index: number; to: string }[]
}

export type AdmissionResult =
  /**
   * The ids of its messages come from `seed`, which a repeat has from the first. `limited`: by index, how many milliseconds a
   * message must wait that is not let in; it is not to be sent.
   */
  | { kind: 'new' | 'repeat'; seed: string; limited: ReadonlyMap<number, number> }
  /** The idempotency key belongs to a request with another body. */
  | { kind: 'mismatch' }
  /** The same request was refused, and is being taken back at this moment: it is to be made again a little later. */
  | { kind: 'withdrawn' }

/** Limits of one recipient, over all apps; 0 = off. */
export type RecipientLimits = {
  /** The least time between two messages, up to an hour. */
  cooldownMs: number
  /** The most messages in any hour. */
  maxPerHour: number
}

export function createAdmission(options: {
  redis: RedisClient
  keys: Keys
  encryptionKeys: readonly EncryptionKey[]
  limits: RecipientLimits
}) {
  const { redis, keys, encryptionKeys, limits } = options
  const digestsOfRequest = createKeyedDigest(encryptionKeys, 'idempotency')
  const digestsOfRecipient = createKeyedDigest(encryptionKeys, 'recipient')
  const keysOfRecipient = limits.cooldownMs > 0 || limits.maxPerHour > 0 ? encryptionKeys.length : 0
  redis.defineCommand('relaisAdmit', { lua: ADMIT })
  redis.defineCommand('relaisWithdraw', { lua: WITHDRAW })
  redis.defineCommand('relaisEndWithdrawal', { lua: END_WITHDRAWAL })

  return {
    /** Lets a request in: as new, as a repeat, or not. A request none of whose messages is let in leaves no entry behind. */
    async admit(request: AdmissionRequest): Promise<AdmissionResult> {
      if (isFree(request)) return { kind: 'new', seed: request.seed, limited: new Map() }
      const names = keysOf(request)
      const [kind, seed, limited] = await redis.relaisAdmit(
        names.length,
        ...names,
        ...counts(request),
        String(ENTRY_KEPT_MS),
        String(limits.cooldownMs),
        String(limits.maxPerHour),
        ...(request.idempotency ? digestsOfRequest(request.idempotency.body) : []),
        ...indexes(request),
      )
      if (kind === 'mismatch' || kind === 'withdrawn') return { kind }
      return { kind: kind === 'repeat' ? kind : 'new', seed, limited: readLimited(limited) }
    },

    /**
     * Begins to take back a request that was not accepted, also one of which nobody knows whether it came in: from now on nobody gets
     * in with the same. May be told again, and has to be followed by `endWithdrawal`. Answers the seed of the messages that must not
     * be sent now; undefined when they are those of another who was, or will be, answered, or who takes them back.
     */
    async withdraw(request: AdmissionRequest): Promise<string | undefined> {
      if (!request.idempotency) return request.seed
      const names = keysOf(request)
      const [entries] = counts(request)
      const seed = await redis.relaisWithdraw(names.length, ...names, entries, request.seed)
      return seed === '-' ? request.seed : seed || undefined
    },

    /**
     * @param request,seed as `withdraw` had and gave them
     * @param isSent `false`: no message of it was sent, or will be. It is not counted, and its idempotency key is free. `true`: a repeat
     *   has to find what was sent
     */
    async endWithdrawal(request: AdmissionRequest, seed: string, isSent: boolean): Promise<void> {
      if (isFree(request)) return
      const names = keysOf(request)
      const args = [...counts(request), seed, isSent ? '1' : '', ...indexes(request)]
      await redis.relaisEndWithdrawal(names.length, ...names, ...args)
    },
  }

  /** Nothing is kept of it, and nothing counted. */
  function isFree({ idempotency }: AdmissionRequest): boolean {
    return !idempotency && keysOfRecipient === 0
  }

  function keysOf({ app, idempotency, messages }: AdmissionRequest): string[] {
    const entries = idempotency ? digestsOfRequest(`${app}\n${idempotency.key}`).map(keys.idempotency) : []
    if (keysOfRecipient === 0) return entries
    return [...entries, ...messages.flatMap(({ to }) => digestsOfRecipient(to).map(keys.recipient))]
  }

  function counts({ idempotency, seed }: AdmissionRequest): [string, string, string] {
    return [String(idempotency ? encryptionKeys.length : 0), String(keysOfRecipient), seed]
  }
}

export type Admission = ReturnType<typeof createAdmission>

/** 128 random bits. Known to us alone, so ids made from it cannot be guessed. */
export function newSeed(): string {
  return randomBytes(16).toString('base64url')
}

/** The id of a request's message: always the same for the same seed and place. */
export function messageIdOf(seed: string, index: number): string {
  const digest = createHash('sha256').update(`${seed}:${index}`).digest()
  return `msg_${digest.subarray(0, 16).toString('base64url')}`
}

function indexes({ messages }: AdmissionRequest): string[] {
  return messages.map(({ index }) => String(index))
}

function readLimited(told: string): Map<number, number> {
  const pairs = told.split(',').filter(Boolean)
  return new Map(pairs.map((pair) => pair.split(':').map(Number) as [number, number]))
}
