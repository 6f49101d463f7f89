/**
 * The shared access token of a sender, sealed in Redis, with a version.
 *
 * Promises:
 * - the version only grows, and a commit replaces exactly the version its maker had read: of two that renew at the
 *   same time one wins, the other is told, and a newer token is never overwritten by an older one;
 * - a commit under a lease is refused once the lease is lost;
 * - a report that a version was refused touches that version only;
 * - a record is whole or absent: each write is one script.
 *
 * If Redis is wiped, versions start again; the random generation keeps an old version 1 from passing for the new one.
 * Without a stored token the one of the environment is the token (`bootstrap`).
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Redis, Result } from 'ioredis'
import type { Keys } from '../keys.ts'
import { UnsealError, type Sealer } from '../sealer.ts'
import { Secret } from '../secret.ts'
import { SettingsError } from '../settings.ts'

export type TokenSource = 'env' | 'manual' | 'renewed'

/** Names one version of one token. */
export type TokenVersion = { generation: string; version: number }

/** Times are milliseconds since 1970. */
export type StoredToken = TokenVersion & {
  accessToken: Secret
  source: TokenSource
  /** When Meta issued it, or when we first saw it. */
  obtainedAt: number
  /** `null`: never. `undefined`: not known (yet). */
  expiresAt?: number | null
  /** Set once Meta refused it. */
  refusedAt?: number
  /** An app secret that came with a manual update and replaces the one of the environment. */
  appSecret?: Secret
  lastRenewal?: LastRenewal
}

export type NewToken = Pick<
  StoredToken,
  'accessToken' | 'source' | 'obtainedAt' | 'expiresAt' | 'appSecret' | 'lastRenewal'
>

/** How the last renewal went, and when (milliseconds since 1970). `error` is Meta's code and words. */
export type LastRenewal = { at: number; ok: boolean; error?: string }

/**
 * KEYS 1 the token · 2 the lease (or the token again, when none is needed)
 * ARGV 1 expected 'generation:version', ':' = none stored · 2 lease owner, '' = any · 3 JSON object of fields to set
 *      4 JSON array of fields to remove · 5 version afterwards, '' = unchanged · 6 a field that must not be there, '' = any
 * Returns 1, or 0 when another version is there, the lease is lost, or the field is there.
 */
const WRITE = `
local generation = redis.call('HGET', KEYS[1], 'generation') or ''
local version = redis.call('HGET', KEYS[1], 'version') or ''
if generation .. ':' .. version ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
if ARGV[6] ~= '' and redis.call('HEXISTS', KEYS[1], ARGV[6]) == 1 then return 0 end
for _, field in ipairs(cjson.decode(ARGV[4])) do redis.call('HDEL', KEYS[1], field) end
for field, value in pairs(cjson.decode(ARGV[3])) do redis.call('HSET', KEYS[1], field, value) end
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'version', ARGV[5]) end
return 1
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisWriteToken(numberOfKeys: 2, ...args: string[]): Result<number, Context>
  }
}

/** @param options.senderId the phone-number id whose token this is */
export function createTokenVault(options: { redis: Redis; keys: Keys; sealer: Sealer; senderId: string }) {
  const { redis, keys, sealer, senderId } = options
  const key = keys.accessToken(senderId)
  redis.defineCommand('relaisWriteToken', { lua: WRITE })

  return {
    /** The token as stored. Throws `UnsealError` if it was sealed under a key that is no longer in the ring. */
    async read(): Promise<StoredToken | undefined> {
      const fields = await redis.hgetall(key)
      return fields['sealed'] === undefined ? undefined : readFields(fields)
    },

    /** Stores the first token. False if there is one. */
    bootstrap: (token: NewToken) => write(undefined, token),

    /** Replaces `expected` by a new token. False if another version is there, or `leaseOwner` lost its lease. */
    commit: (expected: TokenVersion, token: NewToken, leaseOwner?: string) =>
      write(expected, token, leaseOwner),

    /** Notes what Meta says of this very version. False if another one is there. */
    async describe(
      expected: TokenVersion,
      facts: { expiresAt?: number | null; obtainedAt?: number },
    ): Promise<boolean> {
      return patch(expected, timesOf(facts))
    },

    /** Notes that Meta refused this very version. True for the first who says so. */
    async noteRefusal(expected: TokenVersion, refusedAt: number): Promise<boolean> {
      return patch(expected, { refusedAt: String(refusedAt) }, 'refusedAt')
    },

    /** Takes a refusal of this very version back: Meta says that the token is valid. */
    async clearRefusal(expected: TokenVersion): Promise<boolean> {
      return run(expected, undefined, {}, ['refusedAt'], '')
    },

    /** Notes how the last renewal of this very version went. */
    async noteRenewal(expected: TokenVersion, result: LastRenewal): Promise<boolean> {
      return patch(expected, { lastRenewal: JSON.stringify(result) })
    },

    /** Was this token of the environment stored before? Then it is not news, however the environment repeats it. */
    async hasSeen(accessToken: Secret): Promise<boolean> {
      return (await redis.hexists(key, seenField(accessToken))) === 1
    },

    /** Remembers a token of the environment that was refused, so that it is asked about once. */
    async noteSeen(expected: TokenVersion, accessToken: Secret): Promise<boolean> {
      return patch(expected, { [seenField(accessToken)]: '1' })
    },
  }

  async function write(
    expected: TokenVersion | undefined,
    token: NewToken,
    leaseOwner?: string,
  ): Promise<boolean> {
    const version = (expected?.version ?? 0) + 1
    const generation = expected?.generation ?? randomBytes(8).toString('base64url')
    const set = {
      generation,
      sealed: sealer.seal(token.accessToken.reveal(), { purpose: 'access-token', id: senderId }),
      source: token.source,
      ...timesOf(token),
      ...(token.lastRenewal && { lastRenewal: JSON.stringify(token.lastRenewal) }),
      ...(token.source === 'env' && { [seenField(token.accessToken)]: '1' }),
      ...(token.appSecret && {
        sealedAppSecret: sealer.seal(token.appSecret.reveal(), { purpose: 'app-secret', id: senderId }),
      }),
    }
    // What was said of the token before does not hold for this one.
    const removed = ['refusedAt', 'expiresAt', 'lastRenewal']
    return run(expected, leaseOwner, set, removed, String(version))
  }

  function patch(expected: TokenVersion, set: Record<string, string>, ifAbsent = ''): Promise<boolean> {
    return run(expected, undefined, set, [], '', ifAbsent)
  }

  async function run(
    expected: TokenVersion | undefined,
    leaseOwner: string | undefined,
    set: Record<string, string>,
    removed: string[],
    version: string,
    ifAbsent = '',
  ): Promise<boolean> {
    const done = await redis.relaisWriteToken(
      2,
      key,
      leaseOwner === undefined ? key : keys.renewalLease(senderId),
      expected ? `${expected.generation}:${expected.version}` : ':',
      leaseOwner ?? '',
      JSON.stringify(set),
      JSON.stringify(removed),
      version,
      ifAbsent,
    )
    return done === 1
  }

  /** Plain, not keyed: a token is too random to be guessed from it, and it must outlive the rotation of our keys. */
  function seenField(accessToken: Secret): string {
    return `seen:${createHash('sha256').update(accessToken.reveal()).digest('base64url')}`
  }

  function readFields(fields: Record<string, string>): StoredToken {
    const { expiresAt, refusedAt, sealedAppSecret, lastRenewal } = fields
    return {
      generation: fields['generation'] ?? '',
      version: Number(fields['version']),
      accessToken: new Secret(sealer.open(fields['sealed'] ?? '', { purpose: 'access-token', id: senderId })),
      source: fields['source'] as TokenSource,
      obtainedAt: Number(fields['obtainedAt']),
      ...(expiresAt !== undefined && { expiresAt: expiresAt === 'never' ? null : Number(expiresAt) }),
      ...(refusedAt !== undefined && { refusedAt: Number(refusedAt) }),
      ...(sealedAppSecret !== undefined && {
        appSecret: new Secret(sealer.open(sealedAppSecret, { purpose: 'app-secret', id: senderId })),
      }),
      ...(lastRenewal !== undefined && {
        lastRenewal: JSON.parse(lastRenewal) as LastRenewal,
      }),
    }
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

function timesOf(times: { expiresAt?: number | null; obtainedAt?: number }): Record<string, string> {
  const { expiresAt, obtainedAt } = times
  return {
    ...(expiresAt !== undefined && { expiresAt: expiresAt === null ? 'never' : String(expiresAt) }),
    ...(obtainedAt !== undefined && { obtainedAt: String(obtainedAt) }),
  }
}
