/** The API's status answer, and what it means for a person. */
import { fieldOf } from '@relais/core'

export type Mode = 'connected' | 'degraded' | 'fallback'

type Counts = { waiting: number; active: number; delayed: number; failed: number }

/** As the API sends it. Times are ISO 8601. What an older API leaves out is read as `null`. */
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
    restoredFromMemoryAt?: string | null
  }
  phone: Record<'id' | 'displayNumber' | 'verifiedName' | 'qualityRating', string | null>
  graph: { reachable: boolean; latencyMs: number | null }
  queues: { messages: Counts; fallback: Counts }
  receipts: { expected: boolean; lastAt: string | null }
}

/** Why it is as it is, what to do now, and what else an operator should know. */
export type Explanation = { why: string; nextStep?: string; notes: string[] }

const MODES: readonly unknown[] = ['connected', 'degraded', 'fallback'] satisfies Mode[]

const GET_TOKEN =
  'Get a new token (scripts/get-whatsapp-tokens.sh, docs/WHATSAPP_SETUP_GUIDE.md) and bring it with npx ' +
  'relais tokens update (docs/WHATSAPP_TOKEN_RENEWAL.md).'

/** The status in an answer of the API, or `undefined` if it is something else. */
export function readWhatsappStatus(body: unknown): WhatsappStatus | undefined {
  const parts = ['token', 'phone', 'graph', 'queues', 'receipts'].map((name) => fieldOf(body, name))
  const queues = ['messages', 'fallback'].map((name) => fieldOf(fieldOf(body, 'queues'), name))
  const isWhole = [...parts, ...queues].every((part) => typeof part === 'object' && part !== null)
  return isWhole && MODES.includes(fieldOf(body, 'mode')) ? (body as WhatsappStatus) : undefined
}

export function explain(status: WhatsappStatus): Explanation {
  return { ...explainMode(status), notes: notesOn(status) }
}

function explainMode(status: WhatsappStatus): Omit<Explanation, 'notes'> {
  switch (status.mode) {
    case 'connected':
      return { why: 'A token is live and Meta answers: codes go out over WhatsApp.' }
    case 'degraded':
      return explainDegraded(status)
    case 'fallback':
      return explainFallback(status)
  }
}

function explainFallback({ token, phone }: WhatsappStatus): Omit<Explanation, 'notes'> {
  const effect = 'Nothing is sent over WhatsApp; codes go to the fallback log.'
  if (phone.id === null) {
    return {
      why: `WHATSAPP_PHONE_NUMBER_ID is not set. ${effect}`,
      nextStep: 'Run scripts/get-whatsapp-tokens.sh, then restart API and workers.',
    }
  }
  switch (token.state) {
    case 'missing':
      return {
        why: `There is no access token, neither in Redis nor in the environment. ${effect}`,
        nextStep: GET_TOKEN,
      }
    case 'expired':
      return {
        why: `The access token has expired, and Meta renews no expired token. ${effect}`,
        nextStep: GET_TOKEN,
      }
    case 'invalid':
      return {
        why: `Meta refuses the access token: it was revoked, or belongs to another app. ${effect}`,
        nextStep: `Run npx relais doctor to see why. ${GET_TOKEN}`,
      }
    default:
      return {
        why: `No token can be used at the moment. ${effect}`,
        nextStep: 'Look again in a minute; if it stays, run npx relais doctor.',
      }
  }
}

/** Sending works; what is wrong is either Meta, or what keeps the token alive. */
function explainDegraded({ token, graph, phone }: WhatsappStatus): Omit<Explanation, 'notes'> {
  if (!graph.reachable) {
    return {
      why: 'The token is live, but Meta does not answer. Messages wait and are tried again until their deadline.',
      nextStep: 'Check the way out of this machine to graph.facebook.com, then whether Meta itself is down.',
    }
  }
  if (phone.displayNumber === null) {
    return {
      why: 'Meta answers, but does not show our phone number: a permission is missing, or the id is wrong.',
      nextStep: 'Run npx relais doctor: it says what is missing.',
    }
  }
  if (token.lastRenewal?.ok === false) {
    return {
      why: 'Sending works, but the last renewal of the token failed. It is tried again by itself.',
      nextStep: 'Run npx relais doctor, and read docs/WHATSAPP_TOKEN_RENEWAL.md before the token ends.',
    }
  }
  if (!token.autoRenewal) {
    return {
      why: 'Sending works, but nothing renews the token: WHATSAPP_APP_ID and WHATSAPP_APP_SECRET are not both set.',
      nextStep: 'Set both (scripts/get-whatsapp-tokens.sh), then restart API and workers.',
    }
  }
  return { why: 'Sending works, with a fault.', nextStep: 'Run npx relais doctor.' }
}

function notesOn({ token, phone, queues, receipts }: WhatsappStatus): string[] {
  const { failed, waiting } = queues.fallback
  const notes = [
    token.restoredFromMemoryAt &&
      'Redis had lost the token and it was put back from memory: find out why (persistence, eviction, FLUSHALL).',
    token.state === 'expiring' && token.lastRenewal?.ok !== false && 'The renewal of the token is due.',
    phone.qualityRating === 'RED' &&
      'The quality of the number is RED: Meta may pause templates or limit it.',
    receipts.expected &&
      receipts.lastAt === null &&
      'Receipts are expected, and none has ever come: check the webhook with npx relais doctor.',
    waiting > 0 && `${waiting} in the fallback queue wait for a worker.`,
    failed > 0 && `${failed} in the fallback queue failed: look at /admin/queues.`,
  ]
  return notes.filter((note): note is string => typeof note === 'string' && note !== '')
}
