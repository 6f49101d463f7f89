import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { body, button, codeFor, identity, online, setup, template, textFor } from './setup.ts'

describe('a good send', () => {
  test('is accepted with a fresh id, and its code is what the person would read', async () => {
    const { send, simulator } = await setup()
    const answer = await send(codeFor(online, '000123'))
    expect(answer.statusCode).toBe(200)
    expect(answer.body).toEqual({
      messaging_product: 'whatsapp',
      contacts: [{ input: online, wa_id: '221771234567' }],
      messages: [{ id: expect.stringMatching(/^wamid\./), message_status: 'accepted' }],
    })
    expect(simulator.messages()).toMatchObject([
      {
        id: answer.body.messages[0].id,
        to: online,
        type: 'template',
        template: { name: 'otp_login', language: 'fr' },
        code: '000123',
        text: '*000123* est votre code de vérification. Pour votre sécurité, ne le partagez pas.',
        callbackData: 'msg_1',
      },
    ])
  })

  test('of text has no message_status', async () => {
    const { send } = await setup()
    expect((await send(textFor(online))).body.messages).toEqual([{ id: expect.stringMatching(/^wamid\./) }])
  })

  test('two sends of the same body are two messages: there is no idempotency key', async () => {
    const { send, simulator } = await setup()
    const ids = [await send(codeFor(online)), await send(codeFor(online))].map(
      ({ body }) => body.messages[0].id,
    )
    expect(new Set(ids).size).toBe(2)
    expect(simulator.messages()).toHaveLength(2)
  })

  test('carries the headers Meta sends, and never Retry-After', async () => {
    const { send } = await setup()
    const { headers } = await send(codeFor('+221771230500'))
    expect(headers.get('facebook-api-version')).toBe('v26.0')
    expect(headers.get('x-fb-trace-id')).toBeTruthy()
    expect(headers.get('content-type')).toBe('application/json; charset=UTF-8')
    expect(headers.get('retry-after')).toBeNull()
  })

  test('in an ordinary template fills it, and a code in it earns a policy warning', async () => {
    const update = {
      name: 'order_update',
      language: 'fr',
      category: 'UTILITY',
      body: 'Bonjour {{1}}, {{2}}.',
    } as const
    const { send, simulator } = await setup({ templates: [update] })
    await send(
      codeFor(online, '', { template: template('order_update', 'fr', [body('Awa', '12 500 FCFA')]) }),
    )
    await send(codeFor(online, '', { template: template('order_update', 'fr', [body('Awa', '482913')]) }))
    const [plain, suspicious] = simulator.messages()
    expect(plain?.text).toBe('Bonjour Awa, 12 500 FCFA.')
    expect(plain?.policyWarning).toBeUndefined()
    expect(suspicious?.policyWarning).toMatch(/one-time code/)
  })
})

describe('the recipient', () => {
  test.each([
    ['+221 77-123 (45) 67', '+221771234567', '221771234567'],
    ['771234567', '+1771234567', '1771234567'],
    ['221771234567', '+1221771234567', '1221771234567'],
    ['+525512345678', '+525512345678', '5215512345678'],
  ])('%s is read as %s, wa_id %s', async (input, to, waId) => {
    const { send, simulator } = await setup()
    const answer = await send(codeFor(input))
    expect(answer.body.contacts).toEqual([{ input, wa_id: waId }])
    expect(simulator.messages()[0]?.to).toBe(to)
  })

  test.each(['00221771234567', '', 'Awa', '+12', '+0771234567', '+2217712345678901'])(
    '%j is not a number: 400/100',
    async (to) => {
      const { send } = await setup()
      const answer = await send(codeFor(to))
      expect([answer.statusCode, answer.body.error.code]).toEqual([400, 100])
    },
  )

  test('our own number cannot be the recipient', async () => {
    const { send } = await setup()
    expect((await send(codeFor('+15550783881'))).body.error.code).toBe(131021)
  })

  test('a business-scoped user id cannot get a code', async () => {
    const { send } = await setup()
    const answer = await send({ ...codeFor(online), to: undefined, recipient: 'US.13491208655302741918' })
    expect(answer.body.error.code).toBe(131062)
  })
})

const components = (...parts: object[]) =>
  codeFor(online, '', { template: template('otp_login', 'fr', parts) })

const strangeLanguage = { name: 'otp_login', language: { code: 'fr', langauge: 'fr' } }

const badBodies: [string, object, number, number, string?][] = [
  ['an unknown key', codeFor(online, '1234', { tpye: 'x' }), 400, 100],
  ['an unknown key beside the language code', codeFor(online, '', { template: strangeLanguage }), 400, 100],
  [
    'an unknown key in the context',
    codeFor(online, '1', { context: { message_id: 'wamid.x', id: 1 } }),
    400,
    100,
  ],
  ['another product', codeFor(online, '1234', { messaging_product: 'sms' }), 400, 100],
  ['an unknown type', codeFor(online, '1234', { type: 'pigeon' }), 400, 100],
  ['a type that is not played', codeFor(online, '1234', { type: 'image', image: {} }), 400, 131051],
  ['a group', codeFor(online, '1234', { recipient_type: 'group' }), 400, 131051],
  ['callback data over 512', codeFor(online, '1', { biz_opaque_callback_data: 'x'.repeat(513) }), 400, 100],
  ['no recipient, whatever else is missing', codeFor('', '1234', { template: undefined }), 400, 100],
  [
    'no template, though it is for ourselves',
    codeFor('+15550783881', '1', { template: undefined }),
    400,
    131008,
  ],
  ['no template', codeFor(online, '1234', { template: undefined }), 400, 131008],
  ['text over 4096', textFor(online, 'x'.repeat(4097)), 400, 100],
  ['an unknown template', codeFor(online, '', { template: template('x', 'fr', []) }), 404, 132001],
  ['another language', codeFor(online, '', { template: template('otp_login', 'fr_FR', []) }), 404, 132001],
  ['no body parameter', components(button('1234')), 400, 132000],
  ['two body parameters', components(body('1', '2'), button('1')), 400, 132000],
  [
    'no button',
    components(body('1234')),
    400,
    131008,
    'buttons: Button at index 0 of type Url requires a parameter',
  ],
  ['two different codes', components(body('1234'), button('4321')), 400, 132018],
  ['a code of 16 characters', codeFor(online, '1234567890123456'), 400, 132018],
  ['a number as value', components({ type: 'body', parameters: [{ type: 'currency' }] }), 400, 132012],
  ['an empty value', components(body(''), button('')), 400, 131008],
]

describe('a body is turned down for', () => {
  test.each(badBodies)('%s', async (_what, sent, statusCode, graphCode, details) => {
    const { send, simulator } = await setup()
    const answer = await send(sent)
    expect([answer.statusCode, answer.body.error.code]).toEqual([statusCode, graphCode])
    expect(answer.body.error.fbtrace_id).toMatch(/^A.{22}$/)
    if (details !== undefined) expect(answer.body.error.error_data.details).toBe(details)
    expect(simulator.messages()).toEqual([])
  })

  test('not calling itself JSON', async () => {
    const { simulator } = await setup()
    const answer = await fetch(`${simulator.graphUrl}/v26.0/${identity.phoneNumberId}/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${identity.accessToken}` },
      body: JSON.stringify(codeFor(online)),
    })
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { error: { code: 100, message: '(#100) The parameter messaging_product is required.' } },
    ])
    expect(simulator.messages()).toEqual([])
  })

  test('not being JSON', async () => {
    const { post } = await setup()
    const tooDeep = `{"to":${'['.repeat(60)}${']'.repeat(60)}}`
    for (const text of ['{"to":', '[]', tooDeep]) {
      const answer = await post(`/v26.0/${identity.phoneNumberId}/messages`, text)
      expect([answer.statusCode, answer.body.error.code]).toEqual([400, 100])
      expect(answer.body.error.error_data.details).toBe('The request body is not a JSON object')
    }
  })

  test.each([
    ['PENDING', 404, 132001],
    ['PAUSED', 400, 132015],
    ['DISABLED', 400, 132016],
  ] as const)('a template that is %s', async (status, statusCode, graphCode) => {
    const { send } = await setup({ templates: [{ name: 'otp_login', language: 'fr', status }] })
    const answer = await send(codeFor(online))
    expect([answer.statusCode, answer.body.error.code]).toEqual([statusCode, graphCode])
  })
})

describe('the order of checks', () => {
  test('the caller comes before the body', async () => {
    const { post } = await setup()
    const answer = await post(`/v26.0/${identity.phoneNumberId}/messages`, 'not json', null)
    expect([answer.statusCode, answer.body.error.code]).toEqual([401, 104])
  })

  test('the token comes before the number', async () => {
    const { post } = await setup()
    expect((await post('/v26.0/999/messages', '{}', 'nonsense')).body.error.code).toBe(190)
    const { statusCode, body } = await post('/v26.0/999/messages', '{}')
    expect([statusCode, body.error.code, body.error.error_subcode]).toEqual([400, 100, 33])
    expect(body.error.type).toBe('GraphMethodException')
  })

  test('a token of a person reads but does not send', async () => {
    const { send, get, simulator } = await setup()
    const token = simulator.issueToken({ type: 'USER' })
    expect((await get(`/v26.0/${identity.phoneNumberId}`, token)).statusCode).toBe(200)
    expect((await send({}, token)).body.error.code).toBe(131005)
  })

  test('the proof of the app secret is asked for when the app requires it', async () => {
    const { send, post } = await setup({ requireProof: true })
    expect((await send(codeFor(online))).body.error.message).toBe(
      'API calls from the server require an appsecret_proof argument',
    )
    const proof = createHmac('sha256', identity.appSecret).update(identity.accessToken).digest('hex')
    const path = `/v26.0/${identity.phoneNumberId}/messages?appsecret_proof=`
    const good = await post(path + proof, JSON.stringify(codeFor(online)))
    const bad = await post(path + 'f'.repeat(64), JSON.stringify(codeFor(online)))
    expect([good.statusCode, bad.statusCode]).toEqual([200, 400])
    expect(bad.body.error).not.toHaveProperty('error_data')
  })
})

describe('a path', () => {
  test.each(['/', '/v26.0/1/2/3', '/v20.0/106540352242922/messages', '/messages', '/v26.0/%zz'])(
    'POST %s does not exist: 400/2500',
    async (path) => {
      const { post } = await setup()
      const answer = await post(path, '{}')
      expect([answer.statusCode, answer.body.error.code]).toEqual([400, 2500])
    },
  )

  test.each(['v21.0', 'v23.0', 'v26.0'])('of version %s is served', async (version) => {
    const { post } = await setup()
    const answer = await post(
      `/${version}/${identity.phoneNumberId}/messages`,
      JSON.stringify(codeFor(online)),
    )
    expect(answer.statusCode).toBe(200)
    expect(answer.headers.get('facebook-api-version')).toBe(version)
  })
})
