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
import type { Redis, Result } from 'ioredis'
import type { Keys } from '../keys.ts'
import { UnsealError, type Owner, type Sealer } from '../sealer.ts'
import { Secret } from '../secret.ts'
import { SettingsError } from '../settings.ts'
import {
  isUsable,
  type LastCheck,
  type LastRenewal,
  type StoredToken,
  type TokenRecord,
  type TokenSource,
} from './token-state.ts'

/** Names one version of one token. */
export type TokenVersion = Pick<TokenRecord, 'generation' | 'version'>

/** A token that is to be stored. */
export type NewToken = Pick<StoredToken, 'accessToken' | 'source' | 'obtainedAt' | 'expiresAt' | 'type'>

/** What Meta says of a token. Times are milliseconds since 1970. */
export type TokenFacts = { expiresAt?: number | null; obtainedAt?: number; type?: string }

/** What is stored along with a token. */
export type TokenExtras = {
  lastCheck?: LastCheck
  manualAt?: number
  appSecret?: NonNullable<TokenRecord['appSecret']>
}

/** The present token and the ones it replaced: what they were replaced by may turn out to be bad. */
const KEPT_TOKENS = 4

const TOKEN_FIELDS = [
  'sealed',
  'source',
  'obtainedAt',
  'expiresAt',
  'type',
  'refusedAt',
  'deadAt',
  'confirmedAt',
] as const

/** What was said of the tokens before does not hold once there is a newer one. */
const STALE_FIELDS = ['lastCheck', 'lastRenewal', 'expiringSaidAt', 'unusableSaidAt', 'restoredAt']

const MISSING_SAID_MS = 3600_000
const NEVER = 'never'

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
export function createTokenVault(options: { redis: Redis; keys: Keys; sealer: Sealer; senderId: string }) {
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
     * @param check when Meta is to be asked about it, unless at once
     */
    noteRefusal: (token: TokenVersion, refusedAt: number, check?: LastCheck): Promise<boolean> =>
      write({
        where: { ...whereKept(token), [`${token.version}.refusedAt`]: ABSENT },
        set: {
          [`${token.version}.refusedAt`]: String(refusedAt),
          ...(check && { lastCheck: JSON.stringify(check) }),
        },
        remove: check ? [] : ['lastCheck'],
      }),

    /** Notes that Meta, asked about it, called this very version invalid. True if that is news: no send was refused with it either. */
    async noteDeath(token: TokenVersion, deadAt: number): Promise<boolean> {
      const [refused, dead] = [`${token.version}.refusedAt`, `${token.version}.deadAt`]
      const set = { [refused]: String(deadAt), [dead]: String(deadAt) }
      const isNews = await write({ where: { ...whereKept(token), [refused]: ABSENT }, set })
      if (!isNews)
        await write({ where: { ...whereKept(token), [dead]: ABSENT }, set: { [dead]: String(deadAt) } })
      return isNews
    },

    /** Takes a refusal of this very version back: Meta says that the token is valid. True for the first who says so. */
    clearRefusal: (token: TokenVersion, confirmedAt: number): Promise<boolean> =>
      write({
        where: { ...whereKept(token), [`${token.version}.refusedAt`]: PRESENT },
        set: { [`${token.version}.confirmedAt`]: String(confirmedAt) },
        remove: [`${token.version}.refusedAt`, `${token.version}.deadAt`],
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

/** How a record is written into fields of a hash, and read from them. */
function createTokenFields({ sealer, senderId }: { sealer: Sealer; senderId: string }) {
  const tokenOwner: Owner = { purpose: 'access-token', id: senderId }
  const secretOwner: Owner = { purpose: 'app-secret', id: senderId }

  return {
    tokenFields(token: NewToken & Partial<StoredToken> & { version: number }): Record<string, string> {
      const { refusedAt, deadAt, confirmedAt } = token
      return prefixed(token.version, {
        sealed: sealer.seal(token.accessToken.reveal(), tokenOwner),
        source: token.source,
        ...factFields(token),
        ...(refusedAt !== undefined && { refusedAt: String(refusedAt) }),
        ...(deadAt !== undefined && { deadAt: String(deadAt) }),
        ...(confirmedAt !== undefined && { confirmedAt: String(confirmedAt) }),
      })
    },

    extraFields,

    resealed({ tokens, appSecret }: TokenRecord): Record<string, string> {
      const sealed = tokens.map(({ version, accessToken }) => [
        `${version}.sealed`,
        sealer.seal(accessToken.reveal(), tokenOwner),
      ])
      return { ...Object.fromEntries(sealed), ...extraFields({ ...(appSecret && { appSecret }) }) }
    },

    readRecord(fields: Record<string, string>): TokenRecord {
      const { generation = '', version, lastRenewal, lastCheck } = fields
      const kept = keptVersions(Number(version)).filter((each) => fields[`${each}.sealed`] !== undefined)
      const tokens = kept.flatMap((each) => readToken(fields, each))
      const appSecret = readAppSecret(fields)
      const texts = [fields['appSecret'], ...kept.map((each) => fields[`${each}.sealed`])]
      return {
        generation,
        version: Number(version),
        tokens,
        ...(lastRenewal !== undefined && { lastRenewal: JSON.parse(lastRenewal) as LastRenewal }),
        ...(lastCheck !== undefined && { lastCheck: JSON.parse(lastCheck) as LastCheck }),
        ...numbersOf(fields, ['manualAt', 'expiringSaidAt', 'unusableSaidAt', 'restoredAt']),
        ...(appSecret && { appSecret }),
        ...(tokens.length < kept.length && { unreadable: kept.length - tokens.length }),
        ...(texts.some((text) => text !== undefined && !sealer.isUnderFirstKey(text)) && {
          hasOldSeal: true as const,
        }),
      }
    },
  }

  function extraFields({ lastCheck, manualAt, appSecret }: TokenExtras): Record<string, string> {
    return {
      ...(lastCheck && { lastCheck: JSON.stringify(lastCheck) }),
      ...(manualAt !== undefined && { manualAt: String(manualAt) }),
      ...(appSecret && {
        appSecret: sealer.seal(appSecret.secret.reveal(), secretOwner),
        appSecretReplaces: appSecret.replaces,
        appSecretAt: String(appSecret.at),
      }),
    }
  }

  function readToken(fields: Record<string, string>, version: number): StoredToken[] {
    const field = (name: (typeof TOKEN_FIELDS)[number]) => fields[`${version}.${name}`]
    const accessToken = opened(field('sealed'), tokenOwner)
    if (!accessToken) return []
    const { expiresAt, type } = { expiresAt: field('expiresAt'), type: field('type') }
    const times = Object.fromEntries(TOKEN_FIELDS.map((name) => [name, field(name)]))
    return [
      {
        version,
        accessToken,
        source: field('source') as TokenSource,
        obtainedAt: Number(field('obtainedAt')),
        ...(expiresAt !== undefined && { expiresAt: expiresAt === NEVER ? null : Number(expiresAt) }),
        ...(type !== undefined && { type }),
        ...numbersOf(times, ['refusedAt', 'deadAt', 'confirmedAt']),
      },
    ]
  }

  function readAppSecret(fields: Record<string, string>): TokenRecord['appSecret'] {
    const secret = opened(fields['appSecret'], secretOwner)
    if (!secret) return undefined
    return { secret, replaces: fields['appSecretReplaces'] ?? '', at: Number(fields['appSecretAt'] ?? 0) }
  }

  /** Undefined if it is not there, or if none of our keys opens it. */
  function opened(sealed: string | undefined, owner: Owner): Secret | undefined {
    try {
      return sealed === undefined ? undefined : new Secret(sealer.open(sealed, owner))
    } catch (error) {
      if (error instanceof UnsealError) return undefined
      throw error
    }
  }
}

function keptVersions(newest: number): number[] {
  return Array.from({ length: KEPT_TOKENS }, (_, age) => newest - age)
}

function whereNewest({ generation, version }: TokenVersion): Record<string, string> {
  return { generation, version: String(version) }
}

function whereKept({ generation, version }: TokenVersion): Record<string, string> {
  return { generation, [`${version}.sealed`]: PRESENT }
}

function factFields({ expiresAt, obtainedAt, type }: TokenFacts): Record<string, string> {
  return {
    ...(expiresAt !== undefined && { expiresAt: expiresAt === null ? NEVER : String(expiresAt) }),
    ...(obtainedAt !== undefined && { obtainedAt: String(obtainedAt) }),
    ...(type !== undefined && { type }),
  }
}

function numbersOf<K extends string>(
  fields: Readonly<Record<string, string | undefined>>,
  names: readonly K[],
): { [key in K]?: number } {
  const given = names.flatMap((name) => {
    const text = fields[name]
    return text === undefined ? [] : [[name, Number(text)] as const]
  })
  return Object.fromEntries(given) as { [key in K]?: number }
}

function prefixed(version: number, fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${version}.${name}`, value]))
}

function allTokenFields(version: number): string[] {
  return TOKEN_FIELDS.map((name) => `${version}.${name}`)
}

function seenFields({ source, accessToken, obtainedAt }: NewToken): Record<string, string> {
  return source === 'env' ? { [seenField(accessToken)]: String(obtainedAt) } : {}
}

/** Plain, not keyed: a token is too random to be guessed from it, and it must outlive the rotation of our keys. */
function seenField(accessToken: Secret): string {
  return `seen:${createHash('sha256').update(accessToken.reveal()).digest('base64url')}`
}

function newGeneration(): string {
  return randomBytes(8).toString('base64url')
}
