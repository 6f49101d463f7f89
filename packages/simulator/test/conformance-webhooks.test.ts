import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { webhookFaults } from '../src/conformance/index.ts'

const appSecret = 'app-secret'

/** A body as Meta would write it, signed. */
function signed(payload: unknown) {
  return signedText(JSON.stringify(payload).replaceAll('/', '\\/'))
}

function signedText(body: string) {
  const signature = createHmac('sha256', appSecret).update(body).digest('hex')
  return {
    headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` },
    body,
  }
}

const envelope = (value: object, field = 'messages', entry: object = {}) => ({
  object: 'whatsapp_business_account',
  entry: [{ id: '102290129340398', ...entry, changes: [{ field, value }] }],
})
const from = {
  messaging_product: 'whatsapp',
  metadata: { display_phone_number: '15550783881', phone_number_id: '106540352242922' },
}
const contacts = [{ profile: { name: 'Pablo M.' }, wa_id: '16505551234', user_id: 'US.13491208655302741918' }]
const pricing = { billable: true, pricing_model: 'PMP', type: 'regular', category: 'authentication' }
const delivered = {
  id: 'wamid.HBgL',
  status: 'delivered',
  timestamp: '1750030073',
  recipient_id: '16505551234',
  recipient_user_id: 'US.13491208655302741918',
  biz_opaque_callback_data: 'msg_1',
  pricing,
}
const failed = {
  id: 'wamid.HBgL',
  status: 'failed',
  timestamp: '1751142888',
  recipient_id: '16505551234',
  errors: [
    {
      code: 131026,
      title: 'Message Undeliverable',
      message: 'Message Undeliverable',
      error_data: { details: 'Message Undeliverable.' },
      href: '/documentation/business-messaging/whatsapp/support/error-codes',
    },
  ],
}
const statuses = (status: object, more: object = { contacts }) =>
  envelope({ ...from, ...more, statuses: [status] })
const tapped = {
  from: '16505551234',
  id: 'wamid.HBgM',
  timestamp: '1750030073',
  type: 'button',
  button: { payload: 'DID_NOT_REQUEST_CODE', text: "I didn't request a code" },
  context: { from: '15550783881', id: 'wamid.HBgL' },
}
const inbound = (message: object) => envelope({ ...from, contacts, messages: [message] })
const account = (field: string, value: object) => envelope(value, field, { time: 1_750_030_073 })
const paused = {
  event: 'PAUSED',
  message_template_id: 594_425,
  message_template_name: 'otp_login',
  message_template_language: 'en-US',
  reason: null,
  other_info: { title: 'FIRST_PAUSE', description: 'Paused for 3 hours.' },
}

const conversation = { id: 'c1', expiration_timestamp: '1750030073', origin: { type: 'authentication' } }
const old = {
  ...delivered,
  recipient_user_id: undefined,
  conversation,
  pricing: { ...pricing, pricing_model: 'CBP' },
}

const good: [string, object][] = [
  ['delivered', statuses(delivered)],
  ['sent', statuses({ ...delivered, status: 'sent' })],
  ['read without a price', statuses({ ...delivered, status: 'read', pricing: undefined })],
  ['failed', statuses(failed, {})],
  ['an error of the account', envelope({ ...from, errors: failed.errors })],
  [
    'a text from a person',
    inbound({
      from: '16505551234',
      id: 'wamid.a',
      timestamp: '1750030073',
      type: 'text',
      text: { body: 'Merci' },
    }),
  ],
  ['a code that nobody asked for', inbound(tapped)],
  ['a paused template', account('message_template_status_update', paused)],
  [
    'a template of lower quality',
    account('message_template_quality_update', {
      message_template_id: 1,
      message_template_name: 'a',
      message_template_language: 'fr',
      previous_quality_score: 'GREEN',
      new_quality_score: 'YELLOW',
    }),
  ],
  [
    'a template in another category',
    account('template_category_update', {
      message_template_id: 1,
      message_template_name: 'a',
      message_template_language: 'fr',
      previous_category: 'UTILITY',
      new_category: 'MARKETING',
    }),
  ],
  [
    'a faster number',
    account('phone_number_quality_update', {
      display_phone_number: '15550783881',
      event: 'THROUGHPUT_UPGRADE',
      max_daily_conversations_per_business: 'TIER_UNLIMITED',
    }),
  ],
  [
    'a higher limit',
    account('business_capability_update', {
      max_daily_conversations_per_business: 'TIER_2K',
      max_phone_numbers_per_business: 25,
    }),
  ],
  [
    'an alert',
    account('account_alerts', {
      entity_type: 'WABA',
      entity_id: '102',
      alert_info: {
        alert_severity: 'CRITICAL',
        alert_status: 'ACTIVE',
        alert_type: 'X',
        alert_description: 'Y',
      },
    }),
  ],
  [
    'a restricted account',
    account('account_update', {
      event: 'ACCOUNT_RESTRICTION',
      restriction_info: [
        { restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: 1_750_030_073 },
      ],
    }),
  ],
]

const bad: [string, { headers: Record<string, string>; body: string }, string][] = [
  [
    'no signature',
    { ...signed(statuses(delivered)), headers: { 'content-type': 'application/json' } },
    'x-hub-signature-256 must be',
  ],
  [
    'a signature over other bytes',
    {
      ...signed(statuses(delivered)),
      body: JSON.stringify(statuses(delivered), null, 1).replaceAll('\n', ''),
    },
    'does not fit the bytes',
  ],
  [
    'another kind of text',
    {
      ...signed(statuses(delivered)),
      headers: { ...signed(statuses(delivered)).headers, 'content-type': 'text/plain' },
    },
    'content-type must be',
  ],
  ['no JSON', signedText('{'), 'body is not JSON'],
  [
    'bare characters beyond ASCII',
    signed(statuses(delivered, { contacts: [{ ...contacts[0], profile: { name: 'Aïcha' } }] })),
    'beyond ASCII',
  ],
  ['another object', signed({ ...statuses(delivered), object: 'page' }), 'body/object must be one of'],
  ['no entry', signed({ object: 'whatsapp_business_account', entry: [] }), 'body/entry must NOT have fewer'],
  [
    'a timestamp as number',
    signed(statuses({ ...delivered, timestamp: 1_750_030_073 })),
    'timestamp must be string',
  ],
  [
    'a timestamp in milliseconds',
    signed(statuses({ ...delivered, timestamp: '1750030073000' })),
    'timestamp must match',
  ],
  [
    'a status that is none',
    signed(statuses({ ...delivered, status: 'seen' })),
    'statuses/0/status is not one of those known',
  ],
  [
    'a recipient with +',
    signed(statuses({ ...delivered, recipient_id: '+16505551234' })),
    'recipient_id must match',
  ],
  [
    'errors beside a delivery',
    signed(statuses({ ...delivered, errors: failed.errors })),
    'statuses/0/errors is not a known field',
  ],
  [
    'sent without a price',
    signed(statuses({ ...delivered, status: 'sent', pricing: undefined })),
    'pricing is missing',
  ],
  ['a price on a failure', signed(statuses({ ...failed, pricing }, {})), 'pricing is not a known field'],
  ['a failure without a reason', signed(statuses({ ...failed, errors: undefined }, {})), 'errors is missing'],
  ['people on a failure', signed(statuses(failed)), 'contacts is not there'],
  ['no people on a delivery', signed(statuses(delivered, {})), 'contacts is missing'],
  [
    'no user id',
    signed(statuses({ ...delivered, recipient_user_id: undefined })),
    'recipient_user_id is missing',
  ],
  ['a conversation', signed(statuses({ ...delivered, conversation })), 'conversation ended with 23'],
  [
    'a numbered message',
    signed(
      statuses(
        { ...failed, errors: [{ ...failed.errors[0], message: '(#131026) Message Undeliverable' }] },
        {},
      ),
    ),
    'without (#code)',
  ],
  [
    'a price of another model',
    signed(statuses({ ...delivered, pricing: { ...pricing, pricing_model: 'FREE' } })),
    'pricing_model must be one of PMP',
  ],
  [
    'a price list in capitals',
    signed(statuses({ ...delivered, pricing: { ...pricing, category: 'AUTHENTICATION' } })),
    'pricing/category must be one of',
  ],
  [
    'a message of an unknown kind',
    signed(inbound({ ...tapped, type: 'telegram' })),
    'messages/0/type is not one of those known',
  ],
  ['a tap without what was tapped', signed(inbound({ ...tapped, context: undefined })), 'context is missing'],
  ['an unknown field', signed(account('weather', {})), 'field weather is not known'],
  [
    'an account change without its time',
    signed(envelope(paused, 'message_template_status_update')),
    'time is missing',
  ],
  [
    'a template id as text',
    signed(account('message_template_status_update', { ...paused, message_template_id: '594425' })),
    'message_template_id must be integer',
  ],
  [
    'a template event that is none',
    signed(account('message_template_status_update', { ...paused, event: 'SLEEPING' })),
    'event must be one of',
  ],
  [
    'a key of its own',
    signed(statuses({ ...delivered, simulated: true })),
    'statuses/0/simulated is not a known field',
  ],
  [
    '1001 updates',
    signed(envelope({ ...from, contacts, statuses: Array.from({ length: 1001 }, () => delivered) })),
    'more than 1000',
  ],
  [
    '1001 updates in many changes',
    signed({
      object: 'whatsapp_business_account',
      entry: [
        { id: '1', changes: Array.from({ length: 1001 }, () => statuses(delivered).entry[0]?.changes[0]) },
      ],
    }),
    'holds 1001 updates',
  ],
  [
    'more than 3 MB',
    signedText(`${' '.repeat(3 * 1024 * 1024)}${JSON.stringify(statuses(delivered))}`),
    'larger than 3 MB',
  ],
]

describe('a webhook conforms:', () => {
  test.each(good)('%s', (_what, payload) => {
    expect(webhookFaults(signed(payload), { appSecret })).toEqual([])
  })

  test('as version 23 wrote it, with a conversation and without people', () => {
    const webhook = signed(statuses(old, {}))
    expect(webhookFaults(webhook, { appSecret, version: 'v23.0' })).toEqual([])
    expect(webhookFaults(webhook, { appSecret })).not.toEqual([])
  })
})

describe('a webhook does not conform:', () => {
  test.each(bad)('%s', (_what, webhook, fault) => {
    const faults = webhookFaults(webhook, { appSecret })
    expect(faults).toEqual(expect.arrayContaining([expect.stringContaining(fault)]))
  })
})
