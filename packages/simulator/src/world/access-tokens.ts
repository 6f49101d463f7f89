import { createHash } from 'node:crypto'
import { decodeToken, encodeToken, type Grant, type TokenType } from './token-string.ts'

/** What the simulator thinks of a token at this moment. */
export type TokenVerdict =
  | { readonly state: 'live' | 'expired' | 'revoked' | 'deauthorised'; readonly grant: Grant }
  | { readonly state: 'unreadable' | 'foreign' }

/** A token as the control side lists it: never the token itself. Times are milliseconds. */
export type TokenSummary = {
  readonly fingerprint: string
  readonly state: TokenVerdict['state']
  readonly type: TokenType
  readonly scopes: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number | null
}

export type TokenRequest = {
  readonly type?: TokenType | undefined
  /** 0 = never expires. */
  readonly lifeSeconds?: number | undefined
  readonly scopes?: readonly string[] | undefined
}

export const fullScopes = [
  'business_management',
  'whatsapp_business_management',
  'whatsapp_business_messaging',
]

/** Tokens listed; older ones keep working, they carry their own grant. */
const LISTED_TOKENS = 500

/** First twelve hex digits of the token's SHA-256: enough to tell tokens apart, useless for calling. */
function fingerprintOf(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('hex').slice(0, 12)
}

/**
 * The app's tokens. What a token grants is written in the token; only revocation, forced expiry and the first
 * token, which is an arbitrary string, live in this process.
 */
export function createAccessTokens(deps: {
  appId: string
  appSecret: string
  firstToken: string
  lifeSeconds: number
  now: () => number
}) {
  const { appId, appSecret, now } = deps
  const known = new Map<string, Grant>()
  const revoked = new Set<string>()
  const expiredAt = new Map<string, number>()
  let deauthorisedAt = -Infinity
  let first = grantFor({})

  function grantFor(request: TokenRequest): Grant {
    const lifeSeconds = request.lifeSeconds ?? deps.lifeSeconds
    const issuedAt = Math.max(now(), deauthorisedAt + 1)
    return {
      appId,
      type: request.type ?? 'SYSTEM_USER',
      issuedAt,
      expiresAt: lifeSeconds === 0 ? null : issuedAt + lifeSeconds * 1000,
      scopes: request.scopes ?? fullScopes,
    }
  }

  function stateOf(fingerprint: string, grant: Grant): 'live' | 'expired' | 'revoked' | 'deauthorised' {
    if (grant.issuedAt <= deauthorisedAt) return 'deauthorised'
    if (revoked.has(fingerprint)) return 'revoked'
    return grant.expiresAt !== null && grant.expiresAt <= now() ? 'expired' : 'live'
  }

  function withForcedExpiry(fingerprint: string, grant: Grant): Grant {
    const forced = expiredAt.get(fingerprint)
    return forced === undefined ? grant : { ...grant, expiresAt: forced }
  }

  function remember(fingerprint: string, grant: Grant): void {
    known.delete(fingerprint)
    known.set(fingerprint, grant)
    const oldest = known.size > LISTED_TOKENS ? known.keys().next().value : undefined
    if (oldest !== undefined) known.delete(oldest)
  }

  /** Says whether a token is live and what it grants. */
  function judge(accessToken: string): TokenVerdict {
    const fingerprint = fingerprintOf(accessToken)
    const decoded =
      accessToken === deps.firstToken
        ? ({ kind: 'ours', grant: first } as const)
        : decodeToken(accessToken, appId, appSecret)
    if (decoded.kind !== 'ours') return { state: decoded.kind }
    const grant = withForcedExpiry(fingerprint, decoded.grant)
    if (!known.has(fingerprint)) remember(fingerprint, decoded.grant)
    return { state: stateOf(fingerprint, grant), grant }
  }

  /** A new token string; every call gives another one. */
  function issue(request: TokenRequest = {}): string {
    const grant = grantFor(request)
    const accessToken = encodeToken(grant, appSecret)
    remember(fingerprintOf(accessToken), grant)
    return accessToken
  }

  function summary([fingerprint, issued]: readonly [string, Grant]): TokenSummary {
    const grant = withForcedExpiry(fingerprint, issued)
    const { type, scopes, issuedAt, expiresAt } = grant
    return { fingerprint, state: stateOf(fingerprint, grant), type, scopes, issuedAt, expiresAt }
  }

  /** Back to the start: only the first token, with its whole life before it. */
  function reset(): void {
    deauthorisedAt = -Infinity
    for (const store of [known, revoked, expiredAt]) store.clear()
    first = grantFor({})
    remember(fingerprintOf(deps.firstToken), first)
  }

  reset()
  return {
    judge,
    issue,
    /** The kinds of end below take a token or a fingerprint of `list()`. */
    revoke: (token: string) => void revoked.add(fingerprintIn(token)),
    expire: (token: string) => void expiredAt.set(fingerprintIn(token), now() - 1000),
    /** Every token given out so far answers 190/458; later ones work. */
    deauthoriseApp: () => void (deauthorisedAt = now()),
    list: () => [...known].map(summary),
    reset,
  }

  function fingerprintIn(token: string): string {
    return known.has(token) ? token : fingerprintOf(token)
  }
}

export type AccessTokens = ReturnType<typeof createAccessTokens>
