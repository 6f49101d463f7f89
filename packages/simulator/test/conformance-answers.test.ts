import { describe, expect, test } from 'vitest'
import { answerFaults, type GraphAnswer, type Operation } from '../src/conformance/index.ts'

const headers = {
  'content-type': 'application/json; charset=UTF-8',
  'facebook-api-version': 'v26.0',
  'x-fb-request-id': 'AGaOBl2yM-g8gdON-dhzl5y',
  'x-fb-trace-id': 'E7riEe9OW2e',
  'x-fb-rev': '1019544279',
}
const answer = (body: unknown, statusCode = 200, more: Record<string, string> = {}): GraphAnswer => ({
  statusCode,
  headers: { ...headers, ...more },
  body: JSON.stringify(body),
})

const accepted = {
  messaging_product: 'whatsapp',
  contacts: [{ input: '+16505551234', wa_id: '16505551234' }],
  messages: [
    { id: 'wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBI4Qzc5QkNGNTc5NTMyMDU5QzEA', message_status: 'accepted' },
  ],
}
const rateLimited = {
  message: '(#130429) Rate limit hit',
  type: 'OAuthException',
  code: 130429,
  error_subcode: 2494055,
  error_data: { messaging_product: 'whatsapp', details: 'Cloud API message throughput has been reached.' },
  fbtrace_id: 'Az8or2yhqkZfEZ-_4Qn_Bam',
}
const expired = {
  message: 'Error validating access token: Session has expired on Sunday, 22-Nov-26 10:00:00 PST.',
  type: 'OAuthException',
  code: 190,
  error_subcode: 463,
  fbtrace_id: 'Az8or2yhqkZfEZ-_4Qn_Bam',
}
const unknownNode = {
  message: "Unsupported get request. Object with ID '1' does not exist",
  type: 'GraphMethodException',
  code: 100,
  error_subcode: 33,
  fbtrace_id: 'Az8or2yhqkZfEZ-_4Qn_Bam',
}
const inspected = {
  app_id: '138483919580948',
  type: 'SYSTEM_USER',
  application: 'My App',
  is_valid: true,
  issued_at: 1_760_000_000,
  expires_at: 1_765_184_000,
  data_access_expires_at: 0,
  user_id: '1220',
  scopes: ['whatsapp_business_messaging'],
  granular_scopes: [{ scope: 'whatsapp_business_messaging', target_ids: ['102290129340398'] }],
}
const dead = {
  is_valid: false,
  scopes: [],
  error: { code: 190, message: 'Session has expired', subcode: 463 },
}
const number = {
  verified_name: 'Lucky Shrub',
  code_verification_status: 'VERIFIED',
  display_phone_number: '15550783881',
  quality_rating: 'GREEN',
  platform_type: 'CLOUD_API',
  throughput: { level: 'STANDARD' },
  status: 'CONNECTED',
  id: '106540352242922',
}
const health = {
  health_status: {
    can_send_message: 'BLOCKED',
    entities: [
      { entity_type: 'PHONE_NUMBER', id: '1', can_send_message: 'AVAILABLE' },
      {
        entity_type: 'WABA',
        id: '2',
        can_send_message: 'BLOCKED',
        errors: [{ error_code: 141006, error_description: 'There is an error with the payment method.' }],
      },
      { entity_type: 'BUSINESS', id: '3', can_send_message: 'LIMITED', additional_info: ['...'] },
    ],
  },
  id: '1',
}
const stored = {
  id: '594',
  name: 'otp_login',
  language: 'fr',
  status: 'APPROVED',
  category: 'AUTHENTICATION',
}
const paging = { cursors: { before: 'MAZDZD', after: 'MjQZD' } }
const listed = {
  whatsapp_business_api_data: { id: '138', name: 'App', link: 'https://www.facebook.com/games/?app_id=138' },
}
const use = { call_count: 1, total_cputime: 1, total_time: 1 }
const businessUse = { type: 'whatsapp_business_management', ...use, estimated_time_to_regain_access: 0 }

const good: [string, Operation, GraphAnswer][] = [
  ['an accepted template', 'send', answer(accepted)],
  ['an accepted text', 'send', answer({ ...accepted, messages: [{ id: 'wamid.HBgL' }] })],
  [
    'a message held back',
    'send',
    answer({ ...accepted, messages: [{ id: 'wamid.HBgL', message_status: 'held_for_quality_assessment' }] }),
  ],
  [
    'a message to a user id',
    'send',
    answer({ ...accepted, contacts: [{ input: 'US.1', user_id: 'US.13491208655302741918' }] }),
  ],
  ['a throughput limit', 'send', answer({ error: rateLimited }, 400)],
  ['an expired token', 'send', answer({ error: expired }, 401)],
  ['an expired token, exchanged', 'exchange', answer({ error: expired }, 400)],
  ['a missing object', 'phone_number', answer({ error: unknownNode }, 400)],
  [
    'an app limit, as the later list has it',
    'send',
    answer({ error: { ...rateLimited, code: 4, message: '(#4) x', error_data: undefined } }, 429),
  ],
  [
    'a wrong app secret',
    'exchange',
    answer(
      {
        error: { ...expired, code: 1, message: 'Error validating client secret.', error_subcode: undefined },
      },
      400,
    ),
  ],
  ['a new token', 'exchange', answer({ access_token: 'EAAH', token_type: 'bearer', expires_in: 5_183_944 })],
  ['a new token for ever', 'exchange', answer({ access_token: 'EAAH', token_type: 'bearer' })],
  ["the app's own token", 'app_token', answer({ access_token: '138|abc', token_type: 'bearer' })],
  ['a live token', 'debug_token', answer({ data: inspected })],
  ['a dead token', 'debug_token', answer({ data: dead })],
  ['a revoked token', 'revoke', answer({ success: 'true' })],
  ['an issued token', 'issue_token', answer({ access_token: 'EAAH' })],
  ['a phone number', 'phone_number', answer(number)],
  [
    'a phone number with its usage',
    'phone_number',
    answer(number, 200, {
      'x-business-use-case-usage': JSON.stringify({ '102': [businessUse] }),
      'x-app-usage': JSON.stringify(use),
    }),
  ],
  ['health', 'phone_number', answer(health)],
  ['phone numbers', 'phone_numbers', answer({ data: [number], paging })],
  [
    'templates',
    'list_templates',
    answer({ data: [stored], paging: { ...paging, next: 'https://graph.facebook.com/v26.0/1' } }),
  ],
  ['no templates', 'list_templates', answer({ data: [] })],
  ['a new template', 'create_template', answer({ id: '594', status: 'PENDING', category: 'AUTHENTICATION' })],
  ['a deleted template', 'delete_template', answer({ success: true })],
  ['a subscription', 'subscribe', answer({ success: true })],
  ['subscriptions', 'subscriptions', answer({ data: [listed] })],
]

const sentTo = (contact: object) => answer({ ...accepted, contacts: [contact] })
const failed = (changes: object, statusCode = 400) =>
  answer({ error: { ...rateLimited, ...changes } }, statusCode)

const bad: [string, Operation, GraphAnswer, string][] = [
  ['no JSON', 'send', { statusCode: 502, headers, body: '<html>' }, 'body is not JSON'],
  [
    'another kind of text',
    'send',
    answer(accepted, 200, { 'content-type': 'text/html' }),
    'content-type is malformed',
  ],
  [
    'no version',
    'send',
    { statusCode: 200, headers: {}, body: JSON.stringify(accepted) },
    'facebook-api-version is missing',
  ],
  [
    'usage that is no JSON',
    'send',
    answer(accepted, 200, { 'x-app-usage': '28%' }),
    'x-app-usage is not JSON',
  ],
  [
    'usage without minutes',
    'phone_number',
    answer(number, 200, { 'x-business-use-case-usage': JSON.stringify({ '1': [{ type: 'x', ...use }] }) }),
    'estimated_time_to_regain_access is missing',
  ],
  [
    'an id that is none',
    'send',
    answer({ ...accepted, messages: [{ id: '1234' }] }),
    'body/messages/0/id must match',
  ],
  ['no id', 'send', answer({ ...accepted, messages: [] }), 'body/messages must NOT have fewer'],
  [
    'a wa_id with +',
    'send',
    sentTo({ input: '+1650', wa_id: '+16505551234' }),
    'body/contacts/0/wa_id must match',
  ],
  ['no input', 'send', sentTo({ wa_id: '16505551234' }), 'body/contacts/0/input is missing'],
  [
    'a state that is none',
    'send',
    answer({ ...accepted, messages: [{ id: 'wamid.HBgL', message_status: 'sent' }] }),
    'message_status must be one of accepted',
  ],
  [
    'a key of its own',
    'send',
    answer({ ...accepted, simulated: true }),
    'body/simulated is not a known field',
  ],
  [
    'a good answer with an error',
    'send',
    answer({ error: rateLimited }, 200),
    'body/error is not a known field',
  ],
  [
    'an error under another status',
    'send',
    failed({}, 429),
    'HTTP 429 does not go with code 130429: 400 does',
  ],
  [
    'a token error at 400',
    'send',
    answer({ error: expired }, 400),
    'HTTP 400 does not go with code 190: 401 does',
  ],
  [
    'a code that does not exist',
    'send',
    failed({ code: 131999, message: '(#131999) x' }),
    'code 131999 is not on the list',
  ],
  ['a code as text', 'send', failed({ code: '130429' }), 'body/error/code must be integer'],
  [
    'a message without its number',
    'send',
    failed({ message: 'Rate limit hit' }),
    'must begin with (#130429)',
  ],
  ['no error_data', 'send', failed({ error_data: undefined }), 'body/error/error_data is missing'],
  [
    'error_data on a token error',
    'send',
    answer({ error: { ...expired, error_data: rateLimited.error_data } }, 401),
    'error_data is not there on token errors',
  ],
  ['no trace id', 'send', failed({ fbtrace_id: undefined }), 'body/error/fbtrace_id is missing'],
  [
    'a type of another kind',
    'send',
    failed({ type: 'RateLimitException' }),
    'body/error/type must be one of',
  ],
  [
    'a missing object as OAuth error',
    'phone_number',
    answer({ error: { ...unknownNode, type: 'OAuthException' } }, 400),
    'body/error/type must be GraphMethodException',
  ],
  ['an unknown field in an error', 'send', failed({ status: 400 }), 'body/error/status is not a known field'],
  [
    'a life of zero',
    'exchange',
    answer({ access_token: 'E', token_type: 'bearer', expires_in: 0 }),
    'body/expires_in must be >= 1',
  ],
  [
    'a life as text',
    'exchange',
    answer({ access_token: 'E', token_type: 'bearer', expires_in: '60' }),
    'body/expires_in must be integer',
  ],
  [
    'a token type in capitals',
    'exchange',
    answer({ access_token: 'E', token_type: 'Bearer' }),
    'body/token_type must be one of bearer',
  ],
  [
    "an app's token with a life",
    'app_token',
    answer({ access_token: '1|a', token_type: 'bearer', expires_in: 1 }),
    'body/expires_in is not a known field',
  ],
  [
    'a live token without its app',
    'debug_token',
    answer({ data: { ...inspected, app_id: undefined } }),
    'body/data/app_id is missing',
  ],
  [
    'a dead token without a reason',
    'debug_token',
    answer({ data: { ...dead, error: undefined } }),
    'body/data/error is missing',
  ],
  [
    'a live token with a reason',
    'debug_token',
    answer({ data: { ...inspected, error: dead.error } }),
    'does not go with is_valid',
  ],
  [
    'the subcode under its other name',
    'debug_token',
    answer({ data: { ...dead, error: { code: 190, message: 'x', error_subcode: 463 } } }),
    'error/error_subcode is not a known field',
  ],
  [
    'milliseconds for a time that is text',
    'debug_token',
    answer({ data: { ...inspected, expires_at: 'never' } }),
    'body/data/expires_at must be integer',
  ],
  ['a truth value from the revocation', 'revoke', answer({ success: true }), 'body/success must be string'],
  ['a text from a deletion', 'delete_template', answer({ success: 'true' }), 'body/success must be true'],
  [
    'a status of numbers',
    'phone_number',
    answer({ ...number, status: 'ONLINE' }),
    'body/status must be one of PENDING',
  ],
  ['a number without its id', 'phone_number', answer({ ...number, id: undefined }), 'body/id is missing'],
  [
    'throughput as text',
    'phone_number',
    answer({ ...number, throughput: 'STANDARD' }),
    'body/throughput must be object',
  ],
  ['a list without data', 'phone_numbers', answer([number]), 'body must be object'],
  [
    'a template id as number',
    'list_templates',
    answer({ data: [{ ...stored, id: 594 }] }),
    'body/data/0/id must be string',
  ],
  [
    'a category in small letters',
    'create_template',
    answer({ id: '5', status: 'PENDING', category: 'authentication' }),
    'body/category must be one of',
  ],
  [
    'an app without its data',
    'subscriptions',
    answer({ data: [{ id: '138', name: 'App' }] }),
    'whatsapp_business_api_data is missing',
  ],
]

describe('an answer conforms:', () => {
  test.each(good)('%s', (_what, operation, given) => {
    expect(answerFaults(operation, given)).toEqual([])
  })
})

describe('an answer does not conform:', () => {
  test.each(bad)('%s', (_what, operation, given, fault) => {
    expect(answerFaults(operation, given)).toEqual(expect.arrayContaining([expect.stringContaining(fault)]))
  })
})
