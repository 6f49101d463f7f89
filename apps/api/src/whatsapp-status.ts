/** Use case: everything an operator asks first, in one answer. */
import {
  answersPing,
  classify,
  countJobs,
  isUsable,
  renewsAt,
  tokenState,
  type GraphClient,
  type JobCounts,
  type Keys,
  type PhoneNumberNode,
  type StoredToken,
  type TokenSource,
  type TokenState,
  type TokenVault,
} from '@relais/core'
import type { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { isoTime, isoTimeOrNull } from './iso-time.ts'

export type WhatsappStatus = {
  mode: 'connected' | 'degraded' | 'fallback'
  token: {
    state: TokenState
    source: TokenSource | null
    version: number | null
    expiresAt: string | null
    expiresInSeconds: number | null
    renewsAt: string | null
    autoRenewal: boolean
    lastRenewal: { at: string; ok: boolean; error?: string } | null
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

/** @param deps.autoRenewal are app id and secret there, so that the token can be renewed? */
export function createWhatsappStatus(deps: {
  phoneNumberId: string | undefined
  vault: TokenVault
  graph: GraphClient
  queues: { messages: Queue; fallback: Queue }
  redis: Redis
  keys: Keys
  autoRenewal: boolean
  receiptsExpected: boolean
  renewBeforeMs: number | undefined
  now?: () => number
}) {
  const { vault, graph, redis, keys, renewBeforeMs, now = Date.now } = deps

  /** Rejects while Redis does not answer. */
  return async (): Promise<WhatsappStatus> => {
    if (!(await answersPing(redis, 500))) throw new Error('Redis does not answer')
    const stored = await vault.read()
    const [look, messages, fallback, lastReceipt] = await Promise.all([
      lookAtMeta(stored),
      countJobs(deps.queues.messages),
      countJobs(deps.queues.fallback),
      redis.get(keys.lastReceipt()),
    ])
    const state = look.refusedToken ? 'invalid' : tokenState(stored, now(), renewBeforeMs)
    const token = describeToken(stored, state)
    return {
      mode: modeOf(state, look, stored),
      token,
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
  async function lookAtMeta(stored: StoredToken | undefined): Promise<Look> {
    if (!stored || !deps.phoneNumberId) return { reachable: false, latencyMs: null, refusedToken: false }
    const startedAt = performance.now()
    const answer = await graph.phoneNumber(deps.phoneNumberId, stored.accessToken)
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

  function describeToken(stored: StoredToken | undefined, state: TokenState): WhatsappStatus['token'] {
    const expiresAt = stored?.expiresAt
    const last = stored?.lastRenewal
    return {
      state,
      source: stored?.source ?? null,
      version: stored?.version ?? null,
      expiresAt: isoTimeOrNull(expiresAt),
      expiresInSeconds: expiresAt ? Math.max(0, Math.floor((expiresAt - now()) / 1000)) : null,
      renewsAt: deps.autoRenewal && stored ? isoTimeOrNull(renewsAt(stored, renewBeforeMs)) : null,
      autoRenewal: deps.autoRenewal,
      lastRenewal: last ? { ...last, at: isoTime(last.at) } : null,
    }
  }

  /** Sending works with a usable token; whether it will go on working is what separates connected from degraded. */
  function modeOf(state: TokenState, look: Look, stored: StoredToken | undefined): WhatsappStatus['mode'] {
    if (!isUsable(state)) return 'fallback'
    const neverExpires = stored?.expiresAt === null
    const isRenewed = neverExpires || (deps.autoRenewal && stored?.lastRenewal?.ok !== false)
    return look.phone && isRenewed ? 'connected' : 'degraded'
  }
}
