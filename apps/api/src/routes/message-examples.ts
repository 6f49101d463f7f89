/** What an app can ask and is answered, as the OpenAPI document shows it. Each is made with a test key by `e2e/examples.test.ts`. */
import { faultExample, problemExample, type Examples } from '../documented.ts'

const ID = 'msg_momfOdbnqOJRBd7oljKAuA'
const ACCEPTED_AT = '2026-11-22T16:17:49.036Z'
const EXPIRES_AT = '2026-11-22T16:22:49.036Z'

const accepted = (to: string, type = 'otp', id = ID) => ({
  id,
  status: 'queued',
  type,
  to,
  acceptedAt: ACCEPTED_AT,
  expiresAt: EXPIRES_AT,
})

const entry = (status: string, at: string, detail?: string) => ({
  status,
  at: `2026-11-22T16:17:${at}Z`,
  ...(detail !== undefined && { detail }),
})

const badNumber = faultExample(
  '/to',
  'must be a phone number that can exist, as + and country code and number: +221771234567',
)

/** What the timeline says of a message of a test key. */
const TEST = 'test key: nothing is sent'

const WITHOUT_WHATSAPP = '+221771230026'
const NEVER_TAKEN_UP = '+221771230010'

export const SEND_EXAMPLES: Examples = {
  code: {
    summary: 'A code',
    body: { to: '+221771234567', type: 'otp', code: '482913' },
    status: 202,
    answer: accepted('+221771234567'),
  },
  codeWithAll: {
    summary: 'A code, with all that can be said of it',
    headers: { 'idempotency-key': 'login-7781-1' },
    body: {
      to: '+221771234567',
      type: 'otp',
      code: '000123',
      template: 'otp_login',
      language: 'fr',
      ttlSeconds: 300,
      deliverWithinSeconds: 45,
      reference: 'login-7781',
      sourceIp: '196.207.1.20',
    },
    status: 202,
    answer: accepted('+221771234567'),
  },
  template: {
    summary: 'A template with parameters',
    body: {
      to: '+221771234567',
      type: 'template',
      template: 'order_update',
      language: 'fr',
      parameters: ['Awa', '12 500 FCFA'],
    },
    status: 202,
    answer: accepted('+221771234567', 'template'),
  },
  text: {
    summary: 'A text, to somebody who wrote within the last day',
    body: { to: '+221771234567', type: 'text', text: 'Your order is at the counter.' },
    status: 202,
    answer: accepted('+221771234567', 'text'),
  },
  withoutWhatsapp: {
    summary: 'With a test key: a number without WhatsApp',
    body: { to: WITHOUT_WHATSAPP, type: 'otp', code: '482913', reference: 'login-7781' },
    status: 202,
    answer: accepted(WITHOUT_WHATSAPP),
  },
  neverTakenUp: {
    summary: 'With a test key: a message that nobody takes up',
    body: { to: NEVER_TAKEN_UP, type: 'otp', code: '482913' },
    status: 202,
    answer: accepted(NEVER_TAKEN_UP),
  },
  badNumber: {
    summary: 'A number that cannot exist',
    body: { to: '+221000', type: 'otp', code: '482913' },
    status: 422,
    answer: badNumber,
  },
}

export const BATCH_EXAMPLES: Examples = {
  one: {
    summary: 'Two messages, one of which cannot be sent',
    body: {
      messages: [
        { to: '+221771234567', type: 'otp', code: '482913' },
        { to: '+221000', type: 'otp', code: '193755' },
      ],
    },
    status: 202,
    answer: { accepted: 1, rejected: 1, results: [accepted('+221771234567'), badNumber] },
  },
  empty: {
    summary: 'No message',
    body: { messages: [] },
    status: 422,
    answer: faultExample('/messages', 'must be a list of 1 to 1000 messages'),
  },
}

const read = {
  id: ID,
  status: 'read',
  type: 'otp',
  to: '+221771234567',
  template: 'otp_login',
  attempts: 1,
  providerMessageId: `test.${ID}`,
  acceptedAt: ACCEPTED_AT,
  expiresAt: EXPIRES_AT,
  timeline: [
    entry('queued', '49.036'),
    entry('sending', '49.041', TEST),
    entry('sent', '49.233', TEST),
    entry('delivered', '49.871', TEST),
    entry('read', '52.410', TEST),
  ],
}

const { providerMessageId: _none, ...unsent } = { ...read, attempts: 0 }

const AFTER_READ = { operation: 'sendMessage', example: 'code', until: 'read' }

const unknown = problemExample(
  404,
  'not_found',
  'There is no such message. Records are kept a day after the deadline.',
)

export const READ_EXAMPLES: Examples = {
  read: { summary: 'A code that arrived', after: AFTER_READ, status: 200, answer: read },
  fallenBack: {
    summary: 'A code that fell back',
    after: { operation: 'sendMessage', example: 'withoutWhatsapp', until: 'fallback' },
    status: 200,
    answer: {
      ...unsent,
      status: 'fallback',
      reason: 'recipient_unreachable',
      to: WITHOUT_WHATSAPP,
      reference: 'login-7781',
      timeline: [entry('queued', '49.036'), entry('fallback', '49.052', 'test key: nothing was sent')],
    },
  },
  unknown: { summary: 'A message that is not there', status: 404, answer: unknown },
}

export const CANCEL_EXAMPLES: Examples = {
  canceled: {
    summary: 'Nobody had begun to send it',
    after: { operation: 'sendMessage', example: 'neverTakenUp' },
    status: 200,
    answer: {
      ...unsent,
      status: 'canceled',
      to: NEVER_TAKEN_UP,
      timeline: [entry('queued', '49.036'), entry('canceled', '51.120', 'canceled by the app')],
    },
  },
  tooLate: {
    summary: 'It was sent',
    after: AFTER_READ,
    status: 409,
    answer: problemExample(
      409,
      'already_sent',
      'The message is read: it cannot be taken back. To stop what may follow, tell that its code was used.',
    ),
  },
}

export const USED_EXAMPLES: Examples = {
  used: {
    summary: 'The person typed the code',
    after: AFTER_READ,
    status: 200,
    answer: {
      ...read,
      status: 'used',
      timeline: [...read.timeline, entry('used', '58.002', 'the code was used')],
    },
  },
  unknown: { summary: 'A message that is not there', status: 404, answer: unknown },
}
