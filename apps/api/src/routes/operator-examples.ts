/** What an operator can ask and is answered, as the OpenAPI document shows it. Each is made by `e2e/examples.test.ts`. */
import { faultExample, problemExample, type Examples } from '../documented.ts'

const ID = 'msg_momfOdbnqOJRBd7oljKAuA'
const AT = '2026-11-22T16:17:49.036Z'
const EXPIRES_AT = '2026-11-22T16:22:49.036Z'
const TOKEN_EXPIRES_AT = '2027-01-21T16:17:49.036Z'

const AFTER_FALLBACK = { operation: 'sendMessage', example: 'withoutWhatsapp', until: 'fallback' }

export const FALLBACK_EXAMPLES: Examples = {
  latest: {
    summary: 'The latest one',
    after: AFTER_FALLBACK,
    // What is said of it is Meta's and ours.
    varies: true,
    query: { limit: '1' },
    status: 200,
    answer: {
      records: [
        {
          messageId: ID,
          app: 'wallet',
          type: 'otp',
          to: '…0026',
          reason: 'recipient_unreachable',
          detail:
            'receipt: 131026 Message Undeliverable. The person cannot be reached: no WhatsApp, terms not accepted, an old client, or blocked. ' +
            'Reach the person another way.',
          fellBackAt: AT,
          expiresAt: EXPIRES_AT,
          reference: 'login-7781',
          isRevealable: true,
        },
      ],
      next: ID,
    },
  },
}

export const REVEAL_EXAMPLES: Examples = {
  once: {
    summary: 'The person is on the phone',
    after: AFTER_FALLBACK,
    body: { reason: 'customer called, identity checked' },
    status: 200,
    answer: { messageId: ID, to: '+221771230026', code: '482913', expiresAt: EXPIRES_AT },
  },
  unknown: {
    summary: 'A message that is not there',
    body: { reason: 'customer called, identity checked' },
    status: 404,
    answer: problemExample(
      404,
      'not_found',
      'There is no such message in the fallback. Records are kept a day after the deadline.',
    ),
  },
}

const status = {
  mode: 'connected',
  token: {
    state: 'valid',
    source: 'env',
    version: 1,
    fingerprint: '3f1c09ab',
    expiresAt: TOKEN_EXPIRES_AT,
    expiresInSeconds: 5_183_999,
    renewsAt: '2026-12-22T16:17:49.036Z',
    autoRenewal: true,
    lastRenewal: null,
    lastCheck: { at: AT, ok: true },
    restoredFromMemoryAt: null,
  },
  phone: {
    id: '106540352242922',
    displayNumber: '+221 33 800 00 00',
    verifiedName: 'Relais',
    qualityRating: 'GREEN',
  },
  graph: { reachable: true, latencyMs: 84 },
  queues: {
    messages: { waiting: 0, active: 2, delayed: 0, failed: 0 },
    fallback: { waiting: 0, active: 0, delayed: 0, failed: 0 },
  },
  receipts: { expected: true, lastAt: AT },
}

export const STATUS_EXAMPLES: Examples = {
  connected: { summary: 'All is well', varies: true, status: 200, answer: status },
}

export const REFRESH_EXAMPLES: Examples = {
  renewed: {
    summary: 'Meta gave a new token',
    varies: true,
    status: 200,
    answer: { renewed: true, version: 2, expiresAt: TOKEN_EXPIRES_AT },
  },
}

export const UPDATE_EXAMPLES: Examples = {
  stored: {
    summary: 'Meta knows the token',
    varies: true,
    body: { accessToken: 'EAAexampleOfAnAccessToken' },
    status: 200,
    answer: { version: 3, expiresAt: TOKEN_EXPIRES_AT, source: 'manual' },
  },
  malformed: {
    summary: 'No token has blanks',
    body: { accessToken: 'EAA example' },
    status: 422,
    answer: faultExample('/accessToken', 'must be the new access token: 6 to 4096 characters without spaces'),
  },
}

const { mode, ...rest } = status

export const OVERVIEW_EXAMPLES: Examples = {
  quiet: {
    summary: 'Nothing is wrong',
    varies: true,
    status: 200,
    answer: {
      at: 1_795_364_269_036,
      mode,
      findings: [],
      status: rest,
      phone: { status: 'CONNECTED', throughputLevel: 'STANDARD', messagingLimit: 'TIER_1K' },
      meta: { calls: 12, meanMs: 84, faults: [] },
      reasons: [],
      minutes: [{ at: 1_795_364_220_000, accepted: 12, sent: 12, delivered: 11, fallback: 0, receipts: 35 }],
      queues: {
        inPerMinute: 12,
        outPerMinute: 12,
        oldestWaitingMs: null,
        oldestFallbackMs: null,
        isPaused: false,
        receipts: 0,
      },
      receiptsLately: { count: 170, refused: 0 },
      pauses: [],
      pace: { ratePerSecond: 80, pausedForMs: 0 },
      processes: [
        {
          name: 'worker',
          version: '0.1.0',
          host: 'worker-1',
          pid: 7,
          startedAt: 1_795_360_000_000,
          seenAt: 1_795_364_268_000,
          isAlive: true,
        },
      ],
      redis: { usedMemoryBytes: 2_621_440, maxMemoryBytes: 0 },
    },
  },
}

const summary = {
  id: ID,
  app: 'wallet',
  type: 'otp',
  to: '…0026',
  template: 'otp_login',
  language: 'fr',
  reference: 'login-7781',
  status: 'fallback',
  reason: 'recipient_unreachable',
  attempts: 1,
  acceptedAt: AT,
  expiresAt: EXPIRES_AT,
}

export const SEARCH_EXAMPLES: Examples = {
  byRecipient: {
    summary: 'All messages to a recipient',
    after: AFTER_FALLBACK,
    body: { to: '+221771230026' },
    varies: true,
    status: 200,
    answer: { messages: [summary] },
  },
  nothing: {
    summary: 'Nothing is looked for',
    body: {},
    varies: true,
    status: 422,
    answer: problemExample(
      422,
      'invalid_request',
      'The body must be an object with exactly one of to, reference, providerMessageId and id.',
    ),
  },
}

export const STORY_EXAMPLES: Examples = {
  fallenBack: {
    summary: 'A message that fell back',
    after: AFTER_FALLBACK,
    varies: true,
    status: 200,
    answer: {
      ...summary,
      story: [
        { status: 'queued', at: AT, durationMs: 5, spentOn: 'turn' },
        { status: 'fallback', at: AT },
      ],
      cause: 'The person cannot be reached on WhatsApp.',
      remedy: 'Reach the person another way.',
      canResend: { ok: true },
      canCancel: { ok: false, why: 'It has ended.' },
    },
  },
}

export const RESEND_EXAMPLES: Examples = {
  resent: {
    summary: 'A code that fell back goes out once more',
    after: AFTER_FALLBACK,
    status: 202,
    answer: { id: ID, resendOf: ID, expiresAt: EXPIRES_AT },
  },
}

export const CANCEL_AS_OPERATOR_EXAMPLES: Examples = {
  tooLate: {
    summary: 'It has fallen back',
    after: AFTER_FALLBACK,
    status: 409,
    answer: problemExample(409, 'already_ended', 'The message has ended before: it is fallback.'),
  },
}

export const ALERTS_EXAMPLES: Examples = {
  none: {
    summary: 'Nothing is wrong',
    varies: true,
    status: 200,
    answer: { mode: 'connected', firing: [], undelivered: 0, isPosted: false },
  },
}

export const ALERT_TEST_EXAMPLES: Examples = {
  nobody: {
    summary: 'There is nobody to tell',
    status: 409,
    answer: problemExample(
      409,
      'alerts_not_configured',
      'There is nobody to tell: ALERT_WEBHOOK_URL is not set.',
    ),
  },
}

export const LOG_LEVEL_EXAMPLES: Examples = {
  usual: { summary: 'As it is set', varies: true, status: 200, answer: { level: 'info', usual: 'info' } },
}

export const SET_LOG_LEVEL_EXAMPLES: Examples = {
  debug: {
    summary: 'More for ten minutes',
    varies: true,
    body: { level: 'debug', minutes: 10 },
    status: 200,
    answer: { level: 'debug', usual: 'info', until: EXPIRES_AT },
  },
}

const queue = {
  name: 'messages',
  waiting: 0,
  active: 0,
  delayed: 0,
  failed: 0,
  isPaused: false,
  mayBePaused: true,
  oldestWaitingAt: null,
}

export const QUEUES_EXAMPLES: Examples = {
  quiet: { summary: 'Nothing waits', varies: true, status: 200, answer: { queues: [queue] } },
}

export const PAUSE_EXAMPLES: Examples = {
  paused: {
    summary: 'Nothing is sent for a while',
    params: { name: 'messages' },
    body: { why: 'Meta has announced a maintenance' },
    varies: true,
    status: 200,
    answer: { ...queue, isPaused: true },
  },
}

export const RESUME_EXAMPLES: Examples = {
  resumed: {
    summary: 'Sending goes on',
    params: { name: 'messages' },
    varies: true,
    status: 200,
    answer: queue,
  },
}
