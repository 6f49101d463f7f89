/**
 * What follows from an outcome: one table per question, nothing else. "What happened" is `outcome.ts`; the moves that carry a
 * step out are `deliver.ts`. Pure: the clock and the dice are passed in.
 */
import { fallBackAt, type FallbackReason, type Message } from './message.ts'
import type { Failure, FailureClass, Outcome } from './outcome.ts'

/** What becomes of a message after an attempt. */
export type Step =
  | { kind: 'sent'; providerMessageId: string }
  /** Try again; this attempt counted. */
  | { kind: 'retry'; delayMs: number }
  /** Try again; this attempt does not count. `wholeSender`: the others wait as well. */
  | { kind: 'wait'; delayMs: number; wholeSender: boolean }
  /** Wait for a receipt that settles it before anything else is done. */
  | { kind: 'hold'; delayMs: number }
  | { kind: 'fall-back'; reason: FallbackReason }

export type StepPolicy = {
  /** Attempts that count, in all. */
  maxAttempts: number
  /** How long an uncertain send waits for its receipt. */
  uncertainWaitMs: number
  /** With receipts: how long after acceptance a delivery is waited for. */
  deliverWithinMs: number | undefined
}

type Situation = {
  message: Message
  /** Milliseconds since 1970. */
  now: number
  policy: StepPolicy
  /** A number from 0 to 1, drawn anew for each call. */
  random: number
}

/** A class either ends the message at once, or lets it try again until it is out of tries or of time. */
type Rule =
  | { follow: 'fall-back'; reason: FallbackReason }
  | { follow: 'retry'; thenReason: FallbackReason }
  | { follow: 'wait'; thenReason: FallbackReason; firstMs: number; mostMs: number; wholeSender: boolean }

const RULES: Record<FailureClass, Rule> = {
  'permanent-recipient': { follow: 'fall-back', reason: 'recipient_unreachable' },
  'permanent-request': { follow: 'fall-back', reason: 'request_rejected' },
  template: { follow: 'fall-back', reason: 'template_rejected' },
  'auth-permission': { follow: 'fall-back', reason: 'sender_blocked' },
  'account-blocked': { follow: 'fall-back', reason: 'sender_blocked' },
  'message-expired': { follow: 'fall-back', reason: 'undelivered' },
  transient: { follow: 'retry', thenReason: 'provider_unavailable' },
  'token-expired': {
    follow: 'wait',
    thenReason: 'token_unavailable',
    firstMs: 500,
    mostMs: 2000,
    wholeSender: false,
  },
  'rate-limited-sender': {
    follow: 'wait',
    thenReason: 'rate_limited',
    firstMs: 1000,
    mostMs: 30_000,
    wholeSender: true,
  },
  // Meta: one message per 6 s to one user; after a refusal try again 4^X seconds later.
  'rate-limited-pair': {
    follow: 'wait',
    thenReason: 'rate_limited',
    firstMs: 6000,
    mostMs: 256_000,
    wholeSender: false,
  },
}

const RETRY_FIRST_MS = 1000
const RETRY_MOST_MS = 30_000

/** What to do after an attempt. `message` is as it was claimed: this attempt is counted in it. */
export function nextStep(outcome: Outcome, situation: Situation): Step {
  switch (outcome.kind) {
    case 'accepted':
      return { kind: 'sent', providerMessageId: outcome.providerMessageId }
    case 'ambiguous':
      return { kind: 'hold', delayMs: situation.policy.uncertainWaitMs }
    case 'failed':
      return afterFailure(outcome, situation)
  }
}

/** What to do with a message whose send stayed uncertain: no receipt came in the time given. */
export function afterUncertain(
  situation: Pick<Situation, 'message' | 'now' | 'policy'> & { onUncertain: 'resend' | 'fallback' },
): { kind: 'resend' } | { kind: 'fall-back'; reason: FallbackReason } {
  const { message, now, policy, onUncertain } = situation
  const mayResend = message.attempts < policy.maxAttempts && now < fallBackAt(message, policy.deliverWithinMs)
  if (onUncertain === 'resend' && mayResend) return { kind: 'resend' }
  return { kind: 'fall-back', reason: 'outcome_unknown' }
}

/** Why a message that ran out of time while waiting goes to the fallback: for what it was waiting for. */
export function reasonForWaiting(failure: FailureClass): FallbackReason {
  const rule = RULES[failure]
  return rule.follow === 'fall-back' ? rule.reason : rule.thenReason
}

/** How long the `waits`-th wait in a row for this class is, in milliseconds. */
export function waitMs(failure: FailureClass, waits: number): number {
  const rule = RULES[failure]
  return rule.follow === 'wait' ? Math.min(rule.mostMs, rule.firstMs * growth(failure) ** waits) : 0
}

function growth(failure: FailureClass): number {
  return failure === 'rate-limited-pair' ? 4 : 2
}

function afterFailure(failed: Failure, situation: Situation): Step {
  const { message, policy, random } = situation
  const rule = RULES[failed.failure]
  switch (rule.follow) {
    case 'fall-back':
      return { kind: 'fall-back', reason: rule.reason }
    case 'retry': {
      const mostTries = Math.min(policy.maxAttempts, failed.maxTries ?? Infinity)
      if (message.attempts >= mostTries) return { kind: 'fall-back', reason: rule.thenReason }
      const delayMs = failed.waitMs ?? backoffMs(message.attempts, random)
      return inTime(situation, { kind: 'retry', delayMs }, rule.thenReason)
    }
    case 'wait': {
      const delayMs = waitMs(failed.failure, message.waits)
      return inTime(situation, { kind: 'wait', delayMs, wholeSender: rule.wholeSender }, rule.thenReason)
    }
  }
}

/** Exponential backoff with full jitter: anything from 0 to the bound, so that a crowd does not return as one. */
function backoffMs(attempts: number, random: number): number {
  return Math.round(random * Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** (attempts - 1)))
}

/** A try that would come too late to matter is not started. */
function inTime(
  { message, now, policy }: Situation,
  step: Step & { delayMs: number },
  reason: FallbackReason,
): Step {
  const isInTime = now + step.delayMs < fallBackAt(message, policy.deliverWithinMs)
  return isInTime ? step : { kind: 'fall-back', reason }
}
