import { describe, expect, test } from 'vitest'
import { requestFaults, type GraphRequest, type Operation } from '../src/conformance/index.ts'
import { codeTemplate } from './setup.ts'

const authorization = 'Bearer EAAG'
const json = { authorization, 'content-type': 'application/json' }
const blank = { query: {}, headers: { authorization }, body: '' }
const proof = 'a'.repeat(64)

const text = {
  messaging_product: 'whatsapp',
  recipient_type: 'individual',
  to: '+16505551234',
  type: 'text',
  text: { preview_url: false, body: 'Bonjour' },
}
const values = (...texts: string[]) => texts.map((text) => ({ type: 'text', text }))
const bodyPart = (...texts: string[]) => ({ type: 'body', parameters: values(...texts) })
const urlButton = (text: string, index = '0') => ({
  type: 'button',
  sub_type: 'url',
  index,
  parameters: values(text),
})
const code = (components: object[]) => ({
  messaging_product: 'whatsapp',
  recipient_type: 'individual',
  to: '+12015553931',
  type: 'template',
  biz_opaque_callback_data: 'msg_1',
  template: { name: 'verification_code', language: { code: 'en_US' }, components },
})
const goodCode = code([bodyPart('483920'), urlButton('483920')])
const { language: _, ...inLanguages } = { ...codeTemplate, languages: ['en_US', 'fr'] }
const zeroTap = {
  type: 'OTP',
  otp_type: 'ZERO_TAP',
  text: 'Copy code',
  autofill_text: 'Autofill',
  zero_tap_terms_accepted: true,
  supported_apps: [{ package_name: 'com.example.app', signature_hash: 'K8a/AINcGX7' }],
}
const withButton = (button: object) => ({
  ...codeTemplate,
  components: [{ type: 'BODY' }, { type: 'BUTTONS', buttons: [button] }],
})

const sending = (body: unknown, changes: Partial<GraphRequest> = {}): GraphRequest => ({
  method: 'POST',
  path: '/v26.0/106540352242922/messages',
  query: {},
  headers: json,
  body: JSON.stringify(body),
  ...changes,
})
const creating = (body: unknown): GraphRequest =>
  sending(body, { path: '/v26.0/102290129340398/message_templates' })
const getting = (path: string, query: Record<string, string> = {}, changes: Partial<GraphRequest> = {}) => ({
  method: 'GET',
  path,
  ...blank,
  query,
  ...changes,
})
const app = { client_id: '138483919580948', client_secret: 'app-secret' }
const exchange = { grant_type: 'fb_exchange_token', ...app, fb_exchange_token: 'EAAG' }
const anonymous = { headers: {} }
const issue = { business_app: '1384', scope: 'whatsapp_business_messaging', appsecret_proof: proof }

const good: [string, Operation, GraphRequest][] = [
  ['a text', 'send', sending(text)],
  ['a code', 'send', sending(goodCode)],
  ['a code, read as one', 'send_code', sending(goodCode)],
  [
    'a proof of the app secret beside it',
    'send_code',
    sending(goodCode, { query: { appsecret_proof: proof } }),
  ],
  ['a reply', 'send', sending({ ...text, context: { message_id: 'wamid.HBgL' } })],
  ['a text to a user id', 'send', sending({ ...text, to: undefined, recipient: 'US.13491208655302741918' })],
  [
    'a template with buttons and named values',
    'send',
    sending(
      code([
        { type: 'header', parameters: [{ type: 'text', text: 'Commande' }] },
        { type: 'body', parameters: [{ type: 'text', text: 'Awa', parameter_name: 'first_name' }] },
        {
          type: 'button',
          sub_type: 'quick_reply',
          index: '0',
          parameters: [{ type: 'payload', payload: 'X' }],
        },
        urlButton('suffix', '1'),
      ]),
    ),
  ],
  [
    'a template without values',
    'send',
    sending({ ...goodCode, template: { name: 'hello_world', language: { code: 'en' } } }),
  ],
  ['an exchange', 'exchange', getting('/v26.0/oauth/access_token', exchange, anonymous)],
  [
    'an exchange for a system user',
    'exchange',
    getting('/v26.0/oauth/access_token', { ...exchange, set_token_expires_in_60_days: 'true' }, anonymous),
  ],
  [
    "the app's own token",
    'app_token',
    getting('/v26.0/oauth/access_token', { grant_type: 'client_credentials', ...app }, anonymous),
  ],
  ['an inspection', 'debug_token', getting('/v26.0/debug_token', { input_token: 'EAAG' })],
  [
    'an inspection with the token as parameter',
    'debug_token',
    getting('/v26.0/debug_token', { input_token: 'EAAG', access_token: '1|s' }, anonymous),
  ],
  [
    'a revocation',
    'revoke',
    getting('/v26.0/oauth/revoke', { ...app, revoke_token: 'EAAG', access_token: 'EAAH' }, anonymous),
  ],
  [
    'an issue with its parameters in the query',
    'issue_token',
    sending(undefined, { path: '/v26.0/1220/access_tokens', query: issue, body: '' }),
  ],
  [
    'an issue with its parameters in a form',
    'issue_token',
    {
      method: 'POST',
      path: '/v26.0/1220/access_tokens',
      query: {},
      headers: {},
      body: String(new URLSearchParams({ ...issue, access_token: 'EAAG' })),
    },
  ],
  ['a phone number', 'phone_number', getting('/v26.0/106540352242922', { fields: 'verified_name,status' })],
  ['phone numbers', 'phone_numbers', getting('/v26.0/102290129340398/phone_numbers', { limit: '100' })],
  [
    'templates',
    'list_templates',
    getting('/v26.0/102290129340398/message_templates', {
      fields: 'name,status',
      limit: '100',
      after: 'MjQZD',
    }),
  ],
  ['a new template', 'create_template', creating(codeTemplate)],
  [
    'a template that lives 30 days',
    'create_template',
    creating({ ...codeTemplate, message_send_ttl_seconds: -1 }),
  ],
  ['a zero-tap template', 'create_template', creating(withButton(zeroTap))],
  [
    'a template to delete',
    'delete_template',
    { ...getting('/v26.0/102290129340398/message_templates', { name: 'otp_login' }), method: 'DELETE' },
  ],
  ['a subscription', 'subscribe', { ...getting('/v26.0/102290129340398/subscribed_apps'), method: 'POST' }],
  [
    'a subscription with a callback URL of its own',
    'subscribe',
    sending(
      { override_callback_uri: 'https://example.org/hook', verify_token: 'v' },
      { path: '/v26.0/102290129340398/subscribed_apps' },
    ),
  ],
  ['a template by its id', 'template', getting('/v26.0/594425479261596', { fields: 'status' })],
  [
    'another life of a template',
    'edit_template',
    sending({ message_send_ttl_seconds: 60 }, { path: '/v26.0/594425479261596' }),
  ],
  [
    'a template in many languages',
    'upsert_templates',
    sending(inLanguages, { path: '/v26.0/102290129340398/upsert_message_templates' }),
  ],
  [
    'the end of a pause',
    'unpause_template',
    sending(undefined, { path: '/v26.0/594425479261596/unpause', body: '' }),
  ],
  [
    'a registration',
    'register',
    sending({ messaging_product: 'whatsapp', pin: '123456' }, { path: '/v26.0/1/register' }),
  ],
  ['its end', 'deregister', sending(undefined, { path: '/v26.0/1/deregister', body: '' })],
]

const bad: [string, Operation, GraphRequest, string][] = [
  ['another method', 'send', sending(text, { method: 'PUT' }), 'the method must be POST'],
  ['a version without v', 'send', sending(text, { path: '/26.0/1/messages' }), 'the path must be'],
  ['an id that is no number', 'send', sending(text, { path: '/v26.0/me/messages' }), 'the path must be'],
  [
    'no token',
    'send',
    sending(text, { headers: { 'content-type': 'application/json' } }),
    'authorization is missing',
  ],
  [
    'two spaces before the token',
    'send',
    sending(text, { headers: { ...json, authorization: 'Bearer  EAAG' } }),
    'must be Bearer, one space',
  ],
  [
    'a token in the query',
    'send',
    sending(text, { query: { access_token: 'EAAG' } }),
    'belongs into the header only',
  ],
  ['a token in the body', 'send', sending({ ...text, access_token: 'EAAG' }), 'belongs into the header only'],
  [
    'a form in place of JSON',
    'send',
    sending(text, { headers: { ...json, 'content-type': 'application/x-www-form-urlencoded' } }),
    'content-type must be application/json',
  ],
  ['half of a body', 'send', sending(text, { body: '{"to":' }), 'body is not JSON'],
  [
    'an unknown parameter',
    'send',
    sending(text, { query: { verbose: '1' } }),
    'query/verbose is not a known field',
  ],
  [
    'a proof that is none',
    'send',
    sending(text, { query: { appsecret_proof: 'abc' } }),
    'query/appsecret_proof must match',
  ],
  ['an unknown key', 'send', sending({ ...text, tpye: 'x' }), 'body/tpye is not a known field'],
  [
    'another product',
    'send',
    sending({ ...text, messaging_product: 'sms' }),
    'body/messaging_product must be one of whatsapp',
  ],
  ['no recipient', 'send', sending({ ...text, to: undefined }), 'body/to is missing'],
  ['a recipient without +', 'send', sending({ ...text, to: '16505551234' }), 'body/to must match'],
  ['a recipient with 00', 'send', sending({ ...text, to: '0016505551234' }), 'body/to must match'],
  [
    'no kind of recipient',
    'send',
    sending({ ...text, recipient_type: undefined }),
    'body/recipient_type is missing',
  ],
  ['no type', 'send', sending({ ...text, type: undefined }), 'body/type is missing'],
  ['a type of another part', 'send', sending({ ...text, type: 'template' }), 'body/template is missing'],
  [
    'a text over 4096',
    'send',
    sending({ ...text, text: { body: 'x'.repeat(4097) } }),
    'body/text/body must NOT have more than 4096',
  ],
  [
    'a preview that is a text',
    'send',
    sending({ ...text, text: { body: 'x', preview_url: 'no' } }),
    'body/text/preview_url must be boolean',
  ],
  [
    'callback data over 512',
    'send',
    sending({ ...text, biz_opaque_callback_data: 'x'.repeat(513) }),
    'body/biz_opaque_callback_data',
  ],
  [
    'a language of two hyphens',
    'send',
    sending({ ...goodCode, template: { name: 'a', language: { code: 'en-US' } } }),
    'body/template/language/code',
  ],
  [
    'a language that is a text',
    'send',
    sending({ ...goodCode, template: { name: 'a', language: 'fr' } }),
    'body/template/language must be object',
  ],
  ['empty components', 'send', sending(code([])), 'body/template/components must NOT have fewer than 1'],
  [
    'a value that is a number',
    'send',
    sending(code([{ type: 'body', parameters: [{ type: 'text', text: 1234 }] }])),
    'components/0/parameters/0/text must be string',
  ],
  [
    'a button position that is a number',
    'send',
    sending(code([{ ...urlButton('1'), index: 0 }])),
    'components/0/index must be string',
  ],
  ['a button as type OTP', 'send', sending(code([{ ...urlButton('1'), sub_type: 'otp' }])), 'components/0'],
  ['a code without its button', 'send_code', sending(code([bodyPart('483920')])), 'must have one url button'],
  [
    'a code without its body',
    'send_code',
    sending(code([urlButton('483920')])),
    'must have a body with one parameter',
  ],
  [
    'two different codes',
    'send_code',
    sending(code([bodyPart('483920'), urlButton('483921')])),
    'must carry the same code',
  ],
  [
    'a code of 16',
    'send_code',
    sending(code([bodyPart('x'.repeat(16)), urlButton('x'.repeat(16))])),
    'at most 15',
  ],
  ['a code in a text', 'send_code', sending(text), 'body/template is missing'],
  [
    'a button at another place',
    'send_code',
    sending(code([bodyPart('1234'), urlButton('1234', '1')])),
    'at index "0"',
  ],
  [
    'an exchange without the secret',
    'exchange',
    getting('/v26.0/oauth/access_token', { ...exchange, client_secret: '' }, anonymous),
    'query/client_secret must NOT have fewer',
  ],
  [
    'an exchange by another grant',
    'exchange',
    getting('/v26.0/oauth/access_token', { ...exchange, grant_type: 'refresh_token' }, anonymous),
    'query/grant_type must be one of',
  ],
  [
    'an exchange by POST',
    'exchange',
    { ...getting('/v26.0/oauth/access_token', exchange, anonymous), method: 'POST' },
    'the method must be GET',
  ],
  [
    'an exchange with a token in its header',
    'exchange',
    getting('/v26.0/oauth/access_token', exchange),
    'takes no access token in its header',
  ],
  [
    'a life asked for with 1',
    'exchange',
    getting('/v26.0/oauth/access_token', { ...exchange, set_token_expires_in_60_days: '1' }, anonymous),
    'query/set_token_expires_in_60_days',
  ],
  [
    'an inspection by nobody',
    'debug_token',
    getting('/v26.0/debug_token', { input_token: 'EAAG' }, anonymous),
    'the access token is missing',
  ],
  ['an inspection of nothing', 'debug_token', getting('/v26.0/debug_token'), 'query/input_token is missing'],
  [
    'a revocation of nothing',
    'revoke',
    getting('/v26.0/oauth/revoke', { ...app, access_token: 'E' }, anonymous),
    'query/revoke_token is missing',
  ],
  [
    'an issue without proof',
    'issue_token',
    sending(undefined, {
      path: '/v26.0/1/access_tokens',
      query: { business_app: '1', scope: 'a' },
      body: '',
    }),
    'query/appsecret_proof is missing',
  ],
  [
    'fields with spaces',
    'phone_number',
    getting('/v26.0/1', { fields: 'id, status' }),
    'query/fields must match',
  ],
  ['a body on a read', 'phone_number', getting('/v26.0/1', {}, { body: '{}' }), 'the call takes no body'],
  [
    'a page of 101',
    'list_templates',
    getting('/v26.0/1/message_templates', { limit: '101' }),
    'query/limit must match',
  ],
  [
    'an authentication template with a text of its own',
    'create_template',
    creating({ ...codeTemplate, components: [{ type: 'BODY', text: 'Code {{1}}' }] }),
    'components/0/text is not a known field',
  ],
  [
    'a template that lives 29 s',
    'create_template',
    creating({ ...codeTemplate, message_send_ttl_seconds: 29 }),
    'message_send_ttl_seconds',
  ],
  [
    'a template name in capitals',
    'create_template',
    creating({ ...codeTemplate, name: 'Otp' }),
    'body/name must match',
  ],
  [
    'a footer of 91 minutes',
    'create_template',
    creating({ ...codeTemplate, components: [{ type: 'FOOTER', code_expiration_minutes: 91 }] }),
    'code_expiration_minutes must be <= 90',
  ],
  [
    'zero-tap without its terms',
    'create_template',
    creating(withButton({ ...zeroTap, zero_tap_terms_accepted: undefined })),
    'zero_tap_terms_accepted is missing',
  ],
  [
    'a signature hash of 10',
    'create_template',
    creating(
      withButton({ ...zeroTap, supported_apps: [{ package_name: 'a.b', signature_hash: '0123456789' }] }),
    ),
    'signature_hash must NOT have fewer than 11',
  ],
  [
    'a template to delete, unnamed',
    'delete_template',
    { ...getting('/v26.0/1/message_templates'), method: 'DELETE' },
    'query/name is missing',
  ],
  [
    'a callback URL under another name',
    'subscribe',
    sending({ callback_url: 'https://a.b' }, { path: '/v26.0/1/subscribed_apps' }),
    'body/callback_url is not a known field',
  ],
  [
    'a PIN of five digits',
    'register',
    sending({ messaging_product: 'whatsapp', pin: '12345' }, { path: '/v26.0/1/register' }),
    'body/pin must match',
  ],
  [
    'one language for many',
    'upsert_templates',
    sending(codeTemplate, { path: '/v26.0/1/upsert_message_templates' }),
    'body/languages is missing',
  ],
  [
    'a new name for a template',
    'edit_template',
    sending({ name: 'other' }, { path: '/v26.0/594425479261596' }),
    'body/name is not a known field',
  ],
]

describe('a request conforms:', () => {
  test.each(good)('%s', (_what, operation, request) => {
    expect(requestFaults(operation, request)).toEqual([])
  })
})

describe('a request does not conform:', () => {
  test.each(bad)('%s', (_what, operation, request, fault) => {
    expect(requestFaults(operation, request)).toEqual(
      expect.arrayContaining([expect.stringContaining(fault)]),
    )
  })

  test('and what is said of it repeats no token, secret or code', () => {
    const secrets = {
      headers: { authorization: 'Bearer  EAAsecret' },
      query: { appsecret_proof: 'EAAsecret' },
    }
    const body = code([bodyPart('48392099999999999'), urlButton('77777777777777777')])
    const faults = [
      ...requestFaults('send_code', sending(body, secrets)),
      ...requestFaults('exchange', getting('/v26.0/oauth/access_token', { client_id: 'EAAsecret' })),
    ].join('\n')
    expect(faults).not.toMatch(/EAAsecret|48392|77777/)
  })
})
