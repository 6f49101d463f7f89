import { describe, expect, it } from 'vitest'
import type { Message } from './message.ts'
import { afterUncertain, nextStep, reasonForWaiting, type StepPolicy } from './next-step.ts'
import type { Failure, FailureClass, Outcome } from './outcome.ts'

const policy: StepPolicy = {
  maxAttempts: 5,
  uncertainWaitMs: 8000,
  sendingMs: 10_000,
  deliverWithinMs: undefined,
}

const message = (over: Partial<Message> = {}): Message => ({
  id: 'msg_1',
  app: 'wallet',
  type: 'otp',
  to: '+221771234567',
  status: 'sending',
  attempts: 1,
  claims: 1,
  waits: 0,
  acceptedAt: 0,
  expiresAt: 300_000,
  timeline: [],
  ...over,
})

const failed = (failure: FailureClass, more: Partial<Failure> = {}): Outcome => ({
  kind: 'failed',
  failure,
  detail: 'said Meta',
  ...more,
})

const step = (outcome: Outcome, over: Partial<Message> = {}, now = 1000, random = 1) =>
  nextStep(outcome, { message: message(over), now, policy, random })

describe('after an attempt', () => {
  it('an accepted message is sent', () => {
    expect(step({ kind: 'accepted', providerMessageId: 'wamid.1' })).toEqual({
      kind: 'sent',
      providerMessageId: 'wamid.1',
    })
  })

  it('a message with no readable answer is held for its receipt, never sent again at once', () => {
    expect(step({ kind: 'ambiguous', detail: 'reset' })).toEqual({ kind: 'hold', delayMs: 8000 })
  })

  it.each([
    ['permanent-recipient', 'recipient_unreachable'],
    ['permanent-request', 'request_rejected'],
    ['template', 'template_rejected'],
    ['account-blocked', 'sender_blocked'],
    ['auth-permission', 'sender_blocked'],
    ['message-expired', 'undelivered'],
  ] as const)('%s falls back at once: %s', (failure, reason) => {
    expect(step(failed(failure))).toEqual({ kind: 'fall-back', reason })
  })

  it('a passing fault is tried again, later each time, with full jitter', () => {
    const delays = [1, 2, 3, 4].map((attempts) => step(failed('transient'), { attempts }))
    expect(delays).toEqual([1000, 2000, 4000, 8000].map((delayMs) => ({ kind: 'retry', delayMs })))
    expect(step(failed('transient'), {}, 1000, 0)).toEqual({ kind: 'retry', delayMs: 0 })
  })

  it('a send that found no connection is tried again in the same way', () => {
    expect(step({ kind: 'unsent', detail: 'no connection' }, { attempts: 2 })).toEqual({
      kind: 'retry',
      delayMs: 2000,
    })
  })

  it('out of attempts it falls back', () => {
    expect(step(failed('transient'), { attempts: 5 })).toEqual({
      kind: 'fall-back',
      reason: 'provider_unavailable',
    })
  })

  it('a code that Meta gives for lasting faults too is tried less often', () => {
    expect(step(failed('transient', { maxTries: 2 }), { attempts: 2 }).kind).toBe('fall-back')
  })

  it("Meta's own advice on waiting is taken", () => {
    expect(step(failed('transient', { waitMs: 60_000 }))).toEqual({ kind: 'retry', delayMs: 60_000 })
  })

  it('a limit or a dead token costs no attempt: the message waits, longer each time', () => {
    expect(step(failed('rate-limited-pair'))).toEqual({ kind: 'wait', delayMs: 6000 })
    expect(step(failed('rate-limited-pair'), { waits: 1 })).toEqual({
      kind: 'wait',
      delayMs: 24_000,
    })
    expect(step(failed('rate-limited-sender'), { waits: 2 })).toEqual({
      kind: 'wait',
      delayMs: 4000,
    })
    expect(step(failed('token-expired'), { waits: 9 })).toEqual({
      kind: 'wait',
      delayMs: 2000,
    })
  })

  it.each([
    ['transient', 'provider_unavailable'],
    ['rate-limited-pair', 'rate_limited'],
    ['rate-limited-sender', 'rate_limited'],
    ['token-expired', 'token_unavailable'],
  ] as const)('a try for %s that would come too late is not started: %s', (failure, reason) => {
    expect(step(failed(failure), {}, 239_900)).toEqual({ kind: 'fall-back', reason })
    expect(reasonForWaiting(failure)).toBe(reason)
  })
})

describe('after an uncertain send without a receipt', () => {
  const after = (over: Partial<Message>, onUncertain: 'resend' | 'fallback', now = 10_000) =>
    afterUncertain({ message: message(over), now, policy, onUncertain })

  it('it is sent again, if that is the setting', () => {
    expect(after({}, 'resend')).toEqual({ kind: 'resend' })
    expect(after({}, 'fallback')).toEqual({ kind: 'fall-back', reason: 'outcome_unknown' })
  })

  it('but not without attempts or time', () => {
    expect(after({ attempts: 5 }, 'resend').kind).toBe('fall-back')
    expect(after({}, 'resend', 240_000).kind).toBe('fall-back')
  })
})
