/**
 * What follows from an outcome: one table per question, nothing else. "What happened" is `outcome.ts`; the moves that carry a
 * step out are `deliver.ts`. Pure: the clock and the dice are passed in.
 */
import { fallBackAt, isSettled, type FallbackReason, type Message } from './message.ts'
import type { Failure, FailureClass, Outcome } from './outcome.ts'

/** What becomes of a message after an attempt. */
export type Step =
  | { kind: 'sent'; providerMessageId: string }
  /** Try again; this attempt counted. */
  | { kind: 'retry'; delayMs: number }
  /** Try again; this attempt does not count. */
  | { kind: 'wait'; delayMs: number }
  /** Wait for a receipt that settles it before anything else is done. */
  | { kind: 'hold'; delayMs: number }
  | { kind: 'fall-back'; reason: FallbackReason }

export type StepPolicy = {
  /** Attempts that count, in all. */
  maxAttempts: number
  /** How long an uncertain send waits for its receipt; nothing where none are expected. */
  uncertainWaitMs: number
  /** A message that is `sending` for longer has lost its worker. */
  sendingMs: number
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
  | { follow: 'wait'; thenReason: FallbackReason; firstMs: number; mostMs: number }

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
  },
  'rate-limited-sender': {
    follow: 'wait',
    thenReason: 'rate_limited',
    firstMs: 1000,
    mostMs: 30_000,
  },
  // Meta: one message per 6 s to one user; after a refusal try again 4^X seconds later.
  'rate-limited-pair': {
    follow: 'wait',
    thenReason: 'rate_limited',
    firstMs: 6000,
    mostMs: 256_000,
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
    case 'unsent':
      return afterFailure({ failure: 'transient', detail: outcome.detail }, situation)
  }
}

/** What to do with a message whose send stayed uncertain: no receipt came in the time given. */
export function afterUncertain(
  situation: Pick<Situation, 'message' | 'now' | 'policy'> & { onUncertain: 'resend' | 'fallback' },
): { kind: 'resend' } | { kind: 'fall-back'; reason: FallbackReason } {
  const { message, now, policy, onUncertain } = situation
  // Where a receipt was waited for, its absence tells something each time. Where none can come, once has to do.
  const times = message.timeline.filter(({ status }) => status === 'uncertain').length
  const isToTry = policy.uncertainWaitMs > 0 || times < 2
  const mayResend =
    isToTry && message.attempts < policy.maxAttempts && now < fallBackAt(message, policy.deliverWithinMs)
  if (onUncertain === 'resend' && mayResend) return { kind: 'resend' }
  return { kind: 'fall-back', reason: 'outcome_unknown' }
}

/** What is to be done with a message whose timer has run out. */
export type DueStep =
  /** It is settled, or nothing more can be known of it: no timer any more. */
  | { kind: 'forget' }
  /** Look again at this moment. */
  | { kind: 'look'; at: number }
  | { kind: 'expire' }
  | { kind: 'fall-back'; reason: FallbackReason; detail: string }
  /** The fallback is decided; see to it that its queue has the message. */
  | { kind: 'hand-over' }

/** A message that somebody may be working at is looked at again so soon. */
const LOOK_AGAIN_MS = 1000

/**
 * What follows when nothing has happened until the timer: the message goes to the fallback, for what it was waiting for.
 *
 * @param situation.hasToken is there an access token to send with?
 * @param situation.isOutage does Meta not answer at all, for all that we know here?
 */
export function whenDue(
  situation: Pick<Situation, 'message' | 'now' | 'policy'> & { hasToken: boolean; isOutage: boolean },
): DueStep {
  const { message, now, policy } = situation
  if (isSettled(message.status)) return { kind: 'forget' }
  if (message.reason) return { kind: 'hand-over' }
  const dueAt = fallBackAt(message, policy.deliverWithinMs)
  if (now < dueAt) return { kind: 'look', at: dueAt }
  switch (message.status) {
    case 'queued':
      return now >= message.expiresAt
        ? { kind: 'expire' }
        : { kind: 'fall-back', ...reasonInQueue(message, situation) }
    case 'sending':
    case 'uncertain':
      return whenDueInFlight(message, now, policy)
    case 'sent':
      if (policy.deliverWithinMs === undefined) return { kind: 'forget' }
      return {
        kind: 'fall-back',
        reason: 'undelivered',
        detail: 'no receipt told that it was delivered in time',
      }
  }
}

/** A call to Meta may be under way, or its receipt: both get their time before anything else is done. */
function whenDueInFlight(message: Message, now: number, policy: StepPolicy): DueStep {
  const since = message.timeline.at(-1)?.at ?? message.acceptedAt
  const settledBy = since + (message.status === 'sending' ? policy.sendingMs : policy.uncertainWaitMs)
  if (now < settledBy) return { kind: 'look', at: Math.min(settledBy, now + LOOK_AGAIN_MS) }
  const detail = 'no receipt told whether Meta had taken it'
  return { kind: 'fall-back', reason: 'outcome_unknown', detail }
}

function reasonInQueue(
  { attempts, waits }: Message,
  { hasToken, isOutage }: { hasToken: boolean; isOutage: boolean },
): { reason: FallbackReason; detail: string } {
  if (!hasToken) return { reason: 'token_unavailable', detail: 'no usable access token in time' }
  if (attempts > 0) return { reason: 'provider_unavailable', detail: 'no attempt succeeded in time' }
  if (isOutage) return { reason: 'provider_unavailable', detail: 'Meta does not answer' }
  if (waits > 0) return { reason: 'rate_limited', detail: 'Meta let it wait for too long' }
  return { reason: 'rate_limited', detail: 'its turn did not come in time' }
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
      return inTime(situation, { kind: 'wait', delayMs }, rule.thenReason)
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
