/**
 * The keys that were made, in Redis: one hash, a field for each key, its record sealed.
 *
 * Only a key's SHA-256 is in its record. And a record opens with `ENCRYPTION_KEYS` only, so who can write to Redis still cannot make a
 * key, nor give one more than it had. Every change sets a new `version`: a process that looks at that alone once a second knows of a
 * revocation in time, and pays one small command for it.
 */
import { randomBytes } from 'node:crypto'
import type { Keys } from '../keys.ts'
import type { RedisClient } from '../redis.ts'
import { UnsealError, type Sealer } from '../sealer.ts'
import type { Caller, KeyMode, Scope } from './caller.ts'

/** What is known of a key. Times are milliseconds since 1970. */
export type ApiKeyRecord = {
  id: string
  kind: Caller['kind']
  name: string
  /** Of an app's key. */
  mode?: KeyMode
  scopes: readonly Scope[]
  /** In mode `team`: whom it may send to, in E.164. */
  recipients?: readonly string[]
  /** SHA-256 of the key, in base64url. */
  sha256: string
  createdAt: number
  createdBy: string
  expiresAt: number
  revokedAt?: number
  revokedBy?: string
}

const VERSION = 'version'

/** Keys that are of no use any more are still listed for so long. */
const KEPT_MS = 90 * 24 * 3600_000

/** So many in all, and so many of one caller that work at the same time: enough to replace each at leisure. */
export const MOST_KEYS = 1000
export const MOST_LIVE_KEYS = 5

export type CreateResult = 'created' | 'too-many' | 'too-many-live'

export function createApiKeyStore(options: {
  redis: RedisClient
  keys: Keys
  sealer: Sealer
  now?: () => number
}) {
  const { redis, keys, sealer, now = Date.now } = options
  const hash = keys.apiKeys()
  const usedHash = keys.apiKeysUsed()

  return {
    /** Changes with every change of a key; undefined while there is none. */
    version: async (): Promise<string | undefined> => (await redis.hget(hash, VERSION)) ?? undefined,

    /** All keys, and how many records our keys do not open: these work for nobody. */
    async read(): Promise<{ version: string | undefined; records: ApiKeyRecord[]; unreadable: number }> {
      const { version, ...sealed } = await redis.hgetall(hash)
      const opened = Object.entries(sealed).map(([id, text]) => open(id, text))
      const records = opened.filter((record) => record !== undefined)
      return { version, records, unreadable: opened.length - records.length }
    },

    /** One key; undefined if there is none with this id, or its record does not open. */
    async find(id: string): Promise<ApiKeyRecord | undefined> {
      const text = await redis.hget(hash, id)
      return text === null ? undefined : open(id, text)
    },

    /** Stores a new key, unless there are too many. Those that ended long ago are forgotten. */
    async create(record: ApiKeyRecord): Promise<CreateResult> {
      const { records } = await this.read()
      const isKept = (key: ApiKeyRecord) => (key.revokedAt ?? key.expiresAt) > now() - KEPT_MS
      const forgotten = records.filter((key) => !isKept(key)).map(({ id }) => id)
      if (records.length - forgotten.length >= MOST_KEYS) return 'too-many'
      const isSame = (key: ApiKeyRecord) => key.kind === record.kind && key.name === record.name
      const isLive = (key: ApiKeyRecord) => key.revokedAt === undefined && key.expiresAt > now()
      if (records.filter((key) => isSame(key) && isLive(key)).length >= MOST_LIVE_KEYS) return 'too-many-live'
      await write(record, forgotten)
      return 'created'
    },

    /** Revokes a key: it opens nothing any more. Undefined if there is none; one that was revoked before stays as it is. */
    async revoke(id: string, by: string): Promise<ApiKeyRecord | undefined> {
      const record = await this.find(id)
      if (!record || record.revokedAt !== undefined) return record
      const revoked = { ...record, revokedAt: now(), revokedBy: by }
      await write(revoked)
      return revoked
    },

    /** Notes when keys were last used. */
    async noteUsed(lastUsedAt: ReadonlyMap<string, number>): Promise<void> {
      if (lastUsedAt.size > 0) await redis.hset(usedHash, Object.fromEntries(lastUsedAt))
    },

    /** When each key was last used, to the minute. */
    async lastUsed(): Promise<Map<string, number>> {
      const used = await redis.hgetall(usedHash)
      return new Map(Object.entries(used).map(([id, at]) => [id, Number(at)]))
    },
  }

  async function write(record: ApiKeyRecord, forgotten: string[] = []): Promise<void> {
    const transaction = redis.multi()
    transaction.hset(hash, { [record.id]: seal(record), [VERSION]: randomBytes(8).toString('base64url') })
    if (forgotten.length > 0) transaction.hdel(hash, ...forgotten).hdel(usedHash, ...forgotten)
    for (const [error] of (await transaction.exec()) ?? []) if (error) throw error
  }

  function seal(record: ApiKeyRecord): string {
    return sealer.seal(JSON.stringify(record), { purpose: 'api-key', id: record.id })
  }

  function open(id: string, text: string): ApiKeyRecord | undefined {
    try {
      return JSON.parse(sealer.open(text, { purpose: 'api-key', id })) as ApiKeyRecord
    } catch (error) {
      if (error instanceof UnsealError) return undefined
      throw error
    }
  }
}

export type ApiKeyStore = ReturnType<typeof createApiKeyStore>
