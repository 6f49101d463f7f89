import { createHmac } from 'node:crypto'
import { eventually } from '@relais/testing'
import { describe, expect, it } from 'vitest'
import { apiFixture, APP_KEY, APP_SECRET, OPS_KEY, VERIFY_TOKEN } from './api-fixture.ts'

const { inject } = apiFixture()

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
const basic = (name: string, key: string) => ({
  authorization: `Basic ${Buffer.from(`${name}:${key}`).toString('base64')}`,
})

describe('who may call what', () => {
  const appRoutes = [
    ['POST', '/api/messages'],
    ['POST', '/api/messages/batch'],
    ['GET', '/api/messages/msg_1'],
    ['DELETE', '/api/messages/msg_1'],
    ['POST', '/api/messages/msg_1/used'],
  ] as const
  const operatorRoutes = [
    ['GET', '/api/wallet/whatsapp-status'],
    ['POST', '/api/wallet/refresh-whatsapp-token'],
    ['POST', '/api/wallet/update-whatsapp-token'],
  ] as const

  it.each(appRoutes)('%s %s is for apps', async (method, url) => {
    expect((await inject({ method, url })).statusCode).toBe(401)
    const asOperator = await inject({ method, url, headers: bearer(OPS_KEY) })
    expect(asOperator.json()).toMatchObject({ status: 403, code: 'forbidden' })
  })

  it.each(operatorRoutes)('%s %s is for operators', async (method, url) => {
    const without = await inject({ method, url })
    expect(without.statusCode).toBe(401)
    expect(without.headers['www-authenticate']).toBe('Bearer')
    expect((await inject({ method, url, headers: bearer(APP_KEY) })).statusCode).toBe(403)
  })

  it.each([
    '/admin/queues',
    '/admin/queues/api/queues',
    '/admin/queues/queue/messages',
    '/admin/queues/static/x.js',
  ])('%s asks for operator name and key', async (url) => {
    for (const headers of [{}, basic('awa', APP_KEY), basic('moussa', OPS_KEY), bearer(OPS_KEY)]) {
      const answer = await inject({ url, headers })
      expect(answer.statusCode).toBe(401)
      expect(answer.headers['www-authenticate']).toMatch(/^Basic /)
    }
  })

  it('the board shows the queues to an operator, and changes nothing', async () => {
    const headers = basic('awa', OPS_KEY)
    const page = await inject({ url: '/admin/queues', headers })
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-type']).toContain('text/html')
    const queues = await inject({ url: '/admin/queues/api/queues', headers })
    const names = queues.json<{ queues: { name: string; readOnlyMode: boolean }[] }>().queues
    expect(names.map(({ name }) => name)).toEqual([
      'messages',
      'fallback',
      'receipts',
      'access-token',
      'callbacks',
    ])
    expect(names.every(({ readOnlyMode }) => readOnlyMode)).toBe(true)
    const pause = await inject({ method: 'PUT', url: '/admin/queues/api/queues/messages/pause', headers })
    expect(pause.statusCode).toBe(405)
  })
})

describe('for machines', () => {
  it('livez and readyz need no key', async () => {
    expect((await inject('/livez')).json()).toEqual({ status: 'ok' })
    expect((await inject('/readyz')).json()).toEqual({ status: 'ok' })
  })

  it('the OpenAPI document is at /openapi.json, and a page shows it', async () => {
    const document = (await inject('/openapi.json')).json<{ openapi: string }>()
    expect(document.openapi).toBe('3.1.0')
    const page = await inject('/docs')
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-type']).toContain('text/html')
  })

  it('what is not there is a problem too', async () => {
    for (const [method, url] of [
      ['GET', '/'],
      ['PUT', '/api/messages'],
      ['GET', '/api/nothing'],
    ] as const) {
      expect((await inject({ method, url })).json()).toMatchObject({ status: 404, code: 'not_found' })
    }
    expect((await inject('/api/messages/%zz')).json()).toMatchObject({ status: 400, code: 'bad_request' })
  })
})

describe('the webhook', () => {
  const url = '/api/webhooks/whatsapp'
  const verify = (query: string) => `${url}?${query}`
  const sign = (body: string, secret = APP_SECRET) =>
    `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

  it('gives Meta its challenge back as it came, for the verify token only', async () => {
    const good = await inject(
      verify(`hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=${VERIFY_TOKEN}`),
    )
    expect(good.statusCode).toBe(200)
    expect(good.body).toBe('1158201444')
    expect(good.headers['content-type']).toBe('text/plain; charset=utf-8')
    for (const query of [
      'hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong',
      `hub.mode=other&hub.challenge=1&hub.verify_token=${VERIFY_TOKEN}`,
      `hub.mode=subscribe&hub.verify_token=${VERIFY_TOKEN}`,
      '',
    ]) {
      expect((await inject(verify(query))).statusCode).toBe(403)
    }
  })

  it('takes what is signed over its bytes, and nothing else', async () => {
    const body = '{"object":"whatsapp_business_account","entry":[{"x":"\\u00e4\\/"}]}'
    const post = (headers: Record<string, string>, payload = body) =>
      inject({
        method: 'POST',
        url,
        headers: { 'content-type': 'application/json', ...headers },
        payload,
      })
    expect((await post({ 'x-hub-signature-256': sign(body) })).statusCode).toBe(200)
    expect((await post({})).statusCode).toBe(401)
    expect((await post({ 'x-hub-signature-256': sign(body, 'another secret') })).statusCode).toBe(401)
    expect((await post({ 'x-hub-signature-256': sign(body) }, `${body} `)).statusCode).toBe(401)
    expect((await post({ 'x-hub-signature-256': sign('{') }, '{')).json()).toMatchObject({
      code: 'malformed_json',
    })
  })

  const postSigned = (body: string) =>
    inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', 'x-hub-signature-256': sign(body) },
      payload: body,
    })
  const withUpdates = (length: number, padding: number) => {
    const status = { status: 'sent', timestamp: '1750030073', padding: 'x'.repeat(padding) }
    const statuses = Array.from({ length }, (_, i) => ({ id: `wamid.${i}`, ...status }))
    return JSON.stringify({ entry: [{ changes: [{ field: 'messages', value: { statuses } }] }] })
  }

  it('takes 1000 updates in up to 3 MB, and no more of either', async () => {
    const body = withUpdates(1000, 2800)
    expect(body.length).toBeGreaterThan(2_800_000)
    expect((await postSigned(body)).statusCode).toBe(200)
    for (const tooMuch of [withUpdates(1001, 1), withUpdates(1000, 3100)]) {
      expect((await postSigned(tooMuch)).json()).toMatchObject({ status: 413, code: 'payload_too_large' })
    }
  })

  it('reads what is signed as strictly as anything else', async () => {
    for (const body of ['{"entry":[],"entry":[]}', '['.repeat(100_000), '{"__proto__":1}', '']) {
      expect((await postSigned(body)).json()).toMatchObject({ status: 400, code: 'malformed_json' })
    }
  })
})

describe('the webhook without an app secret', () => {
  const withoutSecret = apiFixture({ WHATSAPP_APP_SECRET: '' })

  it('takes nothing: nothing can be signed', async () => {
    const payload = '{}'
    const signature = createHmac('sha256', '').update(payload).digest('hex')
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` }
    const url = '/api/webhooks/whatsapp'
    // A Redis that is slow to answer is told as a 503, and asked again.
    const { statusCode } = await eventually(
      () => withoutSecret.inject({ method: 'POST', url, headers, payload }),
      (answer) => answer.statusCode !== 503,
      { what: 'an answer to a webhook' },
    )
    expect(statusCode).toBe(401)
  })
})
