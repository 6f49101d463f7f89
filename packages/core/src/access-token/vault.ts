/**
 * The record of a sender's access tokens, sealed in Redis.
 *
 * Promises:
 * - the version only grows, and a commit adds to exactly the record its maker had read: of two that renew at the same time
 *   one wins, the other is told, and a newer token is never replaced by an older one;
 * - a commit under a lease is refused once the lease is lost: the lease is looked at in the script that writes;
 * - what is noted of a token touches that version only;
 * - a record is whole or absent: each write is one script, and tells every process (`token-changes.ts`).
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Result } from 'ioredis'
import type { Keys } from '../keys.ts'
import type { Sealer } from '../sealer.ts'
import type { Secret } from '../secret.ts'
import { SettingsError } from '../settings.ts'
import {
  allTokenFields,
  createTokenFields,
  factFields,
  KEPT_TOKENS,
  keptVersions,
  prefixed,
  type NewToken,
  type TokenExtras,
  type TokenFacts,
} from './token-fields.ts'
import { isUsable, type LastCheck, type LastRenewal, type TokenRecord } from './token-state.ts'
import type { RedisClient } from '../redis.ts'

/** Names one version of one token. */
export type TokenVersion = Pick<TokenRecord, 'generation' | 'version'>

/** What was said of the tokens before does not hold once there is a newer one. */
const STALE_FIELDS = ['lastCheck', 'lastRenewal', 'expiringSaidAt', 'unusableSaidAt', 'restoredAt']

const MISSING_SAID_MS = 3600_000

/** A condition on a field: its value, `PRESENT` or `ABSENT`. */
const PRESENT = '*'
const ABSENT = ''

/**
 * KEYS 1 the record · 2 the lease
 * ARGV 1 JSON array of conditions [field, value] · 2 owner the lease must have, '' = any · 3 JSON object of fields to set
 *      4 JSON array of fields to remove · 5 '1' = end the lease · 6 the channel to tell
 * Returns 1, or 0 when a condition does not hold: then nothing is written.
 */
const WRITE = `
for _, condition in ipairs(cjson.decode(ARGV[1])) do
  local is = redis.call('HGET', KEYS[1], condition[1])
  if condition[2] == '${PRESENT}' then if not is then return 0 end
  elseif condition[2] == '${ABSENT}' then if is then return 0 end
  elseif is ~= condition[2] then return 0 end
end
if ARGV[2] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
for _, field in ipairs(cjson.decode(ARGV[4])) do redis.call('HDEL', KEYS[1], field) end
for field, value in pairs(cjson.decode(ARGV[3])) do redis.call('HSET', KEYS[1], field, value) end
if ARGV[5] == '1' then redis.call('DEL', KEYS[2]) end
redis.call('PUBLISH', ARGV[6], 'changed')
return 1
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisWriteToken(numberOfKeys: 2, ...args: string[]): Result<number, Context>
  }
}

type Write = {
  where: Record<string, string>
  set?: Record<string, string>
  remove?: readonly string[]
  leaseOwner?: string | undefined
  endLease?: boolean
}

/** @param options.senderId the phone-number id whose tokens these are */
export function createTokenVault(options: {
  redis: RedisClient
  keys: Keys
  sealer: Sealer
  senderId: string
}) {
  const { redis, keys, senderId } = options
  const key = keys.accessToken(senderId)
  const { tokenFields, extraFields, readRecord, resealed } = createTokenFields(options)
  redis.defineCommand('relaisWriteToken', { lua: WRITE })

  return {
    /** The record as stored. What none of our keys opens is left out of it, and counted. */
    async read(): Promise<TokenRecord | undefined> {
      const fields = await redis.hgetall(key)
      return fields['generation'] === undefined ? undefined : readRecord(fields)
    },

    /** Makes the record with its first token. False if there is one. */
    bootstrap: (token: NewToken, extras: TokenExtras = {}): Promise<boolean> =>
      write({
        where: { generation: ABSENT },
        set: {
          generation: newGeneration(),
          version: '1',
          ...tokenFields({ ...token, version: 1 }),
          ...seenFields(token),
          ...extraFields(extras),
        },
      }),

    /**
     * Adds a token to `expected` as its newest. False if the record is another one by now, or has a newer token.
     *
     * @param how.leaseOwner who must still hold the lease; without one the lease is ended: whatever is being exchanged is older
     */
    commit(
      expected: TokenVersion,
      token: NewToken,
      how: TokenExtras & { leaseOwner?: string; lastRenewal?: LastRenewal } = {},
    ): Promise<boolean> {
      const version = expected.version + 1
      return write({
        where: whereNewest(expected),
        leaseOwner: how.leaseOwner,
        endLease: how.leaseOwner === undefined,
        set: {
          version: String(version),
          ...tokenFields({ ...token, version }),
          ...seenFields(token),
          ...(how.lastRenewal && { lastRenewal: JSON.stringify(how.lastRenewal) }),
          ...extraFields(how),
        },
        remove: [...allTokenFields(version - KEPT_TOKENS), ...STALE_FIELDS],
      })
    },

    /**
     * Puts back what a process remembers of a record that Redis lost. False if there is another one by now.
     *
     * @param how.over the record that took its place meanwhile and is worse
     */
    restore(
      remembered: TokenRecord,
      { at, over }: { at: number; over?: TokenVersion | undefined },
    ): Promise<boolean> {
      const { tokens, lastRenewal, appSecret, manualAt } = remembered
      return write({
        where: over ? whereNewest(over) : { generation: ABSENT },
        set: {
          generation: newGeneration(),
          version: String(remembered.version),
          restoredAt: String(at),
          ...Object.assign({}, ...tokens.map((token) => tokenFields(token))),
          ...(lastRenewal && { lastRenewal: JSON.stringify(lastRenewal) }),
          ...extraFields({ ...(appSecret && { appSecret }), ...(manualAt !== undefined && { manualAt }) }),
        },
        remove: over ? [...keptVersions(over.version).flatMap(allTokenFields), ...STALE_FIELDS] : [],
      })
    },

    /** Seals everything under the first key of the ring. False if the record was changed meanwhile. */
    reseal: (record: TokenRecord): Promise<boolean> =>
      write({ where: whereNewest(record), set: resealed(record) }),

    /** Notes what Meta says of this very version. False if it is not kept any more. */
    describe: (token: TokenVersion, facts: TokenFacts): Promise<boolean> =>
      write({ where: whereKept(token), set: prefixed(token.version, factFields(facts)) }),

    /**
     * Notes that Meta refused this very version. True for the first who says so.
     *
     * @param said.why in Meta's words
     * @param said.check when Meta is to be asked about it, unless at once
     */
    noteRefusal: (
      token: TokenVersion,
      refusedAt: number,
      { why, check }: { why?: string; check?: LastCheck | undefined } = {},
    ): Promise<boolean> =>
      write({
        where: { ...whereKept(token), [`${token.version}.refusedAt`]: ABSENT },
        set: {
          ...prefixed(token.version, { refusedAt: String(refusedAt), ...(why !== undefined && { why }) }),
          ...(check && { lastCheck: JSON.stringify(check) }),
        },
        remove: check ? [] : ['lastCheck'],
      }),

    /** Notes that Meta, asked about it, called this very version invalid. True if that is news: no send was refused with it either. */
    async noteDeath(token: TokenVersion, deadAt: number, why: string): Promise<boolean> {
      const [refused, dead] = [`${token.version}.refusedAt`, `${token.version}.deadAt`]
      const set = prefixed(token.version, { deadAt: String(deadAt), why })
      const isNews = await write({
        where: { ...whereKept(token), [refused]: ABSENT },
        set: { ...set, [refused]: String(deadAt) },
      })
      if (!isNews) await write({ where: { ...whereKept(token), [dead]: ABSENT }, set })
      return isNews
    },

    /** Takes a refusal of this very version back: Meta says that the token is valid. True for the first who says so. */
    clearRefusal: (token: TokenVersion, confirmedAt: number): Promise<boolean> =>
      write({
        where: { ...whereKept(token), [`${token.version}.refusedAt`]: PRESENT },
        set: { [`${token.version}.confirmedAt`]: String(confirmedAt) },
        remove: ['refusedAt', 'deadAt', 'why'].map((name) => `${token.version}.${name}`),
      }),

    /** Notes how a renewal went that added no token. False if there is a newer one. */
    noteRenewal: (record: TokenVersion, result: LastRenewal): Promise<boolean> =>
      write({ where: whereNewest(record), set: { lastRenewal: JSON.stringify(result) } }),

    /** Notes how a check goes. True for the first who does so after `record` was read: it is theirs to make. */
    claimCheck: (record: TokenRecord, check: LastCheck): Promise<boolean> =>
      write({
        where: {
          ...whereNewest(record),
          lastCheck: record.lastCheck ? JSON.stringify(record.lastCheck) : ABSENT,
        },
        set: { lastCheck: JSON.stringify(check) },
      }),

    /** Notes when something is said. True for the first who does so after `record` was read: it is theirs to say. */
    claimWord: (
      record: TokenRecord,
      what: 'expiringSaidAt' | 'unusableSaidAt',
      at: number,
    ): Promise<boolean> =>
      write({
        where: { ...whereNewest(record), [what]: record[what]?.toString() ?? ABSENT },
        set: { [what]: String(at) },
      }),

    /** The same for a record that does not exist: true for one process an hour. */
    claimMissing: async (): Promise<boolean> =>
      (await redis.set(keys.tokenMissingSaid(senderId), '1', 'PX', MISSING_SAID_MS, 'NX')) === 'OK',

    /** When this token of the environment was last stored or asked about. Then it is not news, however the environment repeats it. */
    async seenAt(accessToken: Secret): Promise<number | undefined> {
      const at = await redis.hget(key, seenField(accessToken))
      return at === null ? undefined : Number(at)
    },

    /** Remembers a token of the environment that will not do, and when. */
    noteSeen: ({ generation }: Pick<TokenVersion, 'generation'>, accessToken: Secret, at: number) =>
      write({ where: { generation }, set: { [seenField(accessToken)]: String(at) } }),
  }

  async function write({ where, set = {}, remove = [], leaseOwner = '', endLease }: Write): Promise<boolean> {
    const done = await redis.relaisWriteToken(
      2,
      key,
      keys.renewalLease(senderId),
      JSON.stringify(Object.entries(where)),
      leaseOwner,
      JSON.stringify(set),
      JSON.stringify(remove),
      endLease ? '1' : '',
      keys.tokenChanges(senderId),
    )
    return done === 1
  }
}

export type TokenVault = ReturnType<typeof createTokenVault>

/** Throws a `SettingsError` if the only tokens that may live are sealed under keys we do not have: running on would lock everyone out. */
export async function requireReadable(vault: Pick<TokenVault, 'read'>, now: number): Promise<void> {
  const record = await vault.read()
  if (!record?.unreadable || record.tokens.some((token) => isUsable(token, now))) return
  throw new SettingsError([
    'ENCRYPTION_KEYS does not open the access token in Redis: it was sealed under another key. ' +
      'Put that key behind the first one. Example: ENCRYPTION_KEYS=new:...,old:...',
  ])
}

function whereNewest({ generation, version }: TokenVersion): Record<string, string> {
  return { generation, version: String(version) }
}

function whereKept({ generation, version }: TokenVersion): Record<string, string> {
  return { generation, [`${version}.sealed`]: PRESENT }
}

function newGeneration(): string {
  return randomBytes(8).toString('base64url')
}

function seenFields({ source, accessToken, obtainedAt }: NewToken): Record<string, string> {
  return source === 'env' ? { [seenField(accessToken)]: String(obtainedAt) } : {}
}

/** Plain, not keyed: a token is too random to be guessed from it, and it must outlive the rotation of our keys. */
function seenField(accessToken: Secret): string {
  return `seen:${createHash('sha256').update(accessToken.reveal()).digest('base64url')}`
}
