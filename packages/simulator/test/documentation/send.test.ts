import { expect, test } from 'vitest'
import { account, bearer, call, start } from './provider.ts'

// The requests of the documentation's chapter on sending, byte for byte.

const text = `{"messaging_product":"whatsapp","recipient_type":"individual","to":"+16505551234","type":"text",
 "text":{"preview_url":false,"body":"..."}}`

const orderUpdate = `{"messaging_product":"whatsapp","recipient_type":"individual","to":"+16505551234","type":"template",
 "template":{"name":"order_update","language":{"code":"en_US"},
  "components":[
   {"type":"header","parameters":[{"type":"text","text":"..."}]},
   {"type":"body","parameters":[{"type":"text","text":"Pablo"},{"type":"text","text":"860198"}]},
   {"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"X"}]},
   {"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"suffix"}]}]}}`

const code = `{"messaging_product":"whatsapp","recipient_type":"individual","to":"+12015553931","type":"template",
 "biz_opaque_callback_data":"<our message id>",
 "template":{"name":"verification_code","language":{"code":"en_US"},
  "components":[
   {"type":"body","parameters":[{"type":"text","text":"483920"}]},
   {"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"483920"}]}]}}`

const newTemplate = `{"name":"verification_code","language":"en_US","category":"AUTHENTICATION","message_send_ttl_seconds":300,
 "components":[
  {"type":"BODY","add_security_recommendation":true},
  {"type":"FOOTER","code_expiration_minutes":5},
  {"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"COPY_CODE","text":"Copy code"}]}]}`

const headers = { ...bearer(account.accessToken), 'Content-Type': 'application/json' }

const templates = [
  { name: 'verification_code', language: 'en_US' },
  {
    name: 'order_update',
    language: 'en_US',
    category: 'UTILITY',
    components: [
      { type: 'HEADER', format: 'TEXT', text: 'Order {{1}}' },
      { type: 'BODY', text: 'Hello {{1}}, your order {{2}} is on its way.' },
      {
        type: 'BUTTONS',
        buttons: [
          { type: 'QUICK_REPLY', text: 'Thanks' },
          { type: 'URL', text: 'Follow it', url: 'https://example.org/{{1}}' },
        ],
      },
    ],
  },
  {
    name: 'named',
    language: 'en',
    category: 'UTILITY',
    body: 'Hello {{first_name}}, your order {{order_id}} is on its way.',
  },
  { name: 'plain', language: 'en_US', category: 'UTILITY', body: 'We are open.' },
] as const

async function open(options: Parameters<typeof start>[0] = {}) {
  const { graphUrl } = await start({ templates, ...options })
  const send = (body: string, query = '', given: Record<string, string> = headers) =>
    call('POST', `${graphUrl}/v26.0/${account.phoneNumberId}/messages${query}`, given, body)
  return { graphUrl, send }
}

/** One of the requests above, with something put in another's place. */
function instead(body: string, what: string, by: string): string {
  if (!body.includes(what)) throw new Error(`there is no ${what} to replace`)
  return body.replaceAll(what, by)
}

test('the endpoint: every published version of the path takes the call', async () => {
  const { graphUrl } = await open()
  for (const version of ['v21.0', 'v22.0', 'v23.0', 'v24.0', 'v25.0', 'v26.0']) {
    const url = `${graphUrl}/${version}/${account.phoneNumberId}/messages`
    const { statusCode, headers: answered } = await call('POST', url, headers, text)
    expect([statusCode, answered['facebook-api-version']]).toEqual([200, version])
  }
})

test('the endpoint: without the permission to send, the call is refused', async () => {
  const simulator = await start({ templates })
  const token = simulator.issueToken({ scopes: ['whatsapp_business_management'] })
  const url = `${simulator.graphUrl}/v26.0/${account.phoneNumberId}/messages`
  const { statusCode, json } = await call('POST', url, { ...headers, ...bearer(token) }, text)
  expect([statusCode, json.error?.code]).toEqual([403, 131005])
})

test('the common body: signs and spaces in a number are taken, 00 in front is not', async () => {
  const { send } = await open()
  const tolerated = await send(instead(text, '+16505551234', '+1 (650) 555-1234'))
  expect(tolerated.json.contacts?.[0]).toEqual({ input: '+1 (650) 555-1234', wa_id: '16505551234' })
  const { statusCode, json } = await send(instead(text, '+16505551234', '0016505551234'))
  expect([statusCode, json.error?.code, json.error?.message]).toEqual([400, 100, '(#100) Invalid parameter'])
})

test('the common body: without + the country code of the business is put in front', async () => {
  const { send } = await open({ displayPhoneNumber: '4915550783881' })
  const { json } = await send(instead(text, '+16505551234', '16505551234'))
  expect(json.contacts).toEqual([{ input: '16505551234', wa_id: '4916505551234' }])
})

test('the common body: both kinds of recipient: to wins', async () => {
  const { send } = await open()
  const both = '"to":"+16505551234","recipient":"US.13491208655302741918"'
  const { json } = await send(instead(text, '"to":"+16505551234"', both))
  expect(json.contacts?.[0]?.wa_id).toBe('16505551234')
})

test('the common body: a user id cannot get a one-time code', async () => {
  const { send } = await open()
  const { json } = await send(instead(code, '"to":"+12015553931"', '"recipient":"US.13491208655302741918"'))
  expect(json.error?.code).toBe(131062)
})

test('the common body: the property of the type must be there, an unknown one must not', async () => {
  const { send } = await open()
  const without = await send(instead(text, '"type":"text"', '"type":"template"'))
  expect(without.statusCode).toBe(400)
  const misspelled = await send(instead(text, '"recipient_type"', '"recipient_typ"'))
  expect([misspelled.statusCode, misspelled.json.error?.code]).toEqual([400, 100])
})

test('the common body: our own data may have 512 characters', async () => {
  const { send } = await open()
  const most = await send(instead(code, '<our message id>', 'x'.repeat(512)))
  const more = await send(instead(code, '<our message id>', 'x'.repeat(513)))
  expect([most.statusCode, more.statusCode, more.json.error?.code]).toEqual([200, 400, 100])
})

test('the common body: a reply quotes a message', async () => {
  const { send } = await open()
  const first = await send(text)
  const id = first.json.messages?.[0]?.id
  const { statusCode } = await send(
    instead(text, '"type":"text"', `"context":{"message_id":"${id}"},"type":"text"`),
  )
  expect(statusCode).toBe(200)
})

test('a text message: a text goes out', async () => {
  const { send } = await open()
  const { statusCode, json } = await send(text)
  expect(statusCode).toBe(200)
  expect(json).toEqual({
    messaging_product: 'whatsapp',
    contacts: [{ input: '+16505551234', wa_id: '16505551234' }],
    messages: [{ id: expect.stringMatching(/^wamid\.[A-Za-z0-9+/=]+$/) as string }],
  })
})

test('a text message: a text has at most 4096 characters', async () => {
  const { send } = await open()
  const most = await send(instead(text, '"body":"..."', `"body":"${'x'.repeat(4096)}"`))
  const more = await send(instead(text, '"body":"..."', `"body":"${'x'.repeat(4097)}"`))
  expect([most.statusCode, more.statusCode, more.json.error?.code]).toEqual([200, 400, 100])
})

test('an ordinary template: a template with header, body and buttons goes out', async () => {
  const { send } = await open()
  const { statusCode, json } = await send(orderUpdate)
  expect(statusCode).toBe(200)
  expect(json.messages?.[0]?.message_status).toBe('accepted')
})

test('an ordinary template: named variables need their names', async () => {
  const { send } = await open()
  const named = (
    first: string,
    second: string,
  ) => `{"messaging_product":"whatsapp","recipient_type":"individual",
    "to":"+16505551234","type":"template","template":{"name":"named","language":{"code":"en"},"components":[
    {"type":"body","parameters":[{"type":"text",${first}"text":"Pablo"},{"type":"text",${second}"text":"860198"}]}]}}`
  const good = await send(named('"parameter_name":"first_name",', '"parameter_name":"order_id",'))
  const bad = await send(named('', ''))
  expect([good.statusCode, bad.statusCode]).toEqual([200, 400])
})

test('an ordinary template: a template without variables has no components', async () => {
  const { send } = await open()
  const { statusCode } =
    await send(`{"messaging_product":"whatsapp","recipient_type":"individual","to":"+16505551234","type":"template",
    "template":{"name":"plain","language":{"code":"en_US"}}}`)
  expect(statusCode).toBe(200)
})

test('an ordinary template: en and en_US are two languages', async () => {
  const { send } = await open()
  const { statusCode, json } = await send(instead(orderUpdate, 'en_US', 'en'))
  expect([statusCode, json.error?.code]).toEqual([404, 132001])
  expect(json.error?.error_data?.details).toBe('template name (order_update) does not exist in en')
})

test('a one-time code: a one-time code goes out', async () => {
  const { send } = await open()
  const { statusCode, json } = await send(code)
  expect(statusCode).toBe(200)
  expect(json.messages?.[0]?.message_status).toBe('accepted')
})

test('a one-time code: a code need not be digits', async () => {
  const { send } = await open()
  expect((await send(instead(code, '483920', 'J$FpnYnP'))).statusCode).toBe(200)
})

test('a one-time code: without its button a code is refused', async () => {
  const { send } = await open()
  const { statusCode, json } = await send(code.replace(/,\s*\{"type":"button".*?\}\]\}/s, ''))
  expect([statusCode, json.error?.code]).toEqual([400, 131008])
  expect(json.error?.error_data?.details).toBe('buttons: Button at index 0 of type Url requires a parameter')
})

test('a one-time code: without its body parameter a code is refused', async () => {
  const { send } = await open()
  const { statusCode, json } = await send(
    instead(
      code,
      '{"type":"body","parameters":[{"type":"text","text":"483920"}]}',
      '{"type":"body","parameters":[]}',
    ),
  )
  expect([statusCode, json.error?.code]).toEqual([400, 132000])
  expect(json.error?.message).toBe(
    '(#132000) Number of parameters does not match the expected number of params',
  )
  expect(json.error?.error_data?.details).toBe(
    'body: number of localizable_params (0) does not match the expected number of params (1)',
  )
})

test('a one-time code: a code of 16 characters is refused, one of 15 is not', async () => {
  const { send } = await open()
  const most = await send(instead(code, '483920', 'x'.repeat(15)))
  const more = await send(instead(code, '483920', 'x'.repeat(16)))
  expect([most.statusCode, more.statusCode]).toEqual([200, 400])
})

test('an acceptance: each acceptance has an id of its own, also of the same body', async () => {
  const { send } = await open({ pairLimit: false })
  const ids = new Set<string>()
  for (let nth = 0; nth < 5; nth += 1) ids.add((await send(code)).json.messages?.[0]?.id ?? '')
  expect(ids.size).toBe(5)
})

test('an acceptance: wa_id may differ from what was sent', async () => {
  const { send } = await open()
  const { json } = await send(instead(text, '+16505551234', '+525512345678'))
  expect(json.contacts).toEqual([{ input: '+525512345678', wa_id: '5215512345678' }])
})

test('a new template: a template is made, listed as stored, and used', async () => {
  const { graphUrl, send } = await open({ templates: [] })
  const edge = `${graphUrl}/v26.0/${account.businessId}/message_templates`
  const made = await call('POST', edge, headers, newTemplate)
  expect(made.statusCode).toBe(200)
  expect(made.json).toEqual({
    id: expect.stringMatching(/^\d+$/) as string,
    status: expect.stringMatching(/^(PENDING|APPROVED)$/) as string,
    category: 'AUTHENTICATION',
  })
  const listed = await call(
    'GET',
    `${edge}?fields=name,language,status,category,components&limit=100`,
    headers,
  )
  const [stored] = listed.json.data ?? []
  expect(stored).toMatchObject({ id: made.json.id, name: 'verification_code', language: 'en_US' })
  const buttons = (stored?.components ?? []).find(({ type }) => type === 'BUTTONS')
  expect(buttons?.buttons?.[0]?.type).toBe('URL')
  expect((await send(code)).statusCode).toBe(200)
})

test.each([
  ['a life of 29 s', '"message_send_ttl_seconds":300', '"message_send_ttl_seconds":29'],
  ['a life of 901 s', '"message_send_ttl_seconds":300', '"message_send_ttl_seconds":901'],
  ['an expiry of 0 minutes', '"code_expiration_minutes":5', '"code_expiration_minutes":0'],
  ['an expiry of 91 minutes', '"code_expiration_minutes":5', '"code_expiration_minutes":91'],
  ['a button text of 26', '"text":"Copy code"', `"text":"${'x'.repeat(26)}"`],
  ['an OTP type of its own', '"COPY_CODE"', '"PASTE_CODE"'],
  [
    'zero-tap without its terms',
    '"otp_type":"COPY_CODE"',
    '"otp_type":"ZERO_TAP","autofill_text":"Autofill","supported_apps":[{"package_name":"com.example","signature_hash":"K8a/AINcGX7"}]',
  ],
  [
    'a signature hash of 10',
    '"otp_type":"COPY_CODE"',
    '"otp_type":"ONE_TAP","autofill_text":"Autofill","supported_apps":[{"package_name":"com.example","signature_hash":"K8a/AINcGX"}]',
  ],
  ['a name of 513', '"verification_code"', `"${'x'.repeat(513)}"`],
])('a new template: a template with %s is refused', async (_what, part, by) => {
  const { graphUrl } = await open({ templates: [] })
  const edge = `${graphUrl}/v26.0/${account.businessId}/message_templates`
  const { statusCode, json } = await call('POST', edge, headers, instead(newTemplate, part, by))
  expect([statusCode, json.error?.code]).toEqual([400, 100])
})

test('a new template: upsert makes a template in several languages', async () => {
  const { graphUrl } = await open({ templates: [] })
  const edge = `${graphUrl}/v26.0/${account.businessId}/upsert_message_templates`
  const body = instead(newTemplate, '"language":"en_US"', '"languages":["en_US","fr"]')
  const { statusCode, json } = await call('POST', edge, headers, body)
  expect(statusCode).toBe(200)
  expect(json.data).toHaveLength(2)
})

test('an error: an error has the documented shape', async () => {
  const { send } = await open({ throughputPerSecond: 1, clock: { speed: 0 } })
  await send(code)
  const { statusCode, headers: answered, json } = await send(text)
  expect(statusCode).toBe(400)
  expect(answered['retry-after']).toBeUndefined()
  expect(json).toEqual({
    error: {
      message: '(#130429) Rate limit hit',
      type: 'OAuthException',
      code: 130429,
      error_subcode: 2494055,
      error_data: {
        messaging_product: 'whatsapp',
        details: 'Cloud API message throughput has been reached.',
      },
      fbtrace_id: expect.stringMatching(/^[\w-]{15,}$/) as string,
    },
  })
})

test('an error: a token error is a plain sentence without error_data', async () => {
  const { send } = await open()
  const { statusCode, json } = await send(code, '', { ...headers, ...bearer('nonsense') })
  expect(statusCode).toBe(401)
  expect(json.error).toEqual({
    message: 'Invalid OAuth access token - Cannot parse access token',
    type: 'OAuthException',
    code: 190,
    fbtrace_id: expect.any(String) as string,
  })
})

test('an error: a missing object is a GraphMethodException', async () => {
  const { graphUrl } = await open()
  const { statusCode, json } = await call('POST', `${graphUrl}/v26.0/999/messages`, headers, text)
  expect(statusCode).toBe(400)
  expect(json.error).toMatchObject({ type: 'GraphMethodException', code: 100, error_subcode: 33 })
})
