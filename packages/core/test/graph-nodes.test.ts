/** What operators ask Meta about number, account and templates: what is asked, and how the answers are read. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { createGraphClient, Secret } from '@relais/core'
import { describe, expect, it, onTestFinished } from 'vitest'

const bearer = { accessToken: new Secret('EAAtoken'), appSecret: new Secret('appsecret') }

/** A Meta that gives this answer, and what it was asked. */
async function metaAnswering(body: unknown, statusCode = 200) {
  const asked: URL[] = []
  const server = http.createServer((request, response) => {
    asked.push(new URL(request.url ?? '', 'http://meta'))
    response.writeHead(statusCode).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = createGraphClient({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    apiVersion: 'v26.0',
    timeoutMs: 5000,
    maxSockets: 2,
  })
  onTestFinished(() => {
    client.close()
    server.closeAllConnections()
    server.close()
  })
  return { client, asked }
}

describe('templates', () => {
  it('are read with what they have, and a time to live only where it was said', async () => {
    const common = { name: 'otp_login', status: 'APPROVED', category: 'AUTHENTICATION' }
    const { client, asked } = await metaAnswering({
      data: [
        { ...common, language: 'fr', message_send_ttl_seconds: 300 },
        { ...common, language: 'en', message_send_ttl_seconds: null },
        { ...common, language: 'wo' },
        { id: '1' },
      ],
    })
    const found = await client.templates('102', bearer, 'otp_login', ['message_send_ttl_seconds'])
    expect(found).toEqual({
      kind: 'templates',
      templates: [
        { ...common, language: 'fr', ttlSeconds: 300 },
        { ...common, language: 'en', ttlSeconds: null },
        { ...common, language: 'wo' },
      ],
    })
    expect(asked[0]?.pathname).toBe('/v26.0/102/message_templates')
    expect(asked[0]?.searchParams.get('name')).toBe('otp_login')
    expect(asked[0]?.searchParams.get('fields')).toBe(
      'name,language,status,category,message_send_ttl_seconds',
    )
  })

  it('that are no list are no answer', async () => {
    const { client } = await metaAnswering({ data: 'none' })
    expect(await client.templates('102', bearer, 'otp_login')).toMatchObject({ kind: 'unreachable' })
  })
})

it('subscribed apps are told by their ids, numbers or texts', async () => {
  const app = (id: unknown) => ({ whatsapp_business_api_data: { id, name: 'x' } })
  const { client } = await metaAnswering({ data: [app('138'), app(139), {}] })
  expect(await client.subscribedApps('102', bearer)).toEqual({
    kind: 'subscribed-apps',
    appIds: ['138', '139'],
  })
})

it('health is the verdict with the reasons of all entities', async () => {
  const errors = [{ error_code: 141006, error_description: 'Payment.', possible_solution: 'Pay.' }]
  const entities = [
    { entity_type: 'WABA', can_send_message: 'BLOCKED', errors },
    { entity_type: 'BUSINESS', can_send_message: 'LIMITED', additional_info: ['Not verified.'] },
    { entity_type: 'APP', can_send_message: 'AVAILABLE' },
  ]
  const { client } = await metaAnswering({ health_status: { can_send_message: 'BLOCKED', entities } })
  expect(await client.health('106', bearer)).toEqual({
    kind: 'health',
    canSendMessage: 'BLOCKED',
    reasons: ['WABA: Payment. Pay.', 'BUSINESS: Not verified.'],
  })
})

it('a phone number is asked for more only when more is wanted', async () => {
  const { client, asked } = await metaAnswering({ status: 'CONNECTED', throughput: { level: 'STANDARD' } })
  expect(await client.phoneNumber('106', bearer, ['status', 'throughput'])).toEqual({
    kind: 'phone-number',
    status: 'CONNECTED',
    throughputLevel: 'STANDARD',
  })
  await client.phoneNumber('106', bearer)
  const fields = asked.map((url) => url.searchParams.get('fields'))
  expect(fields).toEqual([
    'display_phone_number,verified_name,quality_rating,status,throughput',
    'display_phone_number,verified_name,quality_rating',
  ])
})

it('an app is confirmed without its token coming out, and refused in words without its secret', async () => {
  const app = { appId: '138', appSecret: new Secret('appsecret') }
  const { client } = await metaAnswering({ access_token: '138|opaque', token_type: 'bearer' })
  expect(await client.confirmApp(app)).toEqual({ kind: 'app' })
  const refusing = await metaAnswering({ error: { message: 'Bad secret appsecret.', code: 1 } }, 400)
  expect(await refusing.client.confirmApp(app)).toMatchObject({
    kind: 'refused',
    error: { message: 'Bad secret [secret].', graphCode: 1 },
  })
})
