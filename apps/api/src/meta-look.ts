/**
 * A look at Meta: does it answer, does it take the token, does it show our number? One small call. What is found is shared by all who want to know;
 * a token that Meta refuses is marked for all workers at once, as if a send had been refused with it.
 */
import {
  classify,
  describeFault,
  isUsable,
  presentToken,
  type Bearer,
  type GraphClient,
  type GraphFault,
  type PhoneNumberNode,
  type Sender,
  type StoredToken,
  type TokenRecord,
} from '@relais/core'
import { setTimeout as sleep } from 'node:timers/promises'

/** What was found. `at`: when it was asked, in milliseconds since 1970. */
export type MetaLook = {
  at: number
  /** Of the token that it was asked with. */
  version: number | undefined
  reachable: boolean
  /** Milliseconds; null without an answer. */
  latencyMs: number | null
  /** The number's page, if Meta shows it. */
  phone?: PhoneNumberNode
  /** Meta refused the token, and there was no other. */
  isTokenRefused: boolean
  /** Meta's words, if it did not show the number. */
  refusal?: string
  /** Why there was no answer. */
  fault?: string
}

export type NumberDetails = Pick<PhoneNumberNode, 'status' | 'throughputLevel' | 'messagingLimit'>

/** What only people want to know of the number changes slowly. */
const DETAILS_EVERY_MS = 60_000

/** Meta answers within that as a rule: what it says is then shown at once, and not with the next look. */
const USUAL_ANSWER_MS = 250

/** Meta is asked about a dead token no oftener than this: another one is noticed at once. */
const DEAD_EVERY_MS = 10_000

/** Meta said "too many calls": it is left in peace for so long. */
const LEAVE_ALONE_MS = 60_000

export function createLookAtMeta(deps: {
  phoneNumberId: string | undefined
  sender: Pick<Sender, 'accessToken' | 'app'>
  graph: Pick<GraphClient, 'phoneNumber'>
  now?: () => number
}) {
  const { phoneNumberId, graph, now = Date.now } = deps
  const { accessToken, app } = deps.sender
  let known: MetaLook | undefined
  let details: NumberDetails = {}
  let detailsAt = -Infinity
  let quietUntil = -Infinity
  let looking: Promise<MetaLook> | undefined

  return {
    /** Asks Meta now; who asks meanwhile gets the same answer. Undefined: there is nothing to ask with. */
    look,

    /**
     * What was found last. If that is older than `maxAgeMs` Meta is asked, and waited for a moment: for `waitMs` if nothing is known yet, or only of
     * another token.
     */
    async latest({ maxAgeMs, waitMs }: { maxAgeMs: number; waitMs: number }): Promise<MetaLook | undefined> {
      const { token } = await present()
      const latest = known?.version === token?.version ? known : undefined
      const bearableMs = known?.isTokenRefused ? Math.max(maxAgeMs, DEAD_EVERY_MS) : maxAgeMs
      if (latest && (now() - latest.at < bearableMs || now() < quietUntil)) return latest
      const asked = look().catch(() => undefined)
      const late = sleep(latest ? Math.min(waitMs, USUAL_ANSWER_MS) : waitMs, undefined, { ref: false })
      return (await Promise.race([asked, late])) ?? known
    },

    /** State, throughput and messaging limit of the number, as far as Meta has told. Asked for in the background, once a minute while somebody wants to know. */
    details(): NumberDetails {
      if (now() - detailsAt >= DETAILS_EVERY_MS && known?.phone) {
        detailsAt = now()
        void askDetails().catch(() => undefined)
      }
      return details
    },
  }

  function look(): Promise<MetaLook> {
    looking ??= lookOnce().finally(() => (looking = undefined))
    return looking
  }

  async function lookOnce(): Promise<MetaLook> {
    const at = now()
    const { token } = await present()
    const startedAt = performance.now()
    const answer = await ask([])
    const latencyMs = Math.round(performance.now() - startedAt)
    const found = { at, version: token?.version, ...readLook(answer, latencyMs) }
    if (answer?.kind === 'refused' && classify(answer.error).failure === 'rate-limited-sender') {
      quietUntil = at + LEAVE_ALONE_MS
    }
    known = found
    return found
  }

  /** One field that a number does not have makes the whole call fail, so the one that some may lack is asked for by itself. */
  async function askDetails(): Promise<void> {
    const [usual, limit] = await Promise.all([
      ask(['status', 'throughput']),
      ask(['whatsapp_business_manager_messaging_limit']),
    ])
    const { status, throughputLevel } = phoneIn(usual)
    const { messagingLimit } = phoneIn(limit)
    details = {
      ...(status !== undefined && { status }),
      ...(throughputLevel !== undefined && { throughputLevel }),
      ...(messagingLimit !== undefined && { messagingLimit }),
    }
  }

  /** With the token in use, which is marked for all if Meta refuses it. Without one a dead token still tells whether Meta answers. */
  async function ask(
    also: Parameters<GraphClient['phoneNumber']>[2],
  ): Promise<PhoneNumberNode | GraphFault | undefined> {
    const { record, token } = await present()
    if (phoneNumberId === undefined || !token) return undefined
    const use = (bearer: Bearer) => graph.phoneNumber(phoneNumberId, bearer, also)
    if (isUsable(token, now())) return accessToken.withAccessToken(use, refusalOf)
    const appSecret = app.inForce(record)
    return use({ accessToken: token.accessToken, ...(appSecret && { appSecret }) })
  }

  async function present(): Promise<{ record: TokenRecord | undefined; token: StoredToken | undefined }> {
    const record = await accessToken.record()
    return { record, token: presentToken(record, now()) }
  }
}

export type LookAtMeta = ReturnType<typeof createLookAtMeta>

function readLook(
  answer: PhoneNumberNode | GraphFault | undefined,
  latencyMs: number,
): Omit<MetaLook, 'at' | 'version'> {
  switch (answer?.kind) {
    case undefined:
      return { reachable: false, latencyMs: null, isTokenRefused: false }
    case 'phone-number':
      return { reachable: true, latencyMs, phone: answer, isTokenRefused: false }
    case 'unreachable':
      return { reachable: false, latencyMs: null, isTokenRefused: false, fault: answer.detail }
    case 'refused':
      return {
        reachable: true,
        latencyMs,
        isTokenRefused: refusalOf(answer) !== undefined,
        refusal: describeFault(answer).error,
      }
  }
}

/** Meta's words, if it refused the token itself. */
function refusalOf(answer: PhoneNumberNode | GraphFault): string | undefined {
  const isRefused = answer.kind === 'refused' && classify(answer.error).failure === 'token-expired'
  return isRefused ? describeFault(answer).error : undefined
}

function phoneIn(answer: PhoneNumberNode | GraphFault | undefined): Partial<PhoneNumberNode> {
  return answer?.kind === 'phone-number' ? answer : {}
}
