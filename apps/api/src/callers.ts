/**
 * Whose key is it? Keys of the environment, and those that were made and are in Redis.
 *
 * The latter are read again when they change, looked at once a second: a key that is revoked opens nothing anywhere a second later. A
 * new one works at once: what is not known is looked up. While Redis is away those that are known still count; nothing can be accepted
 * then anyway.
 */
import { timingSafeEqual } from 'node:crypto'
import {
  APP_SCOPES,
  digestOfKey,
  keepLooking,
  OPERATOR_SCOPES,
  readApiKey,
  type ApiKeyRecord,
  type ApiKeyStore,
  type AppScope,
  type Caller,
  type OperatorScope,
} from '@relais/core'
import type { CallerKey } from './config.ts'
import { refuseAsUnavailable } from './problem.ts'

const LOOK_EVERY_MS = 1000
const NOTE_USE_EVERY_MS = 60_000

/** Compared with when there is nothing to compare with, so that it takes as long. */
const NOBODYS = Buffer.alloc(32)

/** `ended`: the key is right, but its time is over. */
export type Identified =
  | { kind: 'known'; caller: Caller }
  | { kind: 'ended'; caller: Caller; why: 'expired' | 'revoked' }
  | { kind: 'unknown' }

/** @param deps.onUnreadable told how many keys in Redis do not open with `ENCRYPTION_KEYS` */
export function createCallers(deps: {
  apps: readonly CallerKey[]
  operators: readonly CallerKey[]
  store: ApiKeyStore
  onError: (error: Error) => void
  onUnreadable: (count: number) => void
  now?: () => number
}) {
  const { store, onError, now = Date.now } = deps
  const configured = [
    ...deps.apps.map((key, i) => ({ ...key, caller: appOfEnvironment(key.name, i) })),
    ...deps.operators.map((key, i) => ({ ...key, caller: operatorOfEnvironment(key.name, i) })),
  ]
  let made = new Map<string, ApiKeyRecord>()
  /** Of what was read; null while nothing was. */
  let version: string | undefined | null = null
  let usedAt = new Map<string, number>()
  let looking: { close: () => void } | undefined
  let noting: { close: () => void } | undefined

  return {
    identify,
    look,

    start(): void {
      looking = keepLooking(look, () => LOOK_EVERY_MS, onError)
      noting = keepLooking(noteUsed, () => NOTE_USE_EVERY_MS, onError)
    },

    async close(): Promise<void> {
      looking?.close()
      noting?.close()
      await noteUsed().catch(onError)
    },
  }

  /** Every key of the environment is compared, found or not, and one that was made: the time taken says nothing of a secret. */
  async function identify(text: string): Promise<Identified> {
    const digest = digestOfKey(text)
    const [ofEnvironment] = configured.filter(({ sha256 }) => timingSafeEqual(sha256, digest))
    const record = await lookUp(readApiKey(text)?.id)
    const isMade = timingSafeEqual(record ? Buffer.from(record.sha256, 'base64url') : NOBODYS, digest)
    if (ofEnvironment) return { kind: 'known', caller: ofEnvironment.caller }
    if (!record || !isMade) return { kind: 'unknown' }
    const caller = callerOf(record)
    if (record.revokedAt !== undefined) return { kind: 'ended', caller, why: 'revoked' }
    if (record.expiresAt <= now()) return { kind: 'ended', caller, why: 'expired' }
    usedAt.set(record.id, now())
    return { kind: 'known', caller }
  }

  async function lookUp(id: string | undefined): Promise<ApiKeyRecord | undefined> {
    if (id === undefined) return undefined
    const known = made.get(id)
    if (known) return known
    const found = await store.find(id).catch(refuseAsUnavailable)
    if (found) made.set(id, found)
    return found
  }

  async function look(): Promise<void> {
    const latest = await store.version()
    if (latest === version) return
    const read = await store.read()
    made = new Map(read.records.map((record) => [record.id, record]))
    version = read.version
    if (read.unreadable > 0) deps.onUnreadable(read.unreadable)
  }

  async function noteUsed(): Promise<void> {
    const noted = usedAt
    usedAt = new Map()
    await store.noteUsed(noted)
  }
}

export type Callers = ReturnType<typeof createCallers>

function appOfEnvironment(name: string, index: number): Caller {
  const keyId = `API_KEYS#${index + 1}`
  return { kind: 'app', name, keyId, scopes: APP_SCOPES, mode: 'live', recipients: [] }
}

function operatorOfEnvironment(name: string, index: number): Caller {
  return { kind: 'operator', name, keyId: `OPS_KEYS#${index + 1}`, scopes: OPERATOR_SCOPES }
}

function callerOf({ id: keyId, kind, name, scopes, mode = 'live', recipients = [] }: ApiKeyRecord): Caller {
  return kind === 'app'
    ? { kind, name, keyId, scopes: scopes as AppScope[], mode, recipients }
    : { kind, name, keyId, scopes: scopes as OperatorScope[] }
}
