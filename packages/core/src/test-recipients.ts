/**
 * The recipients of test keys: the last four digits of the number say what becomes of a message. One row for each way that a message can
 * end, so that an app can try all of them. Pure; a test holds the tables in `docs/test-keys.md` to it.
 */
import type { FallbackReason } from './message.ts'

/** What becomes of a message to such a recipient, a moment after it was accepted. */
export type TestOutcome =
  | { kind: 'arrives'; isRead: boolean; after?: 'uncertain' }
  | { kind: 'falls-back'; reason: FallbackReason; after: 'queued' | 'uncertain' | 'sent' }
  /** Nobody takes it up. */
  | { kind: 'expires' }

export const TEST_RECIPIENTS: Readonly<Record<string, TestOutcome>> = {
  '0001': { kind: 'falls-back', reason: 'undelivered', after: 'sent' },
  '0002': { kind: 'arrives', isRead: false },
  '0010': { kind: 'expires' },
  '0026': { kind: 'falls-back', reason: 'recipient_unreachable', after: 'queued' },
  '0100': { kind: 'falls-back', reason: 'request_rejected', after: 'queued' },
  '0130': { kind: 'falls-back', reason: 'template_rejected', after: 'queued' },
  '0190': { kind: 'falls-back', reason: 'token_unavailable', after: 'queued' },
  '0368': { kind: 'falls-back', reason: 'sender_blocked', after: 'queued' },
  '0429': { kind: 'falls-back', reason: 'rate_limited', after: 'queued' },
  '0503': { kind: 'falls-back', reason: 'provider_unavailable', after: 'queued' },
  '0997': { kind: 'falls-back', reason: 'worker_lost', after: 'queued' },
  '0998': { kind: 'falls-back', reason: 'outcome_unknown', after: 'uncertain' },
  '0999': { kind: 'arrives', isRead: false, after: 'uncertain' },
}

/** Every other recipient. */
const ORDINARY: TestOutcome = { kind: 'arrives', isRead: true }

/** @param to the recipient in E.164 */
export function testOutcomeOf(to: string): TestOutcome {
  return TEST_RECIPIENTS[to.slice(-4)] ?? ORDINARY
}

/** Codes of verifications with a test key that are not made from the number: what is repeated up to the length that was asked for. */
export const TEST_CODES: Readonly<Record<string, string>> = {
  '0111': '1',
  '0123': '1234567890',
}

/**
 * The code of a verification that was started with a test key: nobody gets it, so the app has to know it. The last four digits of the number,
 * again and again, unless `TEST_CODES` has others.
 *
 * @param to the recipient in E.164 @param length digits
 */
export function testCodeOf(to: string, length: number): string {
  const ending = to.slice(-4)
  return (TEST_CODES[ending] ?? ending).repeat(length).slice(0, length)
}
