import type { StoredToken } from './vault.ts'

export type TokenState = 'missing' | 'valid' | 'expiring' | 'expired' | 'invalid'

/**
 * When a token is to be renewed, in milliseconds since 1970; `null` for one that never expires or whose life is not known.
 *
 * @param renewBeforeMs how long before its end; half of its life when `undefined`, or when it does not live that long: it
 *   would be due from its first moment, and so would each one after it
 */
export function renewsAt(token: StoredToken, renewBeforeMs: number | undefined): number | null {
  if (token.expiresAt === undefined || token.expiresAt === null) return null
  const lifeMs = Math.max(0, token.expiresAt - token.obtainedAt)
  const beforeMs = renewBeforeMs !== undefined && renewBeforeMs < lifeMs ? renewBeforeMs : lifeMs / 2
  return token.expiresAt - beforeMs
}

/**
 * What a token is good for at `now`:
 * `missing` none · `invalid` Meta refused it · `expired` · `expiring` usable, its renewal is due · `valid`
 */
export function tokenState(
  token: StoredToken | undefined,
  now: number,
  renewBeforeMs: number | undefined,
): TokenState {
  if (!token) return 'missing'
  if (token.refusedAt !== undefined) return 'invalid'
  if (typeof token.expiresAt === 'number' && token.expiresAt <= now) return 'expired'
  const due = renewsAt(token, renewBeforeMs)
  return due !== null && due <= now ? 'expiring' : 'valid'
}

/** May a message be sent with it? */
export function isUsable(state: TokenState): boolean {
  return state === 'valid' || state === 'expiring'
}
