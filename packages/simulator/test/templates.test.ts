import { describe, expect, test } from 'vitest'
import {
  body,
  button,
  codeFor,
  createReceiver,
  eventually,
  identity,
  online,
  setup,
  template,
  type Answer,
} from './setup.ts'

const path = `/v26.0/${identity.businessId}/message_templates`
const standing = { clock: { startAt: Date.parse('2026-11-22T18:00:00Z'), speed: 0 } }
const HOUR = 3_600_000

const otpButton = { type: 'OTP', otp_type: 'COPY_CODE', text: 'Copy code' }
const apps = [{ package_name: 'com.example.wallet', signature_hash: 'K8a/AINcGX7' }]
const code = (changes: object = {}, otp: object = otpButton) => ({
  name: 'verification_code',
  language: 'en_US',
  category: 'AUTHENTICATION',
  components: [
    { type: 'BODY', add_security_recommendation: true },
    { type: 'FOOTER', code_expiration_minutes: 5 },
    { type: 'BUTTONS', buttons: [otp] },
  ],
  ...changes,
})
const named = {
  name: 'order_update',
  language: 'fr',
  category: 'UTILITY',
  parameter_format: 'NAMED',
  components: [
    { type: 'HEADER', format: 'TEXT', text: 'Commande {{order}}', example: { header_text: ['7'] } },
    { type: 'BODY', text: 'Bonjour {{first_name}}, {{amount}}.', example: {} },
    { type: 'FOOTER', text: 'Relais' },
    {
      type: 'BUTTONS',
      buttons: [
        { type: 'QUICK_REPLY', text: 'Merci' },
        { type: 'URL', text: 'Suivre', url: 'https://example.com/{{1}}', example: ['https://example.com/7'] },
      ],
    },
  ],
}

async function setupTemplates(options: Parameters<typeof setup>[0] = {}) {
  const bundle = await setup({ ...standing, ...options })
  const create = (definition: object) => bundle.post(path, JSON.stringify(definition))
  const read = async (id: string, fields: string) =>
    (await bundle.get(`/v26.0/${id}?fields=${fields}`)).body as unknown
  return { ...bundle, create, read }
}

const idOf = ({ body: created }: Answer) => (created as unknown as { id: string }).id

describe('a template that is created', () => {
  test('for codes is approved at once, stored with Meta’s words and a URL button, and can be sent', async () => {
    const { create, read, send } = await setupTemplates()
    const created = await create(code({ message_send_ttl_seconds: 300 }))
    expect(created.body).toEqual({ id: expect.any(String), status: 'APPROVED', category: 'AUTHENTICATION' })
    expect(await read(idOf(created), 'components,message_send_ttl_seconds')).toMatchObject({
      message_send_ttl_seconds: 300,
      components: [
        { type: 'BODY', text: expect.stringMatching(/^\*\{\{1\}\}\* is your verification code\./) },
        { type: 'FOOTER', code_expiration_minutes: 5 },
        { type: 'BUTTONS', buttons: [{ type: 'URL', text: 'Copy code' }] },
      ],
    })
    const message = { template: template('verification_code', 'en_US', [body('123456'), button('123456')]) }
    expect((await send(codeFor(online, '', message))).statusCode).toBe(200)
  })

  test.each([
    { otp_type: 'ONE_TAP', autofill_text: 'Autofill', supported_apps: apps },
    { otp_type: 'ZERO_TAP', supported_apps: apps, zero_tap_terms_accepted: true },
  ])('with %j is sent like any other', async (otp) => {
    const { create, send, simulator } = await setupTemplates()
    expect((await create(code({}, { ...otpButton, ...otp }))).statusCode).toBe(200)
    const message = { template: template('verification_code', 'en_US', [body('123456'), button('123456')]) }
    expect((await send(codeFor(online, '', message))).statusCode).toBe(200)
    expect(simulator.messages()[0]).toMatchObject({ code: '123456', copyLabel: 'Copy code' })
  })

  test('for anything else is pending until it was reviewed, and a webhook tells', async () => {
    const receiver = await createReceiver()
    const { create, read, simulator } = await setupTemplates({ webhookUrl: receiver.url })
    const created = await create(named)
    expect(created.body).toMatchObject({ status: 'PENDING' })
    simulator.clock.advance(60_000)
    expect(await read(idOf(created), 'status')).toMatchObject({ status: 'APPROVED' })
    const [change] = await eventually(receiver.changes, ({ length }) => length > 0)
    expect(change).toEqual({
      field: 'message_template_status_update',
      value: {
        event: 'APPROVED',
        message_template_id: Number(idOf(created)),
        message_template_name: 'order_update',
        message_template_language: 'fr',
        message_template_category: 'UTILITY',
        reason: 'NONE',
      },
    })
  })

  test.each(['af', 'en', 'en_US', 'fr', 'pt_BR', 'zh_CN', 'zh_HK', 'zu'])(
    'may be in %s',
    async (language) => {
      const { create } = await setupTemplates()
      expect((await create(code({ language }))).statusCode).toBe(200)
    },
  )

  test('with name and language of another one is refused', async () => {
    const { create } = await setupTemplates()
    await create(code())
    const { body: again } = await create(code())
    expect(again.error).toMatchObject({
      code: 100,
      error_subcode: 2388024,
      error_user_title: expect.any(String),
    })
    expect((await create(code({ language: 'en_GB' }))).statusCode).toBe(200)
  })

  test.each([
    code({ name: 'Verification' }),
    code({ name: 'x'.repeat(513) }),
    code({ language: 'en-US' }),
    code({ category: 'OTP' }),
    code({ colour: 'red' }),
    code({ components: undefined }),
    code({ message_send_ttl_seconds: 29 }),
    code({ message_send_ttl_seconds: 901 }),
    code({ message_send_ttl_seconds: 60.5 }),
    code({}, { ...otpButton, text: 'x'.repeat(26) }),
    code({}, { ...otpButton, otp_type: 'THREE_TAP' }),
    code({}, { ...otpButton, otp_type: 'ONE_TAP' }),
    code(
      {},
      {
        ...otpButton,
        otp_type: 'ONE_TAP',
        supported_apps: [...apps, ...apps, ...apps, ...apps, ...apps, ...apps],
      },
    ),
    code(
      {},
      { ...otpButton, otp_type: 'ONE_TAP', supported_apps: [{ ...apps[0], signature_hash: 'short' }] },
    ),
    code({}, { ...otpButton, otp_type: 'ZERO_TAP', supported_apps: apps }),
    code({}, { type: 'URL', text: 'x', url: 'https://example.com' }),
    code({
      components: [
        { type: 'BODY', text: 'Your code is {{1}}' },
        { type: 'BUTTONS', buttons: [otpButton] },
      ],
    }),
    code({
      components: [
        { type: 'BODY' },
        { type: 'FOOTER', code_expiration_minutes: 91 },
        { type: 'BUTTONS', buttons: [otpButton] },
      ],
    }),
    { ...named, message_send_ttl_seconds: 43_201 },
    { ...named, category: 'MARKETING', message_send_ttl_seconds: 43_199 },
    { ...named, category: 'MARKETING', message_send_ttl_seconds: -1 },
    { ...named, components: [{ type: 'BODY', text: 'Bonjour {{1}}' }] },
    { ...named, components: [{ type: 'BODY', text: 'Bonjour {{2}}', example: {} }] },
    { ...named, components: [{ type: 'BODY', text: 'x'.repeat(1025) }] },
    {
      ...named,
      components: [
        { type: 'BODY', text: 'Code' },
        { type: 'BUTTONS', buttons: [otpButton] },
      ],
    },
  ])('malformed is refused with 100: %j', async (definition) => {
    const { create, simulator } = await setupTemplates()
    const answer = await create(definition)
    expect([answer.statusCode, answer.body.error.code]).toEqual([400, 100])
    expect(simulator.templates.all()).toHaveLength(1)
  })
})

test('templates for codes are put in many languages at once, new or not', async () => {
  const { post, create, simulator } = await setupTemplates()
  await create(code())
  const upsertPath = `/v26.0/${identity.businessId}/upsert_message_templates`
  const { language: _, ...rest } = code({ message_send_ttl_seconds: 60 })
  const answer = await post(upsertPath, JSON.stringify({ ...rest, languages: ['en_US', 'fr', 'es_MX'] }))
  expect(answer.body.data).toMatchObject([
    { id: expect.any(String), status: 'APPROVED', language: 'en_US' },
    { language: 'fr' },
    { language: 'es_MX' },
  ])
  const stored = simulator.templates.all().filter(({ name }) => name === 'verification_code')
  expect(stored.map(({ messageSendTtlSeconds }) => messageSendTtlSeconds)).toEqual([60, 60, 60])
})

describe('the list', () => {
  test('comes in pages that lead to one another', async () => {
    const { create, get } = await setupTemplates()
    for (const language of ['fr', 'es', 'de', 'it']) await create(code({ language }))
    type Page = {
      data: { language: string }[]
      paging: { next?: string; previous?: string; cursors: object }
    }
    const seen: string[] = []
    let next: string | undefined = `${path}?fields=language&limit=2&name=verification_code`
    while (next !== undefined) {
      const page = (await get(next)).body as unknown as Page
      seen.push(...page.data.map(({ language }) => language))
      const url: string | undefined = page.paging.next
      next = url === undefined ? undefined : new URL(url).pathname + new URL(url).search
    }
    expect(seen).toEqual(['fr', 'es', 'de', 'it'])
    expect((await get(`${path}?after=nonsense`)).body.error.code).toBe(100)
    expect((await get(`${path}?limit=0`)).body.error.code).toBe(100)
  })

  test('is filtered by name, status, language and category; no result has no cursors', async () => {
    const { create, get } = await setupTemplates()
    await create(named)
    expect((await get(`${path}?status=PENDING&fields=name`)).body.data).toMatchObject([
      { name: 'order_update' },
    ])
    expect((await get(`${path}?category=AUTHENTICATION&fields=name`)).body.data).toMatchObject([
      { name: 'otp_login' },
    ])
    expect((await get(`${path}?language=de`)).body).toEqual({ data: [] })
  })
})

describe('an edit', () => {
  test('changes the time to live at once', async () => {
    const { create, post, read } = await setupTemplates()
    const id = idOf(await create(code()))
    expect(await read(id, 'message_send_ttl_seconds')).toEqual({ message_send_ttl_seconds: null, id })
    expect((await post(`/v26.0/${id}`, '{"message_send_ttl_seconds":30}')).body).toEqual({ success: true })
    expect(await read(id, 'message_send_ttl_seconds')).toEqual({ message_send_ttl_seconds: 30, id })
    expect((await post(`/v26.0/${id}`, '{"message_send_ttl_seconds":20}')).body.error.code).toBe(100)
    expect((await post(`/v26.0/${id}`, '{"name":"other"}')).body.error.code).toBe(100)
  })

  test('of the components is reviewed again', async () => {
    const { create, post, read, simulator } = await setupTemplates()
    const id = idOf(await create(named))
    simulator.clock.advance(60_000)
    const components = [{ type: 'BODY', text: 'Bonjour' }]
    await post(`/v26.0/${id}`, JSON.stringify({ components }))
    expect(await read(id, 'status,components')).toEqual({ status: 'PENDING', components, id })
  })
})

test('deleting takes all languages of a name, or the one of an id', async () => {
  const { create, remove, simulator } = await setupTemplates()
  const id = idOf(await create(code()))
  await create(code({ language: 'fr' }))
  await create(code({ language: 'es' }))
  expect((await remove(`${path}?name=verification_code&hsm_id=${id}`)).body).toEqual({ success: true })
  expect(simulator.templates.all()).toHaveLength(3)
  await remove(`${path}?name=verification_code`)
  expect(simulator.templates.all().map(({ name }) => name)).toEqual(['otp_login'])
  expect((await remove(`${path}?name=verification_code`)).body.error.error_subcode).toBe(2593002)
  expect((await remove(path)).body.error.code).toBe(100)
})

describe('low quality', () => {
  const otp = codeFor(online)

  test('pauses a template for 3 hours, then for 6, then for good', async () => {
    const { send, simulator } = await setupTemplates()
    const id = simulator.templates.find('otp_login', 'fr')?.id ?? ''
    const pausedFor = async (ms: number) => {
      simulator.templates.update(id, { qualityScore: 'RED' })
      expect((await send(otp)).body.error.code).toBe(132015)
      simulator.clock.advance(ms - 1)
      expect((await send(otp)).body.error.code).toBe(132015)
      simulator.clock.advance(1)
      expect((await send(otp)).statusCode).toBe(200)
    }
    await pausedFor(3 * HOUR)
    await pausedFor(6 * HOUR)
    simulator.templates.update(id, { status: 'PAUSED' })
    expect((await send(otp)).body.error.code).toBe(132016)
  })

  test('is told by webhook: quality, pause, end of the pause', async () => {
    const receiver = await createReceiver()
    const { simulator, post } = await setupTemplates({ webhookUrl: receiver.url })
    const id = simulator.templates.find('otp_login', 'fr')?.id ?? ''
    simulator.templates.update(id, { qualityScore: 'RED' })
    expect((await post(`/v26.0/${id}/unpause`, '{}')).body).toEqual({ success: true })
    expect((await post(`/v26.0/${id}/unpause`, '{}')).body.error.code).toBe(100)
    const changes = await eventually(receiver.changes, ({ length }) => length === 3)
    const values = changes.map(({ value }) => value)
    expect(values).toContainEqual(expect.objectContaining({ new_quality_score: 'RED' }))
    expect(values).toContainEqual(
      expect.objectContaining({
        event: 'PAUSED',
        other_info: expect.objectContaining({ title: 'FIRST_PAUSE' }),
      }),
    )
    expect(values).toContainEqual(expect.objectContaining({ event: 'REINSTATED' }))
  })
})

test('another category clears the time to live, and a webhook tells', async () => {
  const receiver = await createReceiver()
  const { create, read, simulator } = await setupTemplates({ webhookUrl: receiver.url })
  const id = idOf(await create({ ...named, message_send_ttl_seconds: 60 }))
  simulator.templates.update(id, { category: 'MARKETING' })
  expect(await read(id, 'category,message_send_ttl_seconds')).toEqual({
    category: 'MARKETING',
    message_send_ttl_seconds: null,
    id,
  })
  const [change] = await eventually(receiver.changes, ({ length }) => length > 0)
  expect(change).toMatchObject({
    field: 'template_category_update',
    value: { previous_category: 'UTILITY', new_category: 'MARKETING', message_template_id: Number(id) },
  })
})

test('a rejected template says why and cannot be sent', async () => {
  const { read, send, simulator } = await setupTemplates()
  const id = simulator.templates.find('otp_login', 'fr')?.id ?? ''
  simulator.templates.update(id, { status: 'REJECTED', rejectedReason: 'INCORRECT_CATEGORY' })
  expect(await read(id, 'status,rejected_reason')).toMatchObject({ rejected_reason: 'INCORRECT_CATEGORY' })
  expect((await send(codeFor(online))).body.error.code).toBe(132001)
})

describe('an ordinary template', () => {
  const text = (value: string, name?: string) => ({
    type: 'text',
    text: value,
    ...(name === undefined ? {} : { parameter_name: name }),
  })
  const header = { type: 'header', parameters: [text('7', 'order')] }
  const given = { type: 'body', parameters: [text('12', 'amount'), text('Awa', 'first_name')] }
  const url = { type: 'button', sub_type: 'url', index: '1', parameters: [text('7')] }
  const thanks = {
    type: 'button',
    sub_type: 'quick_reply',
    index: 0,
    parameters: [{ type: 'payload', payload: 'X' }],
  }

  async function sending() {
    const bundle = await setupTemplates()
    await bundle.create(named)
    bundle.simulator.clock.advance(60_000)
    const sendParts = (...parts: object[]) =>
      bundle.send(codeFor(online, '', { template: template('order_update', 'fr', parts) }))
    return { ...bundle, sendParts }
  }

  test('is filled by name, whatever the order, with header, footer and buttons', async () => {
    const { sendParts, simulator } = await sending()
    expect((await sendParts(header, given, url, thanks)).statusCode).toBe(200)
    expect((await sendParts(header, given, url)).statusCode).toBe(200)
    expect(simulator.messages()[0]).toMatchObject({
      text: 'Commande 7\n\nBonjour Awa, 12.',
      footer: 'Relais',
    })
  })

  const bad: [string, object[], number][] = [
    ['a header too few', [given, url], 132000],
    ['a body too few', [header, url], 132000],
    ['a value without a name', [header, { type: 'body', parameters: [text('12'), text('Awa')] }, url], 100],
    [
      'a name that does not exist',
      [header, { type: 'body', parameters: [text('12', 'amount'), text('Awa', 'name')] }, url],
      132018,
    ],
    [
      'a picture as header',
      [{ type: 'header', parameters: [{ type: 'image', image: {} }] }, given, url],
      132012,
    ],
    ['no value for the URL', [header, given], 131008],
    ['another kind of button', [header, given, { ...url, sub_type: 'quick_reply' }], 131008],
    ['a button that does not exist', [header, given, url, { ...url, index: '2' }], 131009],
    ['a text for a quick reply', [header, given, url, { ...thanks, parameters: [text('X')] }], 132012],
    ['no sub_type', [header, given, { type: 'button', index: '1', parameters: [text('7')] }], 131008],
    ['an index that is no number', [header, given, { ...url, index: 'one' }], 131009],
    ['a new line', [{ type: 'header', parameters: [text('a\nb', 'order')] }, given, url], 132018],
    ['an unknown key', [header, given, { ...url, colour: 'red' }], 100],
    [
      'a text that gets too long',
      [
        header,
        { type: 'body', parameters: [text('x'.repeat(1020), 'amount'), text('Awa', 'first_name')] },
        url,
      ],
      132005,
    ],
  ]

  test.each(bad)('is refused with %s', async (_what, parts, graphCode) => {
    const { sendParts } = await sending()
    const answer = await sendParts(...parts)
    expect([answer.statusCode, answer.body.error.code]).toEqual([400, graphCode])
  })

  test('with numbered variables takes no names, and currencies and dates by their fallback', async () => {
    const numbered = { name: 'paid', language: 'fr', category: 'UTILITY', body: '{{1}} le {{2}}' } as const
    const { send, simulator } = await setupTemplates({ templates: [numbered] })
    const sendBody = (...parameters: object[]) =>
      send(codeFor(online, '', { template: template('paid', 'fr', [{ type: 'body', parameters }]) }))
    const price = { type: 'currency', currency: { fallback_value: '12 €', code: 'EUR', amount_1000: 12_000 } }
    const day = { type: 'date_time', date_time: { fallback_value: 'lundi' } }
    expect((await sendBody(price, day)).statusCode).toBe(200)
    expect(simulator.messages()[0]?.text).toBe('12 € le lundi')
    expect((await sendBody(text('a', 'b'), day)).body.error.code).toBe(100)
    expect((await sendBody({ type: 'payload', payload: 'x' }, day)).body.error.code).toBe(132012)
  })
})
