/**
 * The life of the shared access token. `docs/token.md` tells it in pictures; this is the same as data and pure functions.
 *
 * A sender has one record with its newest tokens. Each token in it is in one state, computed from what is stored and the clock:
 *
 *     state     is                                             lets us                  leaves it when
 *     ───────── ────────────────────────────────────────────── ──────────────────────── ──────────────────────────────────────
 *     missing   no token is stored                             wait, fall back          env, memory or an operator brings one
 *     valid     alive, renewal not due                         send, exchange           renewsAt passes · Meta refuses it
 *     expiring  alive, renewal due                             send, exchange           renewed · expiresAt passes · refused
 *     expired   expiresAt passed                               nothing: Meta exchanges  never
 *                                                              no expired token
 *     invalid   Meta refused it (revoked, wrong app, ...)      ask Meta about it        debug_token calls it valid after all
 *
 * Renewing is no state of the token: whoever holds the lease exchanges it, and it stays `expiring` and in use meanwhile.
 *
 * The token in use is the newest one that is alive. So a refused one hands over to the one before it at the moment it is
 * marked, and takes over again at the moment it is cleared; nobody has to switch anything.
 */
import type { Secret } from '../secret.ts'

export const TOKEN_STATES = ['missing', 'valid', 'expiring', 'expired', 'invalid'] as const

export type TokenState = (typeof TOKEN_STATES)[number]

export type TokenSource = 'env' | 'manual' | 'renewed'

/** Times are milliseconds since 1970. */
export type StoredToken = {
  version: number
  accessToken: Secret
  source: TokenSource
  /** When Meta issued it, or when it was first seen. */
  obtainedAt: number
  /** `null`: never. `undefined`: not known (yet). */
  expiresAt?: number | null
  /** As Meta calls it: `SYSTEM_USER`, `USER`, ... */
  type?: string
  /** Set once a send was refused because of it. */
  refusedAt?: number
  /** Set once Meta, asked about it, called it invalid, or said that it is not for us. */
  deadAt?: number
  /** Why it was refused, or is dead, in Meta's words. */
  why?: string
  /** When Meta, asked about a refusal, last called it valid. */
  confirmedAt?: number
}

/**
 * How the last renewal went, and when (milliseconds since 1970). `error` is Meta's code and words, `failures` counts those in a row,
 * and `retryAt` is the next try.
 */
export type LastRenewal =
  { at: number; ok: true } | { at: number; ok: false; error: string; failures: number; retryAt: number }

/** How Meta was last asked about the tokens; `nextAt` is when it is asked again. */
export type LastCheck =
  | { at: number; ok: true; nextAt: number }
  | { at: number; ok: false; error: string; failures: number; nextAt: number }

/** What is said of a check that was begun. */
export const NOT_ANSWERED_YET = 'Meta has not answered yet'

/** All that is known of a sender's token. */
export type TokenRecord = {
  /** Drawn when the record is made: version 7 of a record that Redis lost is not version 7 of the next one. */
  generation: string
  /** That of the newest token. Only grows. */
  version: number
  /** Newest first, four at most. */
  tokens: StoredToken[]
  lastRenewal?: LastRenewal
  lastCheck?: LastCheck
  /** When an operator last brought a token. */
  manualAt?: number
  /** When it was last said that the end is near. */
  expiringSaidAt?: number
  /** When it was last said that there is no token to send with. */
  unusableSaidAt?: number
  /** An app secret that an operator brought, when, and the digest of the one of the environment that it replaces. */
  appSecret?: { secret: Secret; replaces: string; at: number }
  /** Tokens that none of our keys opens. */
  unreadable?: number
  /** Something is sealed under another key than our first. */
  hasOldSeal?: true
  /** Set when a process put the record back that Redis had lost. */
  restoredAt?: number
}

const HOUR_MS = 3600_000
const DAY_MS = 24 * HOUR_MS

/** Days before the end at which it is said that the token was not renewed; in the last one it is said every hour. */
const ALARM_DAYS = [14, 7, 3, 1]

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

/** The state of one token at `now`; see the table above. */
export function tokenState(
  token: StoredToken | undefined,
  now: number,
  renewBeforeMs: number | undefined,
): TokenState {
  if (!token) return 'missing'
  if (token.refusedAt !== undefined) return 'invalid'
  if (isPast(token.expiresAt, now)) return 'expired'
  const due = renewsAt(token, renewBeforeMs)
  return due !== null && due <= now ? 'expiring' : 'valid'
}

/** Refused by a send, and Meta was not asked yet. */
export function isInDoubt({ refusedAt, deadAt }: StoredToken): boolean {
  return refusedAt !== undefined && deadAt === undefined
}

/** What is noted of tokens that Meta confirmed just now: it is asked again a day later. */
export function checked(at: number): LastCheck {
  return { at, ok: true, nextAt: at + DAY_MS }
}

/** Is Meta to be asked about these tokens: about one in doubt, one whose life is not known, or because the day is over? */
export function isCheckDue({ lastCheck }: TokenRecord, now: number): boolean {
  if (!lastCheck) return true
  // A moment further away than any we set was written by a clock that ran ahead.
  return lastCheck.nextAt <= now || lastCheck.nextAt > now + 2 * DAY_MS
}

/** A token that Meta called valid a moment ago and that is refused again is not asked about again at once. */
const DOUBTED_AGAIN_MS = 60_000
const ASK_LATER_MS = 10_000

/** When Meta is to be asked about a token that was refused just now. Undefined: at once. */
export function checkAfterRefusal({ confirmedAt }: StoredToken, now: number): LastCheck | undefined {
  if (confirmedAt === undefined || now - confirmedAt >= DOUBTED_AGAIN_MS) return undefined
  const error = 'refused again, though Meta had called it valid'
  return { at: now, ok: false, error, failures: 1, nextAt: now + ASK_LATER_MS }
}

/** May a message be sent with it? */
export function isUsable(token: StoredToken, now: number): boolean {
  return token.refusedAt === undefined && !isPast(token.expiresAt, now)
}

/**
 * The token to send with: the newest that is alive, unless it ends within `marginMs` and another does not. Undefined: none is alive.
 */
export function tokenInUse(
  record: TokenRecord | undefined,
  now: number,
  marginMs: number,
): StoredToken | undefined {
  const alive = record?.tokens.filter((token) => isUsable(token, now)) ?? []
  return alive.find((token) => !isPast(token.expiresAt, now + marginMs)) ?? alive[0]
}

/** The token to show and to judge by: the one in use, or the newest when none is alive. */
export function presentToken(record: TokenRecord | undefined, now: number): StoredToken | undefined {
  return tokenInUse(record, now, 0) ?? record?.tokens[0]
}

/** Does `candidate` live longer than `present`, for all we know? One that is dead is outlived by any. */
export function outlives(
  candidate: { expiresAt?: number | null },
  present: StoredToken | undefined,
  now: number,
): boolean {
  if (!present || !isUsable(present, now)) return true
  if (candidate.expiresAt === undefined) return false
  if (present.expiresAt === undefined || candidate.expiresAt === null) return true
  return present.expiresAt !== null && candidate.expiresAt > present.expiresAt
}

/**
 * The latest moment up to `now` at which the end of a token is to be said: 14, 7, 3 and 1 days before it, then every hour. Undefined:
 * none has come yet.
 */
export function lastAlarmAt(expiresAt: number, now: number): number | undefined {
  const lastDayAt = expiresAt - DAY_MS
  if (now >= lastDayAt) return lastDayAt + Math.floor((now - lastDayAt) / HOUR_MS) * HOUR_MS
  return ALARM_DAYS.map((days) => expiresAt - days * DAY_MS).findLast((at) => at <= now)
}

function isPast(expiresAt: number | null | undefined, now: number): boolean {
  return typeof expiresAt === 'number' && expiresAt <= now
}
