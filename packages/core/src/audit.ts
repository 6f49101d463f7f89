/**
 * Who did what, for those who ask later: a Redis stream to which nothing but an end is ever added.
 *
 * Each entry holds the hash of the one before it, so none can be changed, taken out or put in between without breaking the chain; and
 * a MAC under a key that Redis never sees, so who can write to Redis cannot make a chain of their own either. What a chain cannot show
 * by itself is that its end is missing: the hash of each entry is in the log as well (event `audit.entry`), which is somewhere else.
 *
 * Entries older than `keptDays` go. No entry holds a code, a token, a secret or a whole number.
 */
import { createHash } from 'node:crypto'
import type { Result } from 'ioredis'
import type { Keys } from './keys.ts'
import { createKeyedDigest } from './keyed-digest.ts'
import type { EncryptionKey } from './sealer.ts'
import type { RedisClient } from './redis.ts'

const DAY_MS = 24 * 3600_000

/** What happened. A word that is not here is not audited. */
export type AuditAction =
  | 'token.updated'
  | 'token.refreshed'
  | 'code.revealed'
  | 'key.created'
  | 'key.revoked'
  | 'login.succeeded'
  | 'login.failed'
  | 'message.canceled'
  | 'message.resent'
  | 'message.searched'
  | 'limit.overridden'
  | 'secrets.resealed'
  | 'alerts.tested'
  | 'logs.level_set'
  | 'callback.set'
  | 'callback.removed'
  | 'callback.rotated'
  | 'callback.resumed'
  | 'callback.redriven'
  | 'callback.tested'
  | 'queue.paused'
  | 'queue.resumed'
  | `board.${string}`

export type AuditEntry = {
  /** Who did it: `operator:awa`, `app:wallet`, `cli:root`; `unknown` for a login that failed. */
  actor: string
  action: AuditAction
  /** What it was done to: an id, never a secret. */
  subject?: string
  /** More, as words and numbers. */
  detail?: Readonly<Record<string, string | number | boolean>>
}

/** An entry as it stands in the chain. `at` is in milliseconds since 1970. */
export type AuditRecord = AuditEntry & { seq: number; at: number; previous: string; hash: string }

/**
 * KEYS 1 stream · 2 head · ARGV 1 the hash of the last entry as we know it, '' = none · 2 seq · 3 hash · 4 mac · 5 entry as JSON
 *      · 6 kept for (ms) · 7 now (ms)
 * Adds an entry if it follows the last one. Returns 1, or 0.
 */
const APPEND = `
if (redis.call('HGET', KEYS[2], 'hash') or '') ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
local oldest = string.format('%.0f', time[1] * 1000 - ARGV[6])
redis.call('XADD', KEYS[1], 'MINID', '~', oldest, '*', 'entry', ARGV[5], 'hash', ARGV[3], 'mac', ARGV[4])
redis.call('HSET', KEYS[2], 'seq', ARGV[2], 'hash', ARGV[3], 'at', ARGV[7])
return 1
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisAppendAudit(stream: string, head: string, ...args: string[]): Result<number, Context>
  }
}

/** Of several who add at the same moment one is first; the others look again. */
const MOST_TRIES = 100

const PAGE = 500

/** What `verify` found. */
export type AuditVerdict = {
  entries: number
  first?: Pick<AuditRecord, 'seq' | 'at'>
  last?: Pick<AuditRecord, 'seq' | 'at' | 'hash'>
  faults: { seq: number; what: string }[]
}

/**
 * @param options.onEntry told of each entry that was added, for the log
 * @param options.onError told of a note that could not be added
 * @param options.keptDays how long an entry stays
 */
export function createAudit(options: {
  redis: RedisClient
  keys: Keys
  encryptionKeys: readonly EncryptionKey[]
  keptDays: number
  onEntry?: (record: AuditRecord) => void
  onError?: (error: Error) => void
  now?: () => number
}) {
  const { redis, keys, keptDays, onEntry, onError = () => {}, now = Date.now } = options
  const macs = createKeyedDigest(options.encryptionKeys, 'audit')
  const [stream, head] = [keys.audit(), keys.auditHead()]
  redis.defineCommand('relaisAppendAudit', { numberOfKeys: 2, lua: APPEND })

  return {
    append,

    /** Adds an entry for what has been done and cannot be taken back; a failure is told to `onError`. */
    note(entry: AuditEntry): void {
      append(entry).catch(onError)
    },

    /** The newest entries, the latest first. */
    async latest(most: number): Promise<AuditRecord[]> {
      const found = await redis.xrevrange(stream, '+', '-', 'COUNT', most)
      return found.map(([, fields]) => recordOf(fields))
    },

    /**
     * Goes through the whole chain. A MAC under a key that was taken from `ENCRYPTION_KEYS` proves nothing any more; a later one that fits
     * proves all that is before it, because that hangs on its chain.
     */
    async verify(): Promise<AuditVerdict> {
      const verdict: AuditVerdict = { entries: 0, faults: [] }
      let provenSeq = 0
      let from = '-'
      for (;;) {
        const page = await redis.xrange(stream, from, '+', 'COUNT', PAGE)
        for (const [, fields] of page) provenSeq = follow(fields, verdict) ?? provenSeq
        const lastId = page.at(-1)?.[0]
        if (lastId === undefined || page.length < PAGE) break
        from = `(${lastId}`
      }
      const { last } = verdict
      if (last && provenSeq < last.seq) {
        verdict.faults.push({ seq: provenSeq + 1, what: 'from here on no MAC fits: not proven to be ours' })
      }
      const { hash = '', at } = await redis.hgetall(head)
      const isForgotten = !last && Number(at) < now() - keptDays * DAY_MS
      if (hash !== (last?.hash ?? '') && !isForgotten) {
        verdict.faults.push({ seq: (last?.seq ?? 0) + 1, what: 'entries are missing from here on' })
      }
      return verdict
    },
  }

  /** Adds an entry. When it throws it is not known whether the entry is there. */
  async function append(entry: AuditEntry): Promise<AuditRecord> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const { hash: previous = '', seq = '0' } = await redis.hgetall(head)
      const body = { seq: Number(seq) + 1, at: now(), ...entry, previous }
      const text = JSON.stringify(body)
      const hash = hashOf(text)
      const isAdded = await redis.relaisAppendAudit(
        stream,
        head,
        previous,
        String(body.seq),
        hash,
        macs(hash)[0] ?? '',
        text,
        String(keptDays * DAY_MS),
        String(body.at),
      )
      if (isAdded !== 1) continue
      onEntry?.({ ...body, hash })
      return { ...body, hash }
    }
    throw new Error('the audit could not be written: too many write at the same time')
  }

  /** Looks at the next entry of the chain. Answers its `seq` if its MAC fits. */
  function follow(fields: string[], verdict: AuditVerdict): number | undefined {
    const { entry = '', hash = '', mac = '' } = named(fields)
    const before = verdict.last
    const record = parsed(entry)
    const seq = record?.seq ?? (before?.seq ?? 0) + 1
    const fault = (what: string) => void verdict.faults.push({ seq, what })
    verdict.entries += 1
    if (hashOf(entry) !== hash || !record) fault('it was changed: its hash does not fit')
    if (before && (record?.previous !== before.hash || seq !== before.seq + 1)) {
      fault('it does not follow the one before it: something was taken out, put in or changed')
    }
    const at = record?.at ?? 0
    if (!before && seq !== 1 && at > now() - (keptDays - 1) * DAY_MS) {
      fault('entries before this one are missing, and not for their age')
    }
    verdict.first ??= { seq, at }
    verdict.last = { seq, at, hash }
    return macs(hash).includes(mac) ? seq : undefined
  }
}

export type Audit = ReturnType<typeof createAudit>

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

function named(fields: string[]): { entry?: string; hash?: string; mac?: string } {
  const pairs = Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i], fields[2 * i + 1]])
  return Object.fromEntries(pairs) as ReturnType<typeof named>
}

function recordOf(fields: string[]): AuditRecord {
  const { entry = '{}', hash = '' } = named(fields)
  return { ...(JSON.parse(entry) as Omit<AuditRecord, 'hash'>), hash }
}

function parsed(entry: string): Omit<AuditRecord, 'hash'> | undefined {
  try {
    return JSON.parse(entry) as Omit<AuditRecord, 'hash'>
  } catch {
    return undefined
  }
}
