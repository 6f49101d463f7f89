/**
 * A verification: Relais makes a code, has it sent, and is asked whether what a person typed is that code.
 *
 *     pending ──► verified   the right answer, before the deadline: once
 *        │
 *        └──────► ended      the fifth wrong answer · the deadline · one of its messages was used or canceled by the app
 *                            · a hundred wrong answers in a row for this recipient, over all verifications
 *
 * Promise: nobody gets more than five tries at a code, and nobody is told "right" twice. So
 *
 * - an answer is counted as wrong before it is looked at, in the one atomic step that decides; what is told follows from that step alone;
 * - a resend sends the same code until the same deadline, and gives no try back;
 * - a new verification has a new code and five tries of its own, but not a new count in a row: see `MOST_WRONG_IN_A_ROW`;
 * - both ends absorb: a check, a resend and the deadline that come together are put in order by Redis, by its clock.
 *
 * When something fails: a process that dies before the step has counted nothing and told nothing, one that dies after it has counted and told
 * nothing. When Redis is away nobody is told anything. What Redis forgets (a crash within the second that its append-only file is behind, a
 * replica that takes over) are tries of that moment; with `REDIS_WAIT_REPLICAS` an answer is told once that many replicas have it.
 *
 * What is kept: a keyed digest of the code to compare with, and the code once, sealed, so that it can be sent again; that goes with the end. The
 * record stays an hour after the deadline, to say "over" instead of "unknown". Pure.
 */

export const VERIFICATION_STATUSES = ['pending', 'verified', 'ended'] as const

export type VerificationStatus = (typeof VERIFICATION_STATUSES)[number]

/** So many wrong answers end a verification. */
export const MOST_WRONG = 5

/**
 * So many wrong answers in a row for one recipient of an app, over all its verifications, and no code of it is right any more until a day has
 * passed since the last of them (NIST SP 800-63B: a new code does not begin a new count). A right answer begins it anew.
 */
export const MOST_WRONG_IN_A_ROW = 100
export const WRONG_IN_A_ROW_KEPT_MS: number = 24 * 3600 * 1000

/** How long after the start the first resend may be, after that the second, and so on. There are no more than these. */
export const RESEND_AFTER_MS = [30_000, 60_000, 120_000] as const

/** With less life than that left a code is not sent again. */
export const LEAST_LIFE_MS = 30_000

const KEPT_AFTER_DEADLINE_MS = 3600 * 1000

/** Of one of a test key nothing is left an hour after its start. */
const TEST_KEPT_MS = 3600 * 1000

/** The id of the verification that began with this message. */
export function verificationIdOf(messageId: string): string {
  return messageId.replace(/^msg_/, 'ver_')
}

/** @param verification.startedAt,expiresAt milliseconds since 1970 */
export function keptUntil(verification: { isTest: boolean; startedAt: number; expiresAt: number }): number {
  const { isTest, startedAt, expiresAt } = verification
  return isTest ? startedAt + TEST_KEPT_MS : expiresAt + KEPT_AFTER_DEADLINE_MS
}

/** A verification as its record tells it. Times are milliseconds since 1970. Neither its code nor a digest of it is part of that. */
export type Verification = {
  id: string
  /** The app, and whether it was its test key: see `worldOf`. */
  world: string
  /** As it is written. A pending one whose deadline has passed is over all the same: see `statusAt`. */
  status: VerificationStatus
  /** Those that brought the code, the first one first. */
  messageIds: string[]
  wrong: number
  resends: number
  /** From when on the code may be sent again. */
  resendAt: number
  expiresAt: number
}

/** What Redis is given of a verification, in the step that takes in its first message. Times are milliseconds since 1970. */
export type VerificationBirth = {
  id: string
  /** Names and values by turns. */
  fields: string[]
  keptUntil: number
  sealedCode: string
  expiresAt: number
}

/** @param now milliseconds since 1970 */
export function statusAt({ status, expiresAt }: Verification, now: number): VerificationStatus {
  return status === 'pending' && now >= expiresAt ? 'ended' : status
}

/** How many more there may be. */
export function resendsLeft({ resends }: Pick<Verification, 'resends'>): number {
  return Math.max(0, RESEND_AFTER_MS.length - resends)
}
