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
import { UnsealError, type Sealer } from '../sealer.ts'
import { Secret } from '../secret.ts'
import { SettingsError } from '../settings.ts'
import type { LastRenewal, StoredToken, TokenRecord, TokenSource } from './token-state.ts'

/** Names one version of one token. */
export type TokenVersion = Pick<TokenRecord, 'generation' | 'version'>

/** A token that is to be stored. */
export type NewToken = Pick<StoredToken, 'accessToken' | 'source' | 'obtainedAt' | 'expiresAt' | 'type'>

/** What Meta says of a token. Times are milliseconds since 1970. */
export type TokenFacts = { expiresAt?: number | null; obtainedAt?: number; type?: string }

/** What is stored along with a token: when Meta confirmed it, and an app secret that came with it. */
export type TokenExtras = { checkedAt?: number; appSecret?: NonNullable<TokenRecord['appSecret']> }

/** The present token and the ones it replaced: what they were replaced by may turn out to be bad. */
const KEPT_TOKENS = 4

const TOKEN_FIELDS = ['sealed', 'source', 'obtainedAt', 'expiresAt', 'type', 'refusedAt', 'deadAt'] as const

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
  remove?: string[]
  leaseOwner?: string | undefined
  endLease?: boolean
}

/** @param options.senderId the phone-number id whose tokens these are */
export function createTokenVault(options: { redis: Redis; keys: Keys; sealer: Sealer; senderId: string }) {
  const { redis, keys, sealer, senderId } = options
  const key = keys.accessToken(senderId)
  redis.defineCommand('relaisWriteToken', { lua: WRITE })

  return {
    /** The record as stored. Throws `UnsealError` if it was sealed under a key that is no longer in the ring. */
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
        remove: [
          ...allTokenFields(version - KEPT_TOKENS),
          'checkedAt',
          'alarmedAt',
          'lastRenewal',
          'restoredAt',
        ],
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
      const { tokens, lastRenewal } = remembered
      return write({
        where: over ? whereNewest(over) : { generation: ABSENT },
        set: {
          generation: newGeneration(),
          version: String(remembered.version),
          restoredAt: String(at),
          ...Object.assign({}, ...tokens.map((token) => tokenFields(token))),
          ...(lastRenewal && { lastRenewal: JSON.stringify(lastRenewal) }),
          ...(remembered.appSecret && extraFields({ appSecret: remembered.appSecret })),
        },
        remove: over ? allTokenFields(over.version) : [],
      })
    },

    /** Notes what Meta says of this very version. False if it is not kept any more. */
    describe: (token: TokenVersion, facts: TokenFacts): Promise<boolean> =>
      write({ where: whereKept(token), set: prefixed(token.version, factFields(facts)) }),

    /** Notes that Meta refused this very version. True for the first who says so. */
    noteRefusal: (token: TokenVersion, refusedAt: number): Promise<boolean> =>
      noteOnce(token, 'refusedAt', { refusedAt: String(refusedAt) }),

    /** Notes that Meta, asked about it, called this very version invalid. True for the first who says so. */
    noteDeath: (token: TokenVersion, deadAt: number): Promise<boolean> =>
      noteOnce(token, 'deadAt', { refusedAt: String(deadAt), deadAt: String(deadAt) }),

    /** Takes a refusal of this very version back: Meta says that the token is valid. True for the first who says so. */
    clearRefusal: (token: TokenVersion): Promise<boolean> =>
      write({
        where: { ...whereKept(token), [`${token.version}.refusedAt`]: PRESENT },
        remove: [`${token.version}.refusedAt`, `${token.version}.deadAt`],
      }),

    /** Notes how a renewal failed. False if there is a newer token. */
    noteRenewal: (record: TokenVersion, result: LastRenewal): Promise<boolean> =>
      write({ where: whereNewest(record), set: { lastRenewal: JSON.stringify(result) } }),

    /**
     * Notes when Meta is asked about the token (`checkedAt`), or its end is said (`alarmedAt`). True for the first who does so after
     * `record` was read: it is theirs to do.
     */
    claim: (record: TokenRecord, what: 'checkedAt' | 'alarmedAt', at: number): Promise<boolean> =>
      write({
        where: { ...whereNewest(record), [what]: record[what]?.toString() ?? ABSENT },
        set: { [what]: String(at) },
      }),

    /** When this token of the environment was last stored or asked about. Then it is not news, however the environment repeats it. */
    async seenAt(accessToken: Secret): Promise<number | undefined> {
      const at = await redis.hget(key, seenField(accessToken))
      return at === null ? undefined : Number(at)
    },

    /** Remembers a token of the environment that will not do, and when. */
    noteSeen: ({ generation }: TokenVersion, accessToken: Secret, at: number): Promise<boolean> =>
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

  /** Writes fields of a token that is still kept, unless one of them is there. */
  function noteOnce(token: TokenVersion, field: string, fields: Record<string, string>): Promise<boolean> {
    return write({
      where: { ...whereKept(token), [`${token.version}.${field}`]: ABSENT },
      set: prefixed(token.version, fields),
    })
  }

  function tokenFields(token: NewToken & Partial<StoredToken> & { version: number }): Record<string, string> {
    const { refusedAt, deadAt } = token
    return prefixed(token.version, {
      sealed: sealer.seal(token.accessToken.reveal(), { purpose: 'access-token', id: senderId }),
      source: token.source,
      ...factFields(token),
      ...(refusedAt !== undefined && { refusedAt: String(refusedAt) }),
      ...(deadAt !== undefined && { deadAt: String(deadAt) }),
    })
  }

  function extraFields({ checkedAt, appSecret }: TokenExtras): Record<string, string> {
    return {
      ...(checkedAt !== undefined && { checkedAt: String(checkedAt) }),
      ...(appSecret && {
        appSecret: sealer.seal(appSecret.secret.reveal(), { purpose: 'app-secret', id: senderId }),
        appSecretReplaces: appSecret.replaces,
      }),
    }
  }

  function readRecord(fields: Record<string, string>): TokenRecord {
    const { generation = '', version, lastRenewal, checkedAt, alarmedAt, appSecret, restoredAt } = fields
    const newest = Number(version)
    const versions = Array.from({ length: KEPT_TOKENS }, (_, age) => newest - age)
    return {
      generation,
      version: newest,
      tokens: versions.flatMap((each) => readToken(fields, each)),
      ...(lastRenewal !== undefined && { lastRenewal: JSON.parse(lastRenewal) as LastRenewal }),
      ...(checkedAt !== undefined && { checkedAt: Number(checkedAt) }),
      ...(alarmedAt !== undefined && { alarmedAt: Number(alarmedAt) }),
      ...(restoredAt !== undefined && { restoredAt: Number(restoredAt) }),
      ...(appSecret !== undefined && {
        appSecret: {
          secret: new Secret(sealer.open(appSecret, { purpose: 'app-secret', id: senderId })),
          replaces: fields['appSecretReplaces'] ?? '',
        },
      }),
    }
  }

  function readToken(fields: Record<string, string>, version: number): StoredToken[] {
    const field = (name: (typeof TOKEN_FIELDS)[number]) => fields[`${version}.${name}`]
    const sealed = field('sealed')
    if (sealed === undefined) return []
    const [expiresAt, type, refusedAt, deadAt] = [
      field('expiresAt'),
      field('type'),
      field('refusedAt'),
      field('deadAt'),
    ]
    return [
      {
        version,
        accessToken: new Secret(sealer.open(sealed, { purpose: 'access-token', id: senderId })),
        source: field('source') as TokenSource,
        obtainedAt: Number(field('obtainedAt')),
        ...(expiresAt !== undefined && { expiresAt: expiresAt === NEVER ? null : Number(expiresAt) }),
        ...(type !== undefined && { type }),
        ...(refusedAt !== undefined && { refusedAt: Number(refusedAt) }),
        ...(deadAt !== undefined && { deadAt: Number(deadAt) }),
      },
    ]
  }
}

export type TokenVault = ReturnType<typeof createTokenVault>

/** Throws a `SettingsError` if a token is stored that none of our keys opens: running on would lock everyone out. */
export async function requireReadable(vault: TokenVault): Promise<void> {
  try {
    await vault.read()
  } catch (error) {
    if (!(error instanceof UnsealError)) throw error
    throw new SettingsError([
      `ENCRYPTION_KEYS does not open the access token in Redis: it is ${error.message}. ` +
        'Put the key it was sealed with behind the first one. Example: ENCRYPTION_KEYS=new:...,old:...',
    ])
  }
}

const NEVER = 'never'

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
