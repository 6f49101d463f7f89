/** Use case: everything an operator asks first, in one answer. */
import {
  answersPing,
  classify,
  countJobs,
  fingerprint,
  isUsable,
  presentToken,
  renewsAt,
  tokenState,
  type GraphClient,
  type JobCounts,
  type LastCheck,
  type LastRenewal,
  type Keys,
  type PhoneNumberNode,
  type Sender,
  type StoredToken,
  type TokenRecord,
  type TokenSource,
  type TokenState,
  type RedisClient,
} from '@relais/core'
import type { Queue } from 'bullmq'
import { isoTime, isoTimeOrNull } from './iso-time.ts'

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

type Look = { reachable: boolean; latencyMs: number | null; phone?: PhoneNumberNode; refusedToken: boolean }

export function createWhatsappStatus(deps: {
  phoneNumberId: string | undefined
  sender: Pick<Sender, 'vault' | 'app' | 'accessToken' | 'renewBeforeMs'>
  graph: GraphClient
  queues: { messages: Queue; fallback: Queue }
  redis: RedisClient
  keys: Keys
  receiptsExpected: boolean
  now?: () => number
}) {
  const { graph, redis, keys, now = Date.now } = deps
  const { vault, app, accessToken, renewBeforeMs } = deps.sender

  /** Rejects while Redis does not answer. */
  return async (): Promise<WhatsappStatus> => {
    if (!(await answersPing(redis, keys.timers(), 500))) throw new Error('Redis does not answer')
    // What Redis lost is still used, and put back in a moment.
    const record = (await vault.read()) ?? (await accessToken.record())
    const present = presentToken(record, now())
    const [look, messages, fallback, lastReceipt] = await Promise.all([
      lookAtMeta(record, present),
      countJobs(deps.queues.messages),
      countJobs(deps.queues.fallback),
      redis.get(keys.lastReceipt()),
    ])
    const state = look.refusedToken ? 'invalid' : tokenState(present, now(), renewBeforeMs)
    return {
      mode: modeOf(look, record, present),
      token: describeToken(record, present, state),
      phone: {
        id: deps.phoneNumberId ?? null,
        displayNumber: look.phone?.displayNumber ?? null,
        verifiedName: look.phone?.verifiedName ?? null,
        qualityRating: look.phone?.qualityRating ?? null,
      },
      graph: { reachable: look.reachable, latencyMs: look.latencyMs },
      queues: { messages, fallback },
      receipts: {
        expected: deps.receiptsExpected,
        lastAt: isoTimeOrNull(lastReceipt === null ? null : Number(lastReceipt)),
      },
    }
  }

  /** Reads the phone number's page with the stored token: one call tells whether Meta answers and takes the token. */
  async function lookAtMeta(
    record: TokenRecord | undefined,
    present: StoredToken | undefined,
  ): Promise<Look> {
    if (!present || !deps.phoneNumberId) return { reachable: false, latencyMs: null, refusedToken: false }
    const appSecret = app.inForce(record)
    const bearer = { accessToken: present.accessToken, ...(appSecret && { appSecret }) }
    const startedAt = performance.now()
    const answer = await graph.phoneNumber(deps.phoneNumberId, bearer)
    const latencyMs = Math.round(performance.now() - startedAt)
    switch (answer.kind) {
      case 'phone-number':
        return { reachable: true, latencyMs, phone: answer, refusedToken: false }
      case 'unreachable':
        return { reachable: false, latencyMs: null, refusedToken: false }
      case 'refused':
        return {
          reachable: true,
          latencyMs,
          refusedToken: classify(answer.error).failure === 'token-expired',
        }
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
    look: Look,
    record: TokenRecord | undefined,
    present: StoredToken | undefined,
  ): WhatsappStatus['mode'] {
    if (!present || look.refusedToken || !isUsable(present, now())) return 'fallback'
    const hasFailed = record?.lastRenewal?.ok === false || record?.lastCheck?.ok === false
    const isRenewed = app.of(record) !== undefined && present.expiresAt !== undefined && !hasFailed
    return look.phone && (present.expiresAt === null || isRenewed) ? 'connected' : 'degraded'
  }
}

function told(last: LastRenewal | LastCheck | undefined): { at: string; ok: boolean; error?: string } | null {
  if (!last) return null
  return { at: isoTime(last.at), ok: last.ok, ...(last.ok ? {} : { error: last.error }) }
}
