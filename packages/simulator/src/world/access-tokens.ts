import { createHash, createHmac } from 'node:crypto'
import type { AppSecret } from './app-secret.ts'
import { createConsents } from './consents.ts'
import { keepNewest } from './keep-newest.ts'
import {
  decodeToken,
  encodeToken,
  sameText,
  type DecodedToken,
  type Grant,
  type IssuableTokenType,
  type TokenType,
} from './token-string.ts'

/** What the simulator thinks of a token at this moment. */
export type TokenVerdict =
  | { readonly state: 'live' | 'expired' | 'revoked' | 'deauthorised'; readonly grant: Grant }
  | { readonly state: 'unreadable' | 'foreign' | 'badly signed' }

/** A token as the control side lists it: never the token itself. Times are milliseconds. */
export type TokenSummary = {
  readonly fingerprint: string
  readonly state: TokenVerdict['state']
  readonly type: TokenType
  readonly userId: string
  readonly scopes: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number | null
}

export type TokenRequest = {
  readonly type?: IssuableTokenType | undefined
  /** Default: the system user, or for `USER` the one person there is. */
  readonly userId?: string | undefined
  /** 0 = never expires. */
  readonly lifeSeconds?: number | undefined
  readonly scopes?: readonly string[] | undefined
  /** Milliseconds; default for a person's token: 90 days. */
  readonly dataAccessExpiresAt?: number | null | undefined
}

export const fullScopes = [
  'business_management',
  'whatsapp_business_management',
  'whatsapp_business_messaging',
]

/** Tokens listed; older ones keep working, they carry their own grant. */
const LISTED_TOKENS = 500
/** Tokens whose reading is kept, so that a send does not hash its token anew. */
const READ_TOKENS = 1000
/** Revocations and forced expiries that are remembered, each. */
const ENDED_TOKENS = 100_000
const DATA_ACCESS_MS = 90 * 86_400_000
const FIRST_PERSON_ID = '10158000000000001'

/** What a token string says, which never changes, apart from its state, which does. */
type Reading = {
  readonly fingerprint: string
  readonly decoded: DecodedToken
  proof?: { readonly secret: string; readonly text: string }
}

/**
 * The app's tokens. What a token grants is written in the token; only revocation, forced expiry, withdrawn consent
 * and the first token, which is an arbitrary string, live in this process.
 */
export function createAccessTokens(deps: {
  appId: string
  appSecret: AppSecret
  systemUserId: string
  firstToken: string
  lifeSeconds: number
  now: () => number
}) {
  const { appId, appSecret, now } = deps
  const known = new Map<string, Grant>()
  const readings = new Map<string, Reading>()
  const revoked = new Map<string, true>()
  const expiredAt = new Map<string, number>()
  const consents = createConsents()
  let lastSender: string | undefined
  let first = grantFor({})

  function hmac(text: string): Buffer {
    return createHmac('sha256', appSecret.current()).update(text).digest()
  }

  /** As `client_credentials` gives it out; `id|secret` works as well. */
  function appToken(): string {
    return `${appId}|${hmac('app token').toString('base64url').slice(0, 27)}`
  }

  function grantFor(request: TokenRequest): Grant {
    const type = request.type ?? 'SYSTEM_USER'
    const userId = request.userId ?? (type === 'USER' ? FIRST_PERSON_ID : deps.systemUserId)
    const lifeSeconds = request.lifeSeconds ?? deps.lifeSeconds
    const issuedAt = Math.max(now(), consents.newestAt(userId) + 1)
    return {
      appId,
      type,
      userId,
      issuedAt,
      expiresAt: lifeSeconds === 0 ? null : issuedAt + lifeSeconds * 1000,
      dataAccessExpiresAt:
        type === 'USER' ? (request.dataAccessExpiresAt ?? issuedAt + DATA_ACCESS_MS) : null,
      scopes: request.scopes ?? fullScopes,
    }
  }

  function stateOf(fingerprint: string, grant: Grant): 'live' | 'expired' | 'revoked' | 'deauthorised' {
    if (grant.issuedAt <= consents.withdrawnAt(grant.userId)) return 'deauthorised'
    if (revoked.has(fingerprint)) return 'revoked'
    return grant.expiresAt !== null && grant.expiresAt <= now() ? 'expired' : 'live'
  }

  function withForcedExpiry(fingerprint: string, grant: Grant): Grant {
    const forced = expiredAt.get(fingerprint)
    return forced === undefined ? grant : { ...grant, expiresAt: forced }
  }

  function remember(fingerprint: string, grant: Grant): void {
    keepNewest(known, fingerprint, grant, LISTED_TOKENS)
  }

  function decode(accessToken: string): DecodedToken {
    return accessToken === deps.firstToken
      ? { kind: 'ours', grant: first }
      : decodeToken(accessToken, appId, appSecret.first)
  }

  function read(accessToken: string): Reading {
    const kept = readings.get(accessToken)
    if (kept !== undefined) return kept
    const reading = { fingerprint: fingerprintOf(accessToken), decoded: decode(accessToken) }
    if (reading.decoded.kind === 'ours') keepNewest(readings, accessToken, reading, READ_TOKENS)
    return reading
  }

  /** Says whether a token is live and what it grants. */
  function judge(accessToken: string): TokenVerdict {
    if (accessToken.includes('|') && accessToken !== deps.firstToken) return judgeAppToken(accessToken)
    const { fingerprint, decoded } = read(accessToken)
    if (decoded.kind !== 'ours') return { state: decoded.kind }
    if (!known.has(fingerprint)) remember(fingerprint, decoded.grant)
    const grant = consents.narrow(withForcedExpiry(fingerprint, decoded.grant))
    return { state: stateOf(fingerprint, grant), grant }
  }

  function judgeAppToken(accessToken: string): TokenVerdict {
    const isOurs = [appToken(), `${appId}|${appSecret.current()}`].some((token) =>
      sameText(accessToken, token),
    )
    if (!isOurs) return { state: 'badly signed' }
    const nobody = { userId: '', issuedAt: 0, expiresAt: null, dataAccessExpiresAt: null, scopes: [] }
    return { state: 'live', grant: { appId, type: 'APP', ...nobody } }
  }

  /** A new token string; every call gives another one. */
  function issue(request: TokenRequest = {}): string {
    const grant = grantFor(request)
    const accessToken = encodeToken(grant, appSecret.first)
    remember(fingerprintOf(accessToken), grant)
    return accessToken
  }

  function summary([fingerprint, issued]: readonly [string, Grant]): TokenSummary {
    const grant = consents.narrow(withForcedExpiry(fingerprint, issued))
    const { type, userId, scopes, issuedAt, expiresAt } = grant
    return { fingerprint, state: stateOf(fingerprint, grant), type, userId, scopes, issuedAt, expiresAt }
  }

  /** Back to the start: only the first token, with its whole life before it. */
  function reset(): void {
    consents.reset()
    for (const store of [known, readings, revoked, expiredAt]) store.clear()
    first = grantFor({})
    lastSender = undefined
    remember(fingerprintOf(deps.firstToken), first)
  }

  reset()
  return {
    appToken,
    judge,
    issue,
    /** `hex(HMAC-SHA256(app secret, token))`: what `appsecret_proof` must be. */
    proofOf(accessToken: string): string {
      const reading = read(accessToken)
      const secret = appSecret.current()
      if (reading.proof?.secret !== secret)
        reading.proof = { secret, text: hmac(accessToken).toString('hex') }
      return reading.proof.text
    },
    /** The kinds of end below take a token or a fingerprint of `list()`. */
    revoke: (token: string) => keepNewest(revoked, fingerprintIn(token), true, ENDED_TOKENS),
    expire: (token: string) => keepNewest(expiredAt, fingerprintIn(token), now() - 1000, ENDED_TOKENS),
    /** Every token given out so far answers 190/458; later ones work. */
    deauthoriseApp: () => consents.withdrawAll(now()),
    /** The person takes back one permission, or all of them: then their tokens answer 190/458. */
    withdraw: (userId: string, permission?: string) => consents.withdraw(userId, permission, now()),
    list: () => [...known].map(summary),
    /** Notes that a send used this live token. */
    noteSender: (accessToken: string) => void (lastSender = accessToken),
    /** Fingerprint of the token that the newest send used. */
    lastSender: () => (lastSender === undefined ? undefined : read(lastSender).fingerprint),
    reset,
  }

  function fingerprintIn(token: string): string {
    return known.has(token) ? token : fingerprintOf(token)
  }
}

export type AccessTokens = ReturnType<typeof createAccessTokens>

/** First twelve hex digits of the token's SHA-256: enough to tell tokens apart, useless for calling. */
function fingerprintOf(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('hex').slice(0, 12)
}
