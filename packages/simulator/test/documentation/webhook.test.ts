import { createHmac, timingSafeEqual } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { account, bearer, call, start, type Json } from './provider.ts'

const verifyToken = 'a token of our own'
const headers = { ...bearer(account.accessToken), 'Content-Type': 'application/json' }

type Post = { raw: Buffer; json: Json; signature: string }
type Visit = { method: string; query: URLSearchParams }

/** An endpoint as the documentation asks for it: it answers the challenge and takes what is signed over the raw bytes. */
async function endpoint({ refusals = 0, echo = true } = {}) {
  const posts: Post[] = []
  const visits: Visit[] = []
  let refused = 0
  const server = http.createServer((request, response) => {
    const { searchParams: query } = new URL(request.url ?? '', 'http://we')
    visits.push({ method: request.method ?? '', query })
    if (request.method === 'GET') {
      const isMeta = query.get('hub.mode') === 'subscribe' && query.get('hub.verify_token') === verifyToken
      return response.writeHead(isMeta ? 200 : 403).end(isMeta && echo ? query.get('hub.challenge') : 'no')
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const raw = Buffer.concat(chunks)
      const signature = String(request.headers['x-hub-signature-256'])
      const isOurs = isSigned(raw, signature)
      if (isOurs) posts.push({ raw, signature, json: JSON.parse(raw.toString('utf8')) as Json })
      const isRefused = refused < refusals
      if (isRefused) refused += 1
      response.writeHead(isOurs ? (isRefused ? 503 : 200) : 401).end()
    })
    return undefined
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, posts, visits }
}

function isSigned(raw: Buffer, signature: string): boolean {
  const expected = Buffer.from(`sha256=${createHmac('sha256', account.appSecret).update(raw).digest('hex')}`)
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

async function eventually(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it never held')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function open(options: Parameters<typeof start>[0] = {}) {
  const templates = [{ name: 'verification_code', language: 'en_US' }]
  const simulator = await start({ templates, adminPort: 0, ...options })
  const base = `${simulator.graphUrl}/v26.0`
  const send = async (to: string, body = codeFor(to)) => {
    const { json } = await call('POST', `${base}/${account.phoneNumberId}/messages`, headers, body)
    return json.messages?.[0]?.id ?? ''
  }
  return { simulator, base, send }
}

const codeFor = (to: string) => `{"messaging_product":"whatsapp","recipient_type":"individual","to":"${to}",
 "type":"template","biz_opaque_callback_data":"<our message id>",
 "template":{"name":"verification_code","language":{"code":"en_US"},
  "components":[
   {"type":"body","parameters":[{"type":"text","text":"483920"}]},
   {"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"483920"}]}]}}`

const list = (value: unknown) => (value ?? []) as Json[]
const valuesOf = (posts: readonly Post[]) =>
  posts
    .flatMap(({ json }) => list(json.entry))
    .flatMap(({ changes }) => list(changes))
    .map(({ value }) => value as Json)
const statusesOf = (posts: readonly Post[]) => valuesOf(posts).flatMap(({ statuses }) => list(statuses))

const none = { min: 0, max: 0 }
const aMinute = { min: 60_000, max: 60_000 }
const online = '+12015553931'
const withoutWhatsApp = '+12015550026'

describe('verification', () => {
  test('asks with a challenge and posts once it came back raw', async () => {
    const { url, posts, visits } = await endpoint()
    const { send } = await open({ webhookUrl: url, webhookVerifyToken: verifyToken })
    await send(online)
    await eventually(() => posts.length > 0)
    const [first] = visits
    expect(first?.method).toBe('GET')
    expect([...(first?.query.keys() ?? [])].toSorted()).toEqual([
      'hub.challenge',
      'hub.mode',
      'hub.verify_token',
    ])
    expect(first?.query.get('hub.mode')).toBe('subscribe')
    expect(first?.query.get('hub.challenge')).toMatch(/^\d+$/)
  })

  test.each([
    ['the token is another', 'a token of another', true],
    ['the challenge does not come back', verifyToken, false],
  ])('posts nothing while %s', async (_what, webhookVerifyToken, echo) => {
    const { url, posts, visits } = await endpoint({ echo })
    const { send } = await open({ webhookUrl: url, webhookVerifyToken })
    await send(online)
    await eventually(() => visits.length > 1)
    expect(posts).toEqual([])
    expect(visits.every(({ method }) => method === 'GET')).toBe(true)
  })
})

describe('delivery', () => {
  test('is signed over the raw bytes, which escape what is not ASCII, and slashes', async () => {
    const { url, posts } = await endpoint()
    const { send } = await open({ webhookUrl: url })
    for (let nth = 10; nth < 30; nth += 1) await send(`+120155512${nth}`)
    await send(withoutWhatsApp)
    await eventually(() => statusesOf(posts).length === 61)
    const bytes = Buffer.concat(posts.map(({ raw }) => raw)).toString('latin1')
    expect(bytes).toMatch(/^[\x20-\x7e]*$/)
    expect(bytes).toMatch(/\\u00[0-9a-f]{2}/)
    expect(bytes).toContain('"href":"\\/documentation')
    const again = posts.filter(({ json, signature }) =>
      isSigned(Buffer.from(JSON.stringify(json)), signature),
    )
    expect(again.length).toBeLessThan(posts.length)
  })

  test('that is not answered 200 comes again', async () => {
    const { url, posts } = await endpoint({ refusals: 2 })
    const { send } = await open({ webhookUrl: url })
    const id = await send(withoutWhatsApp)
    await eventually(() => posts.length === 3)
    expect(statusesOf(posts).map((status) => String(status.id))).toEqual([id, id, id])
  })

  test('brings up to 1000 updates in one POST', async () => {
    const { url, posts } = await endpoint()
    const { simulator, send } = await open({
      webhookUrl: url,
      webhookBatchSize: 1000,
      clock: { speed: 0 },
      timing: { answer: none, sent: aMinute, delivered: aMinute, read: aMinute },
    })
    for (let nth = 10; nth < 40; nth += 1) await send(`+120155512${nth}`)
    simulator.clock.advance(70_000)
    await eventually(() => statusesOf(posts).length === 90)
    expect(posts.length).toBeLessThan(10)
  })

  test('begins once the app is subscribed and ends when it no longer is', async () => {
    const { url, posts } = await endpoint()
    const { simulator, base, send } = await open({ webhookUrl: url })
    const edge = `${base}/${account.businessId}/subscribed_apps`
    const ended = await call('DELETE', edge, headers)
    expect([ended.statusCode, ended.text]).toEqual([200, '{"success":true}'])
    await send(online)
    await eventually(() => simulator.messages()[0]?.statuses.length === 3)
    const begun = await call('POST', edge, headers)
    expect([begun.statusCode, begun.text]).toEqual([200, '{"success":true}'])
    const id = await send(withoutWhatsApp)
    await eventually(() => posts.length > 0)
    expect(new Set(statusesOf(posts).map((status) => String(status.id)))).toEqual(new Set([id]))
  })

  test('may go to a callback URL of its own, which is verified first', async () => {
    const { url, posts, visits } = await endpoint()
    const { base, send } = await open()
    const edge = `${base}/${account.businessId}/subscribed_apps`
    await call('POST', edge, headers)
    const body = JSON.stringify({ override_callback_uri: url, verify_token: verifyToken })
    const { statusCode } = await call('POST', edge, headers, body)
    expect([statusCode, visits[0]?.method]).toEqual([200, 'GET'])
    await send(online)
    await eventually(() => posts.length > 0)
    const wrong = JSON.stringify({ override_callback_uri: url, verify_token: 'another' })
    expect((await call('POST', edge, headers, wrong)).statusCode).toBe(400)
  })
})

describe('a status', () => {
  test('has the documented envelope and fields', async () => {
    const { url, posts } = await endpoint()
    const { send } = await open({ webhookUrl: url })
    const id = await send(online)
    await eventually(() => statusesOf(posts).length === 3)
    const delivered = posts.find((post) => statusesOf([post])[0]?.status === 'delivered')
    const userId = expect.stringMatching(/^US\.\d+$/) as string
    expect(delivered?.json).toEqual({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: account.businessId,
          changes: [
            {
              field: 'messages',
              value: {
                messaging_product: 'whatsapp',
                metadata: { display_phone_number: '15550783881', phone_number_id: account.phoneNumberId },
                contacts: [
                  { profile: { name: expect.any(String) as string }, wa_id: '12015553931', user_id: userId },
                ],
                statuses: [
                  {
                    id,
                    status: 'delivered',
                    timestamp: expect.stringMatching(/^\d{10}$/) as string,
                    recipient_id: '12015553931',
                    recipient_user_id: userId,
                    biz_opaque_callback_data: '<our message id>',
                    pricing: {
                      billable: true,
                      pricing_model: 'PMP',
                      type: 'regular',
                      category: 'authentication',
                    },
                  },
                ],
              },
            },
          ],
        },
      ],
    })
  })

  test('comes for sent, delivered and read, with a price on sent and on one of the others', async () => {
    const { url, posts } = await endpoint()
    const { send } = await open({ webhookUrl: url })
    await send(online)
    await eventually(() => statusesOf(posts).length === 3)
    const priced = statusesOf(posts).filter((status) => 'pricing' in status)
    const names = statusesOf(posts).map(({ status }) => String(status))
    expect(names.toSorted()).toEqual(['delivered', 'read', 'sent'])
    expect(priced.map(({ status }) => String(status)).toSorted()).toEqual(['delivered', 'sent'])
    for (const value of valuesOf(posts)) expect(JSON.stringify(value)).not.toContain('conversation')
  })

  test('failed has its error, without people and price', async () => {
    const { url, posts } = await endpoint()
    const { send } = await open({ webhookUrl: url })
    const id = await send(withoutWhatsApp)
    await eventually(() => posts.length > 0)
    const [value] = valuesOf(posts)
    expect(value).not.toHaveProperty('contacts')
    expect(value?.statuses?.[0]).toMatchObject({
      id,
      status: 'failed',
      recipient_id: '12015550026',
      errors: [
        {
          code: 131026,
          title: 'Message Undeliverable',
          message: 'Message Undeliverable',
          error_data: { details: 'Message Undeliverable.' },
          href: '/documentation/business-messaging/whatsapp/support/error-codes',
        },
      ],
    })
    expect(value?.statuses?.[0]).not.toHaveProperty('pricing')
    expect(value?.statuses?.[0]).not.toHaveProperty('recipient_user_id')
  })

  test('of version 23 has a conversation, and neither people nor user ids', async () => {
    const { url, posts } = await endpoint()
    const { send } = await open({ webhookUrl: url, webhookVersion: 'v23.0' })
    await send(online)
    await eventually(() => statusesOf(posts).length === 3)
    for (const value of valuesOf(posts)) {
      expect(value).not.toHaveProperty('contacts')
      expect(value.statuses?.[0]).not.toHaveProperty('recipient_user_id')
    }
    const sent = statusesOf(posts).find(({ status }) => String(status) === 'sent')
    expect(sent?.conversation).toMatchObject({ id: expect.any(String) as string })
  })
})

describe('what people write', () => {
  test('arrives as a message', async () => {
    const { url, posts } = await endpoint()
    const { simulator } = await open({ webhookUrl: url })
    const written = JSON.stringify({ number: online, text: 'Is it coming?' })
    await call('POST', `${simulator.adminUrl}/inbound`, { 'Content-Type': 'application/json' }, written)
    await eventually(() => posts.length > 0)
    expect(valuesOf(posts)[0]).toEqual({
      messaging_product: 'whatsapp',
      metadata: { display_phone_number: '15550783881', phone_number_id: account.phoneNumberId },
      contacts: [
        {
          profile: { name: expect.any(String) as string },
          wa_id: '12015553931',
          user_id: expect.stringMatching(/^US\.\d+$/) as string,
        },
      ],
      messages: [
        {
          from: '12015553931',
          from_user_id: expect.stringMatching(/^US\.\d+$/) as string,
          id: expect.stringMatching(/^wamid\./) as string,
          timestamp: expect.stringMatching(/^\d{10}$/) as string,
          type: 'text',
          text: { body: 'Is it coming?' },
        },
      ],
    })
  })

  test('arrives as a tap when a person did not ask for the code', async () => {
    const { url, posts } = await endpoint()
    const { simulator, send } = await open({ webhookUrl: url })
    const id = await send(online)
    await eventually(() => statusesOf(posts).length === 3)
    const tapped = JSON.stringify({ didNotRequestCode: id })
    await call('POST', `${simulator.adminUrl}/inbound`, { 'Content-Type': 'application/json' }, tapped)
    await eventually(() => posts.length === 4)
    const message = valuesOf(posts).find(({ messages }) => messages !== undefined)?.messages?.[0]
    expect(message).toMatchObject({ type: 'button', context: { id } })
    expect(message?.button).toMatchObject({ payload: 'DID_NOT_REQUEST_CODE' })
  })
})
