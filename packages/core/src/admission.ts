/**
 * The door that messages come in by. It says of a request whether it was made before (idempotency), and of each message
 * whether a limit refuses it (`limits/`); both in one atomic step, so that of two equal requests at the same moment one is new and
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
import { hash } from 'node:crypto'
import type { Result } from 'ioredis'
import type { Late } from './grouped.ts'
import { createKeyedDigest } from './keyed-digest.ts'
import type { Keys } from './keys.ts'
import {
  createLimitPlanner,
  LIMIT_CHECKS,
  type Comer,
  type Limit,
  type LimitNews,
  type LimitPlan,
  type Limits,
} from './limits/limits.ts'
import type { LimitWatch } from './limits/watch.ts'
import { takeRandom } from './random.ts'
import type { EncryptionKey } from './sealer.ts'
import type { RedisClient } from './redis.ts'

const ENTRY_KEPT_MS = 24 * 3600 * 1000

/** Of what came with a test key nothing is kept for longer. */
const TEST_KEPT_MS = 3600 * 1000

/**
 * Fields of an entry: body, seed, limited; and `by:...` for each time the request was made and not taken back. While its messages are
 * being taken back: `withdrawer`, who does it, and `withdrawnAt`.
 */
const OWN_FIELDS = 3

/** Who has not taken the messages back by then is thought dead. */
const WITHDRAWN_WITHIN_MS = 3000

/** From here on an entry tells no more who made the request: it is never taken back. */
const MOST_FIELDS = 64

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/**
 * KEYS  the entry of the request under each key of the ring, if it has an idempotency key; then those of the limits
 * ARGV  1 JSON: a `LimitPlan`, with `seed`, `bodies`: the body's digest under each key of the ring, and for how long the entry is kept (ms)
 * Returns { 'new' or 'repeat' or 'mismatch' or 'withdrawn', seed, 'index:wait in ms:limit,...' of the messages that are limited, JSON of what
 * the limits have to tell }.
 */
const ADMIT = `
local plan = cjson.decode(ARGV[1])
local seed, news = plan.seed, {}
${NOW}
for i, body in ipairs(plan.bodies) do
  local entry = redis.call('HMGET', KEYS[i], 'body', 'seed', 'limited', 'withdrawnAt')
  if entry[2] then
    if entry[1] ~= body then return { 'mismatch', '', '', '' } end
    if entry[4] then
      if now > entry[4] + ${WITHDRAWN_WITHIN_MS} then
        redis.call('HSET', KEYS[i], 'withdrawer', seed, 'withdrawnAt', now)
      end
      return { 'withdrawn', '', '', '' }
    end
    local asker = redis.call('HLEN', KEYS[i]) < ${MOST_FIELDS} and seed or 'others'
    redis.call('HSET', KEYS[i], 'by:' .. asker, '')
    return { 'repeat', entry[2], entry[3], '' }
  end
end
${LIMIT_CHECKS}
local told, admitted = checkLimits()
if #plan.bodies > 0 and admitted > 0 then
  redis.call('HSET', KEYS[1], 'body', plan.bodies[1], 'seed', seed, 'limited', told, 'by:' .. seed, '')
  redis.call('PEXPIRE', KEYS[1], plan.keptMs)
end
return { 'new', seed, told, #news > 0 and cjson.encode(news) or '' }
`

/**
 * KEYS  the entry of the request under each key of the ring · ARGV 1 asker
 * Lets nobody in any more, if nobody else has made the request. Returns the seed of messages that are then nobody's; '-' when there is
 * no entry, so that they are the asker's own; or ''.
 */
const WITHDRAW = `
for _, key in ipairs(KEYS) do
  local entry = redis.call('HMGET', key, 'seed', 'withdrawer')
  if entry[1] then
    if entry[2] == ARGV[1] then return entry[1] end
    if redis.call('HDEL', key, 'by:' .. ARGV[1]) == 0 or redis.call('HLEN', key) > ${OWN_FIELDS} then return '' end
    ${NOW}
    redis.call('HSET', key, 'withdrawer', ARGV[1], 'withdrawnAt', now)
    return entry[1]
  end
end
return '-'
`

/**
 * KEYS  as for ADMIT
 * ARGV  1 JSON: as for ADMIT, where `seed` is that of the messages; with `asker`, `isSent` (one of them was sent), and `limited`: which of
 *       them were not let in, if the asker knows and there is no entry that does
 * Ends what WITHDRAW began, unless another does it by now: forgets the request, or lets repeats in again.
 */
const END_WITHDRAWAL = `
local plan = cjson.decode(ARGV[1])
local seed, limited, news = plan.seed, plan.limited, {}
for i in ipairs(plan.bodies) do
  local entry = redis.call('HMGET', KEYS[i], 'withdrawer', 'limited')
  if entry[1] and entry[1] ~= plan.asker then return end
  if entry[1] and plan.isSent then
    redis.call('HDEL', KEYS[i], 'withdrawer', 'withdrawnAt')
    redis.call('HSET', KEYS[i], 'by:' .. plan.asker, '')
  elseif entry[1] then
    limited = entry[2]
    redis.call('DEL', KEYS[i])
  end
end
if plan.isSent then return end
${NOW}
${LIMIT_CHECKS}
uncountLimits(limited)
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisAdmit(numberOfKeys: number, ...args: string[]): Result<[string, string, string, string], Context>
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
  /** Its messages. */
  messages: readonly Comer[]
  /** It is looked for among the requests made before, and no limit is asked. */
  isTest?: boolean
}

/** Why a message is not let in, and after how many milliseconds it would be, and not before. */
export type Refusal = { limit: Limit; waitMs: number }

export type AdmissionResult =
  /** The ids of its messages come from `seed`, which a repeat has from the first. `limited`, by index: what is not to be sent. */
  | { kind: 'new' | 'repeat'; seed: string; limited: ReadonlyMap<number, Refusal> }
  /** The idempotency key belongs to a request with another body. */
  | { kind: 'mismatch' }
  /** The same request was refused, and is being taken back at this moment: it is to be made again a little later. */
  | { kind: 'withdrawn' }

/**
 * @param options.watch what the limits have to know beforehand: see `createLimitWatch`
 * @param options.onNews told of what an app's messages did to its limits
 */
export function createAdmission(options: {
  redis: RedisClient
  keys: Keys
  encryptionKeys: readonly EncryptionKey[]
  limits: Limits
  watch?: LimitWatch
  onNews?: (app: string, news: LimitNews) => void
  now?: () => number
}) {
  const { redis, keys, encryptionKeys, watch, onNews } = options
  const digestsOfRequest = createKeyedDigest(encryptionKeys, 'idempotency')
  const planLimits = createLimitPlanner(options)
  /** What was told of requests without an entry, for the one time that they may be taken back. */
  const told = new WeakMap<AdmissionRequest, string>()
  redis.defineCommand('relaisAdmit', { lua: ADMIT })
  redis.defineCommand('relaisWithdraw', { lua: WITHDRAW })
  redis.defineCommand('relaisEndWithdrawal', { lua: END_WITHDRAWAL })

  return {
    /**
     * Lets a request in: as new, as a repeat, or not. A request none of whose messages is let in leaves no entry behind.
     *
     * @param late once it is aborted the request is not told to Redis any more, and this rejects
     */
    async admit(request: AdmissionRequest, late?: Late): Promise<AdmissionResult> {
      await watch?.beFresh()
      late?.throwIfAborted()
      const { names, plan, isFree } = planOf(request)
      if (isFree) return { kind: 'new', seed: request.seed, limited: new Map() }
      const [kind, seed, limited, news] = await redis.relaisAdmit(
        names.length,
        ...names,
        JSON.stringify({
          ...plan,
          seed: request.seed,
          keptMs: request.isTest ? TEST_KEPT_MS : ENTRY_KEPT_MS,
        }),
      )
      if (kind === 'mismatch' || kind === 'withdrawn') return { kind }
      if (!request.idempotency) told.set(request, limited)
      if (news) for (const one of JSON.parse(news) as LimitNews[]) onNews?.(request.app, one)
      return { kind: kind === 'repeat' ? kind : 'new', seed, limited: readLimited(limited) }
    },

    /**
     * The key under which a request is noted when it is let in as new; undefined without an idempotency key. Whoever has asked `admit`
     * before has it when Redis has been told of the request, and not before: what is said to Redis then comes behind it.
     */
    async entryOf(request: AdmissionRequest): Promise<string | undefined> {
      await watch?.beFresh()
      return entriesOf(request)[0]
    },

    /**
     * Begins to take back a request that was not accepted, also one of which nobody knows whether it came in: from now on nobody gets
     * in with the same. May be told again, and has to be followed by `endWithdrawal`. Answers the seed of the messages that must not
     * be sent now; undefined when they are those of another who was, or will be, answered, or who takes them back.
     */
    async withdraw(request: AdmissionRequest): Promise<string | undefined> {
      if (!request.idempotency) return request.seed
      const names = entriesOf(request)
      const seed = await redis.relaisWithdraw(names.length, ...names, request.seed)
      return seed === '-' ? request.seed : seed || undefined
    },

    /**
     * @param request,seed as `withdraw` had and gave them
     * @param isSent `false`: no message of it was sent, or will be. It is not counted, and its idempotency key is free. `true`: a repeat
     *   has to find what was sent
     */
    async endWithdrawal(request: AdmissionRequest, seed: string, isSent: boolean): Promise<void> {
      const { names, plan, isFree } = planOf(request)
      if (isFree) return
      const limited = told.get(request)
      // Should the answer to this get lost it is not taken back twice: what is counted too much goes by itself.
      told.delete(request)
      const end = { ...plan, seed, asker: request.seed, isSent, ...(limited !== undefined && { limited }) }
      await redis.relaisEndWithdrawal(names.length, ...names, JSON.stringify(end))
    },
  }

  /** `isFree`: nothing is kept of it, and nothing counted. */
  function planOf(request: AdmissionRequest): {
    names: string[]
    plan: LimitPlan & { bodies: string[] }
    isFree: boolean
  } {
    const { app, idempotency, messages, isTest = false } = request
    const names = entriesOf(request)
    const places = new Map<string, number>()
    const place = (name: string): number => {
      const known = places.get(name) ?? names.push(name)
      places.set(name, known)
      return known
    }
    const bodies = idempotency ? digestsOfRequest(idempotency.body) : []
    const plan = planLimits(app, isTest ? [] : messages, place)
    if (isTest) return { names, plan: { ...plan, ...unlimited(messages), bodies }, isFree: !idempotency }
    const isFree = !idempotency && names.length === 0 && !plan.messages.some(({ stoppedMs }) => stoppedMs)
    return { names, plan: { ...plan, bodies }, isFree }
  }

  function entriesOf({ app, idempotency }: AdmissionRequest): string[] {
    return idempotency ? digestsOfRequest(`${app}\n${idempotency.key}`).map(keys.idempotency) : []
  }
}

export type Admission = ReturnType<typeof createAdmission>

function unlimited(messages: readonly Comer[]): Pick<LimitPlan, 'messages'> {
  return { messages: messages.map(({ index }) => ({ index, windows: [] })) }
}

/** 128 random bits. Known to us alone, so ids made from it cannot be guessed. */
export function newSeed(): string {
  return takeRandom(16).toString('base64url')
}

/** The id of a request's message: always the same for the same seed and place. */
export function messageIdOf(seed: string, index: number): string {
  const digest = hash('sha256', `${seed}:${index}`, 'buffer')
  return `msg_${digest.subarray(0, 16).toString('base64url')}`
}

/** A message of before there were several limits has the one that there was. */
function readLimited(told: string): Map<number, Refusal> {
  const parts = told.split(',').filter(Boolean)
  return new Map(
    parts.map((part) => {
      const [index, waitMs, limit = 'recipient'] = part.split(':')
      return [Number(index), { waitMs: Number(waitMs), limit: limit as Limit }]
    }),
  )
}
