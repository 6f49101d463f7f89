/** Verifications, as the OpenAPI document shows them. Each is made with a test key by `e2e/examples.test.ts`: there the code follows from the number. */
import { faultExample, problemExample, type Examples } from '../documented.ts'

const ID = 'ver_momfOdbnqOJRBd7oljKAuA'
const MESSAGE_ID = 'msg_momfOdbnqOJRBd7oljKAuA'
const EXPIRES_AT = '2026-11-22T16:22:49.036Z'

const TO = '+221771230123'
const CODE = '123456'
const WRONG = '654321'

const started = { id: ID, messageId: MESSAGE_ID, expiresAt: EXPIRES_AT, resendAfterSeconds: 30 }

const unknown = {
  summary: 'A verification that is not there',
  status: 404,
  answer: problemExample(
    404,
    'not_found',
    'There is no such verification. Records are kept an hour after the deadline.',
  ),
}

const AFTER_START = { operation: 'startVerification', example: 'usual' }

/** Seconds from now: what is left of them depends on when it is asked. */
const varies = true

export const START_VERIFICATION_EXAMPLES: Examples = {
  usual: {
    summary: 'A code of six digits',
    body: { to: TO },
    status: 202,
    answer: started,
    varies,
  },
  withAll: {
    summary: 'With all that can be said of it',
    headers: { 'idempotency-key': 'login-7781-code' },
    body: {
      to: TO,
      length: 8,
      ttlSeconds: 600,
      template: 'otp_login',
      language: 'fr',
      reference: 'login-7781',
      sourceIp: '196.207.1.20',
    },
    status: 202,
    answer: started,
    varies,
  },
  tooShort: {
    summary: 'A code that could be guessed',
    body: { to: TO, length: 3 },
    status: 422,
    answer: faultExample(
      '/length',
      'must be a whole number from 4 to 10: digits of the code; 6 unless given',
    ),
  },
}

export const READ_VERIFICATION_EXAMPLES: Examples = {
  pending: {
    summary: 'The code was not typed yet',
    after: AFTER_START,
    status: 200,
    answer: {
      id: ID,
      status: 'pending',
      attemptsLeft: 5,
      expiresAt: EXPIRES_AT,
      messageId: MESSAGE_ID,
      resendsLeft: 3,
      resendAfterSeconds: 30,
    },
    varies,
  },
  unknown,
}

export const CHECK_VERIFICATION_EXAMPLES: Examples = {
  right: {
    summary: 'The code',
    after: AFTER_START,
    body: { code: CODE },
    status: 200,
    answer: { valid: true },
  },
  wrong: {
    summary: 'Another code',
    after: AFTER_START,
    body: { code: WRONG },
    status: 200,
    answer: { valid: false, attemptsLeft: 4 },
  },
  unknown: { ...unknown, body: { code: CODE } },
}

export const RESEND_VERIFICATION_EXAMPLES: Examples = {
  tooSoon: {
    summary: 'Right after the start',
    after: AFTER_START,
    body: { via: 'fallback' },
    status: 429,
    answer: {
      ...problemExample(429, 'resend_too_soon', 'The code is not sent again before 30 s have passed.'),
      retryAfterSeconds: 30,
    },
    varies,
  },
  unknown: { ...unknown, body: {} },
}
