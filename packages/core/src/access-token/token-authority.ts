/** Meta's side of a token's life: the questions, and how its answers about a token are read. */
import type {
  AppCredentials,
  ExchangedToken,
  GraphFault,
  InspectedToken,
  PhoneNumberNode,
  Bearer,
} from '../graph/answers.ts'
import { classify } from '../graph/failures.ts'
import type { Secret } from '../secret.ts'
import type { TokenFacts } from './token-fields.ts'

export type TokenAuthority = {
  /** Trades a live token for a new one. @param how.forSystemUser ask for a life of sixty days */
  exchange(
    app: AppCredentials,
    accessToken: Secret,
    how: { forSystemUser: boolean },
  ): Promise<ExchangedToken | GraphFault>
  inspect(app: AppCredentials, accessToken: Secret): Promise<InspectedToken | GraphFault>
  phoneNumber(phoneNumberId: string, bearer: Bearer): Promise<PhoneNumberNode | GraphFault>
}

/** What Meta says of a token. */
export type Verdict =
  | { kind: 'good'; facts: TokenFacts }
  | { kind: 'bad'; reason: string }
  | ({ kind: 'unanswered' } & FaultReport)

/** A fault of Meta's in one line: code and words. */
export type FaultReport = { error: string; graphCode?: number; fbtraceId?: string }

/** Without it Meta lets nobody send (Meta, "Access Tokens Guide"). */
const NEEDED_SCOPE = 'whatsapp_business_messaging'

/**
 * Asks Meta about a token. With the app's credentials `debug_token` tells all of it; without them all that can be asked is whether the
 * token may read the number it is to send from.
 */
export async function judgeToken(
  authority: Pick<TokenAuthority, 'inspect' | 'phoneNumber'>,
  senderId: string,
  credentials: AppCredentials | undefined,
  accessToken: Secret,
): Promise<Verdict> {
  if (!credentials) return judgeByNumber(await authority.phoneNumber(senderId, { accessToken }))
  const inspected = await authority.inspect(credentials, accessToken)
  if (inspected.kind !== 'inspected') return { kind: 'unanswered', ...describeFault(inspected) }
  const reason = reasonToReject(inspected, credentials.appId)
  return reason === undefined ? { kind: 'good', facts: factsOf(inspected) } : { kind: 'bad', reason }
}

function judgeByNumber(number: PhoneNumberNode | GraphFault): Verdict {
  if (number.kind === 'phone-number') return { kind: 'good', facts: {} }
  const { error } = describeFault(number)
  if (saysNothing(number)) return { kind: 'unanswered', ...describeFault(number) }
  return { kind: 'bad', reason: `it cannot see the phone number: ${error}` }
}

/** Is this fault about Meta's own state or ours, and says nothing of the token that was asked about? */
export function saysNothing(fault: GraphFault): boolean {
  if (fault.kind === 'unreachable') return true
  // "API Unknown", but with these words it is the app secret that is wrong.
  if (fault.error.graphCode === 1 && /client secret/i.test(fault.error.message)) return false
  return ['transient', 'rate-limited-sender'].includes(classify(fault.error).failure)
}

/** Why a token that Meta was asked about cannot be ours, in words for an operator. Undefined: it can. */
export function reasonToReject(inspected: InspectedToken, appId: string): string | undefined {
  const { isValid, appId: itsAppId, scopes, error } = inspected
  if (!isValid) return error?.message ?? 'Meta says that it is not valid'
  if (itsAppId !== undefined && itsAppId !== appId) return `it belongs to the app ${itsAppId}, not to ours`
  if (scopes && !scopes.includes(NEEDED_SCOPE)) return `it lacks the permission ${NEEDED_SCOPE}`
  return undefined
}

/** What is to be remembered of a token that Meta calls valid. */
export function factsOf({ expiresAt, issuedAt, type }: InspectedToken): TokenFacts {
  return {
    ...(expiresAt !== undefined && { expiresAt }),
    ...(issuedAt !== undefined && { obtainedAt: issuedAt }),
    ...(type !== undefined && { type }),
  }
}

export function describeFault(fault: GraphFault): FaultReport {
  if (fault.kind === 'unreachable') return { error: fault.detail }
  const { graphCode, subcode, message, statusCode, fbtraceId } = fault.error
  const code = graphCode ?? `HTTP ${statusCode}`
  return {
    error: `${code}${subcode === undefined ? '' : `/${subcode}`} ${message}`,
    ...(graphCode !== undefined && { graphCode }),
    ...(fbtraceId !== undefined && { fbtraceId }),
  }
}
