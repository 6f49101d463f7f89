/** What is wrong, as a table: facts that make a finding, and facts that do not. */
import { describe, expect, it } from 'vitest'
import { diagnose, FINDINGS, span, type Facts, type FindingId } from './diagnosis.ts'
import type { LivingProcess } from './presence.ts'
import { Secret } from './secret.ts'
import type { Minute } from './tallies.ts'

const NOW = Date.UTC(2026, 10, 30, 3, 0, 30)
const DAY_MS = 24 * 3600_000
const HOUR_MS = 3600_000

const worker: LivingProcess = {
  name: 'worker',
  version: '1',
  host: 'a',
  pid: 1,
  startedAt: NOW - HOUR_MS,
  seenAt: NOW - 1000,
}
const token = {
  version: 3,
  accessToken: new Secret('EAAsecret'),
  source: 'renewed' as const,
  obtainedAt: NOW - DAY_MS,
  expiresAt: NOW + 50 * DAY_MS,
}

/** An hour of which the minutes before now have these counts: the first is the present one. */
function minutes(...counts: Record<string, number>[]): Minute[] {
  const begun = Math.floor(NOW / 60_000)
  return Array.from({ length: 61 }, (_, i) => {
    const ago = 60 - i
    return { at: (begun - ago) * 60_000, counts: new Map(Object.entries(counts[ago] ?? {})) }
  })
}

const GOOD: Facts = {
  now: NOW,
  isSenderSet: true,
  token: {
    state: 'valid',
    present: token,
    canRenew: true,
    lastRenewal: { at: NOW - DAY_MS, ok: true },
    lastCheck: { at: NOW - HOUR_MS, ok: true, nextAt: NOW + HOUR_MS },
    restoredAt: NOW - DAY_MS,
  },
  meta: { reachable: true, latencyMs: 120, qualityRating: 'GREEN' },
  pauses: [],
  pace: { ratePerSecond: 80, pausedForMs: 0 },
  processes: [worker],
  redis: { usedMemoryBytes: 10, maxMemoryBytes: 100 },
  receipts: { expected: true, lastAt: NOW - 1000 },
  oldestWaitingAt: NOW - 500,
  oldestFallbackAt: undefined,
  pausedCallbacks: [],
  minutes: minutes(
    { accepted: 50, sent: 50, delivered: 48, receipt: 96 },
    { accepted: 50, sent: 50, receipt: 99 },
  ),
  fallbackPercent: 5,
}

const bad = (change: Partial<Facts>): Facts => ({ ...GOOD, ...change })
const withToken = (change: Partial<Facts['token']>) => bad({ token: { ...GOOD.token, ...change } })
const pause = {
  reason: 'sender_blocked' as const,
  detail: '131031 locked',
  since: NOW,
  probeAt: NOW,
  probes: 0,
}
const lastRenewal = { at: NOW, ok: false as const, error: '1 no', failures: 2, retryAt: NOW }

const CASES: [FindingId, string, Facts][] = [
  ['sender_unset', 'no number', bad({ isSenderSet: false })],
  ['token_missing', 'no token', withToken({ state: 'missing', present: undefined })],
  [
    'token_expired',
    'a token past its end',
    withToken({ state: 'expired', present: { ...token, expiresAt: NOW - 1 } }),
  ],
  [
    'token_dead',
    'a revoked token',
    withToken({
      state: 'invalid',
      present: { ...token, refusedAt: NOW, why: '190/467 The session is invalid' },
    }),
  ],
  [
    'token_wrong_app',
    'a token of another app',
    withToken({
      state: 'invalid',
      present: { ...token, refusedAt: NOW, why: 'it belongs to the app 123, not to ours' },
    }),
  ],
  [
    'token_wrong_app',
    'an app id that Meta does not take',
    withToken({ lastCheck: { at: NOW, ok: false, error: '190 no', failures: 1, nextAt: NOW } }),
  ],
  [
    'token_expiring',
    'a token without renewal that ends in three days',
    withToken({ canRenew: false, present: { ...token, expiresAt: NOW + 3 * DAY_MS } }),
  ],
  ['renewal_failing', 'a renewal that failed', withToken({ state: 'expiring', lastRenewal })],
  ['renewal_not_configured', 'no app secret', withToken({ canRenew: false })],
  ['token_restored', 'a record that Redis had lost', withToken({ restoredAt: NOW - 1000 })],
  ['sender_paused', 'a locked account', bad({ pauses: [{ ...pause, what: 'sender' }] })],
  ['template_paused', 'a paused template', bad({ pauses: [{ ...pause, what: 'template otp_login fr' }] })],
  [
    'sender_slowed',
    'slow down',
    bad({ pace: { ratePerSecond: 40, pausedForMs: 0, slowed: { since: NOW, reason: '130429' } } }),
  ],
  [
    'quality_red',
    'a number of low quality',
    bad({ meta: { reachable: true, latencyMs: 1, qualityRating: 'RED' } }),
  ],
  ['worker_missing', 'no worker at all', bad({ processes: [] })],
  ['worker_missing', 'a worker that is silent', bad({ processes: [{ ...worker, seenAt: NOW - 8000 }] })],
  ['redis_full', 'two thirds of the memory', bad({ redis: { usedMemoryBytes: 66, maxMemoryBytes: 100 } })],
  ['oldest_waiting', 'a message that waits for a minute', bad({ oldestWaitingAt: NOW - 60_000 })],
  ['fallback_stuck', 'a record that is not written', bad({ oldestFallbackAt: NOW - 15_000 })],
  ['sweep_repairs', 'jobs that were lost', bad({ minutes: minutes({ 'repair:job_lost': 1 }) })],
  ['possible_duplicates', 'a second send', bad({ minutes: minutes({ duplicate: 1 }) })],
  [
    'provider_unreachable',
    'no answer',
    bad({ meta: { reachable: false, latencyMs: null, fault: 'ECONNREFUSED' } }),
  ],
  [
    'provider_unreachable',
    'a worker that gets no answer',
    bad({ processes: [{ ...worker, outageSince: NOW - 5000 }] }),
  ],
  ['provider_slow', 'a slow look', bad({ meta: { reachable: true, latencyMs: 2500 } })],
  ['provider_slow', 'slow sends', bad({ minutes: minutes({ 'call:ok': 10, 'call-ms': 30_000 }) })],
  [
    'phone_unreadable',
    'a number that is not shown',
    bad({ meta: { reachable: true, latencyMs: 9, refusal: '100/33 no' } }),
  ],
  [
    'fallback_rate',
    'many fallbacks',
    bad({ minutes: minutes({ sent: 60, delivered: 40, 'fallback:recipient_unreachable': 10 }) }),
  ],
  [
    'fallback_rate',
    'more than twenty a minute',
    bad({ minutes: minutes({ sent: 9000, delivered: 9000, 'fallback:undelivered': 30 }) }),
  ],
  ['receipts_missing', 'no receipt for what was sent', bad({ minutes: minutes({}, {}, {}, { sent: 9 }) })],
  ['receipts_missing', 'webhooks of another app', bad({ minutes: minutes({ 'webhook-refused': 2 }) })],
  [
    'receipts_missing',
    'deliveries that are overdue',
    bad({ minutes: minutes({ sent: 4, 'fallback:undelivered': 3 }) }),
  ],
  [
    'callback_paused',
    'an endpoint of an app that takes nothing',
    bad({ pausedCallbacks: [{ app: 'wallet', pausedAt: NOW - HOUR_MS, waiting: 1, lastFault: 'HTTP 500' }] }),
  ],
  [
    'pair_limited',
    'too many to one recipient',
    bad({ minutes: minutes({ 'attempt:rate-limited-pair': 1 }) }),
  ],
  [
    'delivered_ratio',
    'a template that hardly arrives',
    bad({
      minutes: minutes({}, {}, { 'template-sent:otp_login fr': 40, 'template-delivered:otp_login fr': 20 }),
    }),
  ],
]

describe('what is wrong', () => {
  it('is nothing while all is well', () => {
    expect(diagnose(GOOD)).toEqual([])
  })

  it.for(CASES)('%s: %s', ([id, , facts]) => {
    const found = diagnose(facts)
    expect(found.map((finding) => finding.id)).toContain(id)
    for (const { what, remedy } of found) {
      expect(what).toMatch(/^[A-Z0-9].*[.!?)]$/)
      expect(remedy).toMatch(/^[A-Z0-9].*[.!?)]$/)
      expect(`${what}${remedy}`).not.toMatch(/undefined|NaN|Infinity|EAAsecret/)
    }
  })

  it('has a case for every finding there is', () => {
    expect(new Set(CASES.map(([id]) => id))).toEqual(new Set(FINDINGS))
  })

  it.for([
    [
      'a token that never expires and is not renewed',
      withToken({ canRenew: false, present: { ...token, expiresAt: null } }),
    ],
    [
      'a token that ends soon and is renewed in time',
      withToken({ present: { ...token, expiresAt: NOW + 3 * DAY_MS } }),
    ],
    [
      'one person whose phone is off',
      bad({ minutes: minutes({ sent: 10, receipt: 19, delivered: 9, 'fallback:undelivered': 1 }) }),
    ],
    [
      'fallbacks within the allowed share',
      bad({ minutes: minutes({ sent: 200, receipt: 390, delivered: 190, 'fallback:undelivered': 9 }) }),
    ],
    [
      'receipts that are not expected',
      bad({ receipts: { expected: false, lastAt: null }, minutes: minutes({}, {}, {}, { sent: 90 }) }),
    ],
    ['a Redis without a limit', bad({ redis: { usedMemoryBytes: 1e12, maxMemoryBytes: 0 } })],
    [
      'messages of a template that are on their way',
      bad({ minutes: minutes({ 'template-sent:otp_login fr': 90 }) }),
    ],
    ['a slow call among few', bad({ minutes: minutes({ 'call:ok': 2, 'call-ms': 9000 }) })],
  ] as const)('is not: %s', ([, facts]) => {
    expect(diagnose(facts)).toEqual([])
  })

  it('tells the worst first, and of two as bad the cause before what follows from it', () => {
    const found = diagnose(
      bad({
        token: { ...GOOD.token, state: 'missing', present: undefined },
        oldestWaitingAt: NOW - 60_000,
        redis: { usedMemoryBytes: 90, maxMemoryBytes: 100 },
        minutes: minutes({ duplicate: 1 }),
      }),
    )
    expect(found.map(({ id }) => id)).toEqual([
      'token_missing',
      'redis_full',
      'oldest_waiting',
      'possible_duplicates',
    ])
  })
})

it('spans are told as people do', () => {
  expect([500, 61_000, 3_600_000, 5 * HOUR_MS, 50 * DAY_MS].map(span)).toEqual([
    '1 s',
    '61 s',
    '60 min',
    '5 h',
    '50 days',
  ])
})
