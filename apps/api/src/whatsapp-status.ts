/** Use case: everything an operator asks first, in one answer. */
import {
  answersPing,
  countJobs,
  fingerprint,
  isUsable,
  presentToken,
  renewsAt,
  tokenState,
  type JobCounts,
  type LastCheck,
  type LastRenewal,
  type Keys,
  type Pause,
  type Pauses,
  type Sender,
  type StoredToken,
  type TokenRecord,
  type TokenSource,
  type TokenState,
  type RedisClient,
} from '@relais/core'
import type { Queue } from 'bullmq'
import { isoTime, isoTimeOrNull } from './iso-time.ts'
import type { MetaLook } from './meta-look.ts'

/** What the status was made of. */
type Seen = {
  seen: {
    look: MetaLook | undefined
    record: TokenRecord | undefined
    present: StoredToken | undefined
    state: TokenState
    pauses: Pause[]
  }
}

export type WhatsappStatus = {
  mode: 'connected' | 'degraded' | 'fallback'
  token: {
    state: TokenState
    source: TokenSource | null
    version: number | null
    fingerprint: string | null
    expiresAt: string | null
    expiresInSeconds: number | null
    renewsAt: string | null
    autoRenewal: boolean
    lastRenewal: { at: string; ok: boolean; error?: string } | null
    lastCheck: { at: string; ok: boolean; error?: string } | null
    restoredFromMemoryAt: string | null
  }
  phone: {
    id: string | null
    displayNumber: string | null
    verifiedName: string | null
    qualityRating: string | null
  }
  graph: { reachable: boolean; latencyMs: number | null }
  queues: { messages: JobCounts; fallback: JobCounts }
  receipts: { expected: boolean; lastAt: string | null }
}

export function createWhatsappStatus(deps: {
  phoneNumberId: string | undefined
  sender: Pick<Sender, 'vault' | 'app' | 'accessToken' | 'renewBeforeMs'>
  pauses: Pick<Pauses, 'all'>
  queues: { messages: Queue; fallback: Queue }
  redis: RedisClient
  keys: Keys
  receiptsExpected: boolean
  now?: () => number
}) {
  const { redis, keys, now = Date.now } = deps
  const { vault, app, accessToken, renewBeforeMs } = deps.sender

  /**
   * Rejects while Redis does not answer.
   *
   * @param lookAtMeta asks Meta, or tells what is known of it; the token is looked at after it, because it may find that it is dead
   */
  return async (lookAtMeta: () => Promise<MetaLook | undefined>): Promise<WhatsappStatus & Seen> => {
    if (!(await answersPing(redis, keys.timers(), 500))) throw new Error('Redis does not answer')
    const [look, messages, fallback, lastReceipt, pauses] = await Promise.all([
      lookAtMeta(),
      countJobs(deps.queues.messages),
      countJobs(deps.queues.fallback),
      redis.get(keys.lastReceipt()),
      deps.pauses.all(),
    ])
    // What Redis lost is still used, and put back in a moment.
    const record = (await vault.read()) ?? (await accessToken.record())
    const present = presentToken(record, now())
    const state = tokenState(present, now(), renewBeforeMs)
    const isBlocked = pauses.some(({ what }) => what === 'sender')
    return {
      mode: isBlocked ? 'fallback' : modeOf(look, record, present),
      token: describeToken(record, present, state),
      phone: {
        id: deps.phoneNumberId ?? null,
        displayNumber: look?.phone?.displayNumber ?? null,
        verifiedName: look?.phone?.verifiedName ?? null,
        qualityRating: look?.phone?.qualityRating ?? null,
      },
      graph: { reachable: look?.reachable ?? false, latencyMs: look?.latencyMs ?? null },
      queues: { messages, fallback },
      receipts: {
        expected: deps.receiptsExpected,
        lastAt: isoTimeOrNull(lastReceipt === null ? null : Number(lastReceipt)),
      },
      seen: { look, record, present, state, pauses },
    }
  }

  function describeToken(
    record: TokenRecord | undefined,
    present: StoredToken | undefined,
    state: TokenState,
  ): WhatsappStatus['token'] {
    const expiresAt = present?.expiresAt
    const autoRenewal = app.of(record) !== undefined
    return {
      state,
      source: present?.source ?? null,
      version: present?.version ?? null,
      fingerprint: present ? fingerprint(present.accessToken) : null,
      expiresAt: isoTimeOrNull(expiresAt),
      expiresInSeconds: expiresAt ? Math.max(0, Math.floor((expiresAt - now()) / 1000)) : null,
      renewsAt: autoRenewal && present ? isoTimeOrNull(renewsAt(present, renewBeforeMs)) : null,
      autoRenewal,
      lastRenewal: told(record?.lastRenewal),
      lastCheck: told(record?.lastCheck),
      restoredFromMemoryAt: isoTimeOrNull(record?.restoredAt),
    }
  }

  /** Sending works with a usable token; whether it will go on working is what separates connected from degraded. */
  function modeOf(
    look: MetaLook | undefined,
    record: TokenRecord | undefined,
    present: StoredToken | undefined,
  ): WhatsappStatus['mode'] {
    if (!present || !isUsable(present, now())) return 'fallback'
    const hasFailed = record?.lastRenewal?.ok === false || record?.lastCheck?.ok === false
    const isRenewed = app.of(record) !== undefined && present.expiresAt !== undefined && !hasFailed
    return look?.phone && (present.expiresAt === null || isRenewed) ? 'connected' : 'degraded'
  }
}

function told(last: LastRenewal | LastCheck | undefined): { at: string; ok: boolean; error?: string } | null {
  if (!last) return null
  return { at: isoTime(last.at), ok: last.ok, ...(last.ok ? {} : { error: last.error }) }
}
