/** The state of the running system, as the API tells it. */
import { fieldOf, listOf, type Finding } from '@relais/core'

export type Mode = 'connected' | 'degraded' | 'fallback'

type Counts = { waiting: number; active: number; delayed: number; failed: number }

/** As the API sends it, with what is wrong, the worst first. Times are ISO 8601. */
export type WhatsappStatus = {
  mode: Mode
  token: {
    state: string
    source: string | null
    version: number | null
    fingerprint: string | null
    expiresAt: string | null
    expiresInSeconds: number | null
    renewsAt: string | null
    autoRenewal: boolean
    lastRenewal: { at: string; ok: boolean; error?: string } | null
  }
  phone: Record<'id' | 'displayNumber' | 'verifiedName' | 'qualityRating', string | null>
  graph: { reachable: boolean; latencyMs: number | null }
  queues: { messages: Counts; fallback: Counts }
  receipts: { expected: boolean; lastAt: string | null }
  findings: Pick<Finding, 'id' | 'subject' | 'severity' | 'what' | 'remedy'>[]
}

const MODES: readonly unknown[] = ['connected', 'degraded', 'fallback'] satisfies Mode[]

/** The status in an answer of the API, or `undefined` if it is something else. */
export function readWhatsappStatus(body: unknown): WhatsappStatus | undefined {
  const status = fieldOf(body, 'status')
  const parts = ['token', 'phone', 'graph', 'queues', 'receipts'].map((name) => fieldOf(status, name))
  const queues = ['messages', 'fallback'].map((name) => fieldOf(fieldOf(status, 'queues'), name))
  const isWhole = [...parts, ...queues].every((part) => typeof part === 'object' && part !== null)
  const mode = fieldOf(body, 'mode')
  if (!isWhole || !MODES.includes(mode)) return undefined
  const findings = listOf(fieldOf(body, 'findings')).filter(
    (finding) => typeof fieldOf(finding, 'what') === 'string',
  )
  return { ...(status as object), mode, findings } as WhatsappStatus
}

/** The mode in a sentence, for when nothing is wrong. */
export const ALL_WELL = 'A token is live and Meta answers: codes go out over WhatsApp.'
