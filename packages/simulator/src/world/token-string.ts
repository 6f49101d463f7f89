import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** What an access token grants. Times are milliseconds; `expiresAt: null` never expires. */
export type Grant = {
  readonly appId: string
  readonly type: TokenType
  /** Whom it stands for; an app token stands for nobody. */
  readonly userId: string
  readonly issuedAt: number
  readonly expiresAt: number | null
  /** When the app may no longer read the person's data; `null` on tokens that are not a person's. */
  readonly dataAccessExpiresAt: number | null
  readonly scopes: readonly string[]
}

export type IssuableTokenType = 'SYSTEM_USER' | 'USER'
export type TokenType = IssuableTokenType | 'APP'

export type DecodedToken =
  | { readonly kind: 'ours'; readonly grant: Grant }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'unreadable' }

const PREFIX = 'EAA'
const SEAL_LENGTH = 22

/**
 * Writes a grant into the token itself, sealed with the app secret, so that a simulator started again with the
 * same app still knows the tokens it gave out: its clients keep them. No two tokens are equal.
 */
export function encodeToken(grant: Grant, appSecret: string): string {
  const fields = [
    grant.appId,
    grant.type,
    grant.issuedAt,
    grant.expiresAt,
    grant.scopes,
    randomBytes(9).toString('base64url'),
    grant.userId,
    grant.dataAccessExpiresAt,
  ]
  const payload = Buffer.from(JSON.stringify(fields)).toString('base64url')
  return `${PREFIX}${payload}${seal(payload, appSecret)}`
}

/** Reads a token. `foreign`: of another app. `unreadable`: not a token, or tampered with. */
export function decodeToken(accessToken: string, appId: string, appSecret: string): DecodedToken {
  if (!accessToken.startsWith(PREFIX)) return { kind: 'unreadable' }
  const payload = accessToken.slice(PREFIX.length, -SEAL_LENGTH)
  const grant = parsePayload(payload)
  if (grant === undefined) return { kind: 'unreadable' }
  if (grant.appId !== appId) return { kind: 'foreign' }
  const isOurs = sameText(accessToken.slice(-SEAL_LENGTH), seal(payload, appSecret))
  return isOurs ? { kind: 'ours', grant } : { kind: 'unreadable' }
}

/** Compares two strings in a time that does not depend on where they differ. */
export function sameText(left: string, right: string): boolean {
  const a = Buffer.from(left)
  const b = Buffer.from(right)
  return a.length === b.length && timingSafeEqual(a, b)
}

function seal(payload: string, appSecret: string): string {
  return createHmac('sha256', appSecret).update(payload).digest('base64url').slice(0, SEAL_LENGTH)
}

function parsePayload(payload: string): Grant | undefined {
  let fields: unknown
  try {
    fields = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
  if (!Array.isArray(fields)) return undefined
  const [appId, type, issuedAt, expiresAt, scopes, , userId, dataAccessExpiresAt] = fields as unknown[]
  const isGrant =
    typeof appId === 'string' &&
    (type === 'SYSTEM_USER' || type === 'USER') &&
    typeof issuedAt === 'number' &&
    isTimeOrNull(expiresAt) &&
    Array.isArray(scopes) &&
    typeof userId === 'string' &&
    isTimeOrNull(dataAccessExpiresAt)
  if (!isGrant) return undefined
  return { appId, type, userId, issuedAt, expiresAt, dataAccessExpiresAt, scopes: scopes.map(String) }
}

function isTimeOrNull(value: unknown): value is number | null {
  return value === null || typeof value === 'number'
}
