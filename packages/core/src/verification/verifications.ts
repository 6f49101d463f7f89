/**
 * Verifications in Redis: see `verification.ts` for what they promise. Every decision is one script.
 *
 * Comparison. What is compared are digests of fixed length, made outside with a key that Redis never has, and bound to the verification. A
 * guess is turned into its digest before anything is known of the verification, also for one that does not exist. Redis compares them as
 * interned strings, by their address; but even a comparison that stopped at the first difference would tell nothing: who guesses cannot choose,
 * nor know, how the digest of a guess begins.
 */
import type { Result } from 'ioredis'
import { createKeyedDigest } from '../keyed-digest.ts'
import type { Keys } from '../keys.ts'
import type { Message } from '../message.ts'
import type { RedisClient } from '../redis.ts'
import { UnsealError, type EncryptionKey, type Sealer } from '../sealer.ts'
import {
  keptUntil,
  LEAST_LIFE_MS,
  MOST_WRONG,
  MOST_WRONG_IN_A_ROW,
  RESEND_AFTER_MS,
  verificationIdOf,
  WRONG_IN_A_ROW_KEPT_MS,
  type Verification,
  type VerificationBirth,
} from './verification.ts'

/** What is common to the scripts: is it over, by the clock of Redis and by what the app has said of its messages, KEYS[`first`] and on? */
const IS_OVER = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function isOver(status, expiresAt, first)
  if status ~= 'pending' or now >= tonumber(expiresAt) then return true end
  for i = first, #KEYS do
    local message = redis.call('HMGET', KEYS[i], 'status', 'usedAt')
    if message[1] == 'used' or message[1] == 'canceled' or message[2] then return true end
  end
  return false
end
`

/**
 * KEYS  1 record · 2 sealed code · 3 wrong answers in a row for its recipient · then the records of its messages
 * ARGV  1 whose it is to be · 2 digest that knows a repeat, '' = none · 3 and on: the digest of the guess under each key of the ring
 * Returns { 'none' }, { 'ended' }, or { 'right' or 'wrong', tries left, 'repeat' or 'new', ids of its messages }. The try is counted first of all.
 */
const CHECK = `
${IS_OVER}
local known = redis.call('HMGET', KEYS[1], 'world', 'status', 'code', 'expiresAt', 'recipient', 'messageIds')
if known[1] ~= ARGV[1] then return { 'none' } end
local repeated = ARGV[2] ~= '' and 'told:' .. ARGV[2]
local told = repeated and redis.call('HGET', KEYS[1], repeated)
if told then
  if told == 'right' then return { 'right', '0', 'repeat', known[6] } end
  return { 'wrong', told, 'repeat', known[6] }
end
if isOver(known[2], known[4], 4) then return { 'ended' } end
local isCounted = known[5] and known[5] ~= ''
if isCounted and tonumber(redis.call('GET', KEYS[3]) or 0) >= ${MOST_WRONG_IN_A_ROW} then
  redis.call('HSET', KEYS[1], 'status', 'ended')
  redis.call('DEL', KEYS[2])
  return { 'ended' }
end
local left = ${MOST_WRONG} - redis.call('HINCRBY', KEYS[1], 'wrong', 1)
if isCounted then
  redis.call('INCR', KEYS[3])
  redis.call('PEXPIRE', KEYS[3], ${WRONG_IN_A_ROW_KEPT_MS})
end
local isRight = false
for i = 3, #ARGV do isRight = ARGV[i] == known[3] or isRight end
if isRight then
  redis.call('HINCRBY', KEYS[1], 'wrong', -1)
  redis.call('DEL', KEYS[3])
end
if isRight or left <= 0 then
  redis.call('HSET', KEYS[1], 'status', isRight and 'verified' or 'ended')
  redis.call('DEL', KEYS[2])
end
if repeated then redis.call('HSET', KEYS[1], repeated, isRight and 'right' or tostring(left)) end
return { isRight and 'right' or 'wrong', tostring(left), 'new', known[6] }
`

/**
 * KEYS  1 record · then the records of its messages
 * ARGV  1 whose it is to be · 2 digest that knows a repeat, '' = none · 3 seed of a further message · 4 its id; '' when there is to be none
 * Returns { 'none' }, { 'ended' }, { 'too-soon', ms to wait }; or { 'reserved' or 'repeat', seed, JSON: the record before }. A resend is counted
 * before anything is sent.
 */
const RESERVE = `
${IS_OVER}
local known = redis.call('HMGET', KEYS[1], 'world', 'status', 'expiresAt', 'resends', 'resendAt', 'messageIds', 'resendRepeat', 'resendSeed')
if known[1] ~= ARGV[1] then return { 'none' } end
if isOver(known[2], known[3], 2) or known[3] - now < ${LEAST_LIFE_MS} then return { 'ended' } end
if ARGV[2] ~= '' and known[7] == ARGV[2] then return { 'repeat', known[8] } end
local waits = { ${RESEND_AFTER_MS.join(', ')} }
local resends = tonumber(known[4] or 0)
if resends >= #waits then return { 'too-soon', string.format('%.0f', known[3] - now) } end
if now < tonumber(known[5]) then return { 'too-soon', string.format('%.0f', known[5] - now) } end
local nextAt = string.format('%.0f', now + (waits[resends + 2] or 0))
redis.call('HSET', KEYS[1], 'resends', resends + 1, 'resendAt', nextAt, 'resendSeed', ARGV[3], 'resendRepeat', ARGV[2])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'messageIds', known[6] .. ',' .. ARGV[4]) end
return { 'reserved', ARGV[3] }
`

/**
 * KEYS 1 record · ARGV 1 seed of the resend · 2 resends, 3 resendAt, 4 messageIds as they were before it
 * Takes back that very resend. Returns 1, or 0 when it is not the last one.
 */
const GIVE_BACK = `
if redis.call('HGET', KEYS[1], 'resendSeed') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'resends', ARGV[2], 'resendAt', ARGV[3], 'messageIds', ARGV[4])
return redis.call('HDEL', KEYS[1], 'resendSeed', 'resendRepeat') > 0 and 1 or 0
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisCheckVerification(
      numberOfKeys: number,
      ...args: string[]
    ): Result<[string, string?, string?, string?], Context>
    relaisReserveResend(numberOfKeys: number, ...args: string[]): Result<[string, string?], Context>
    relaisGiveBackResend(record: string, ...args: string[]): Result<number, Context>
  }
}

/** What a check led to. */
export type CheckResult =
  /** There is none, or it is not this app's. */
  | { kind: 'none' }
  | { kind: 'ended' }
  /** `isRepeat`: the answer of the same request before; nothing was counted. */
  | { kind: 'right'; isRepeat: boolean; messageIds: string[] }
  | { kind: 'wrong'; isRepeat: boolean; attemptsLeft: number; messageIds: string[] }

/** Whether a code may be sent again now. */
export type ResendResult =
  | { kind: 'none' }
  /** Over, or too near its deadline. */
  | { kind: 'ended' }
  | { kind: 'too-soon'; waitMs: number }
  /** It is counted. `seed`: what the id of the further message is made from. `before`: the verification as it was. */
  | { kind: 'reserved' | 'repeat'; seed: string; before: Verification }

/** @param options.encryptionKeys digests are keyed with what is derived from them */
export function createVerifications(options: {
  redis: RedisClient
  keys: Keys
  sealer: Sealer
  encryptionKeys: readonly EncryptionKey[]
}) {
  const { redis, keys, sealer, encryptionKeys } = options
  const digests = createKeyedDigest(encryptionKeys, 'verification')
  redis.defineCommand('relaisCheckVerification', { lua: CHECK })
  redis.defineCommand('relaisReserveResend', { lua: RESERVE })
  redis.defineCommand('relaisGiveBackResend', { numberOfKeys: 1, lua: GIVE_BACK })

  return {
    /** The verification that begins with this message. @param world whose it is: see `worldOf` */
    birthOf(message: Message, world: string, code: string): VerificationBirth {
      const { app, to, acceptedAt: startedAt, expiresAt, isTest = false } = message
      const id = verificationIdOf(message.id)
      const record = {
        world,
        status: 'pending',
        code: digestOfCode(id, code)[0] ?? '',
        // What is tried with a test key is nobody's number.
        ...(!isTest && { recipient: digestOfRecipient(app, to)[0] ?? '' }),
        messageIds: message.id,
        resendAt: String(startedAt + RESEND_AFTER_MS[0]),
        expiresAt: String(expiresAt),
      }
      return {
        id,
        fields: Object.entries(record).flat(),
        keptUntil: keptUntil({ isTest, startedAt, expiresAt }),
        sealedCode: sealer.seal(code, { purpose: 'verification', id }),
        expiresAt,
      }
    },

    /**
     * Is this the code? Counted first, then decided.
     *
     * @param ask.repeat a text by which a repeat of this very request is known: it gets the same answer and is not counted again
     */
    async check(ask: { id: string; world: string; guess: string; repeat?: string }): Promise<CheckResult> {
      const { id, world, guess, repeat } = ask
      const guesses = digestOfCode(id, guess)
      const { known, recipient } = await ofRecord(id)
      const names = [
        keys.verification(id),
        keys.verificationCode(id),
        keys.wrongInARow(recipient),
        ...known.map(keys.message),
      ]
      const told = repeat === undefined ? '' : digestOfRepeat(id, `${guess}\n${repeat}`)
      const [kind, left, how, ids = ''] = await redis.relaisCheckVerification(
        names.length,
        ...names,
        world,
        told,
        ...guesses,
      )
      const isRepeat = how === 'repeat'
      const messageIds = ids.split(',')
      switch (kind) {
        case 'right':
          return { kind, isRepeat, messageIds }
        case 'wrong':
          return { kind, isRepeat, attemptsLeft: Number(left), messageIds }
        case 'ended':
          return { kind }
        default:
          return { kind: 'none' }
      }
    },

    /**
     * Counts a resend, if there may be one now. Whoever has it sends the code.
     *
     * @param ask.messageId the further message that will bring the code; undefined: the last one does, in another way
     * @param ask.repeat as for `check`
     */
    async reserveResend(ask: {
      id: string
      world: string
      seed: string
      messageId?: string
      repeat?: string
    }): Promise<ResendResult> {
      const { id, world, seed, messageId = '', repeat } = ask
      const before = await read(id)
      const names = [keys.verification(id), ...(before?.messageIds ?? []).map(keys.message)]
      const known = repeat === undefined ? '' : digestOfRepeat(id, repeat)
      const [kind, told = ''] = await redis.relaisReserveResend(
        names.length,
        ...names,
        world,
        known,
        seed,
        messageId,
      )
      if (kind === 'ended') return { kind }
      if (kind === 'too-soon') return { kind, waitMs: Number(told) }
      if (!before || kind === 'none') return { kind: 'none' }
      return { kind: kind === 'repeat' ? kind : 'reserved', seed: told, before }
    },

    /** Takes a resend back with which nothing was sent. Another's is left alone. */
    async giveBack(seed: string, { id, resends, resendAt, messageIds }: Verification): Promise<void> {
      const asItWas = [String(resends), String(resendAt), messageIds.join()]
      await redis.relaisGiveBackResend(keys.verification(id), seed, ...asItWas)
    },

    read,

    /** The code, to be sent again; undefined once it is over, or when its key is gone. */
    async codeOf(id: string): Promise<string | undefined> {
      const sealed = await redis.get(keys.verificationCode(id))
      try {
        return sealed === null ? undefined : sealer.open(sealed, { purpose: 'verification', id })
      } catch (error) {
        if (error instanceof UnsealError) return undefined
        throw error
      }
    },

    /** How long an app has to wait before it may start a verification of this recipient, in milliseconds; 0: it may. */
    async untilStart(app: string, to: string): Promise<number> {
      const names = digestOfRecipient(app, to).map(keys.wrongInARow)
      const counts = await redis.mget(names)
      const full = names.filter((_name, i) => Number(counts[i] ?? 0) >= MOST_WRONG_IN_A_ROW)
      const left = await Promise.all(full.map((name) => redis.pttl(name)))
      return Math.max(0, ...left)
    },
  }

  async function read(id: string): Promise<Verification | undefined> {
    const fields = await redis.hgetall(keys.verification(id))
    const { world, status, messageIds } = fields
    if (!world || !status || !messageIds) return undefined
    return {
      id,
      world,
      status: status as Verification['status'],
      messageIds: messageIds.split(','),
      wrong: Number(fields['wrong'] ?? 0),
      resends: Number(fields['resends'] ?? 0),
      resendAt: Number(fields['resendAt']),
      expiresAt: Number(fields['expiresAt']),
    }
  }

  /** What has to be known to name the keys of a check. Messages and recipient of one that is not there: none. */
  async function ofRecord(id: string): Promise<{ known: string[]; recipient: string }> {
    const [messageIds, recipient] = await redis.hmget(keys.verification(id), 'messageIds', 'recipient')
    return { known: messageIds?.split(',') ?? [], recipient: recipient ?? '' }
  }

  function digestOfCode(id: string, code: string): string[] {
    return digests(`code\n${id}\n${code}`)
  }

  function digestOfRecipient(app: string, to: string): string[] {
    return digests(`recipient\n${app}\n${to}`)
  }

  function digestOfRepeat(id: string, text: string): string {
    return digests(`repeat\n${id}\n${text}`)[0] ?? ''
  }
}

export type Verifications = ReturnType<typeof createVerifications>
