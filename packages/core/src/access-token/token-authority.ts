/** Meta's side of a token's life: the two questions, and how its answers about a token are read. */
import type { AppCredentials, ExchangedToken, GraphFault, InspectedToken } from '../graph/answers.ts'
import type { Secret } from '../secret.ts'
import type { TokenFacts } from './vault.ts'

export type TokenAuthority = {
  /** Trades a live token for a new one. @param how.forSystemUser ask for a life of sixty days */
  exchange(
    app: AppCredentials,
    accessToken: Secret,
    how: { forSystemUser: boolean },
  ): Promise<ExchangedToken | GraphFault>
  inspect(app: AppCredentials, accessToken: Secret): Promise<InspectedToken | GraphFault>
}

/** Without it Meta lets nobody send (Meta, "Access Tokens Guide"). */
const NEEDED_SCOPE = 'whatsapp_business_messaging'

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

/** A fault of Meta's in one line: code and words. */
export function describeFault(fault: GraphFault): { error: string; graphCode?: number; fbtraceId?: string } {
  if (fault.kind === 'unreachable') return { error: fault.detail }
  const { graphCode, subcode, message, statusCode, fbtraceId } = fault.error
  const code = graphCode ?? `HTTP ${statusCode}`
  return {
    error: `${code}${subcode === undefined ? '' : `/${subcode}`} ${message}`,
    ...(graphCode !== undefined && { graphCode }),
    ...(fbtraceId !== undefined && { fbtraceId }),
  }
}
