import { expect, test } from 'vitest'
import { codeFor, createReceiver, eventually, identity, online, setup } from './setup.ts'

const sentOnly = '+5351234567'
const subscribedApps = `/v26.0/${identity.businessId}/subscribed_apps`
const app = {
  whatsapp_business_api_data: {
    id: identity.appId,
    name: expect.any(String) as string,
    link: expect.stringContaining(identity.appId) as string,
  },
}

/** Knows its verify token, as an endpoint of a client does. */
function createOwner(verifyToken: string) {
  return createReceiver(
    () => 200,
    (query) => (query.get('hub.verify_token') === verifyToken ? (query.get('hub.challenge') ?? '') : ''),
  )
}

test('with a verify token the URL is asked before the first POST', async () => {
  const receiver = await createOwner('s3cret')
  const { send } = await setup({ webhookUrl: `${receiver.url}?tenant=a`, webhookVerifyToken: 's3cret' })
  await send(codeFor(sentOnly))
  await eventually(receiver.statuses, ({ length }) => length === 1)
  const [get, post] = receiver.requests
  expect([get?.method, post?.method]).toEqual(['GET', 'POST'])
  expect(Object.fromEntries(get?.url.searchParams ?? [])).toEqual({
    tenant: 'a',
    'hub.mode': 'subscribe',
    'hub.challenge': expect.stringMatching(/^\d{10}$/),
    'hub.verify_token': 's3cret',
  })
})

test('a URL that does not pass gets nothing, is asked again, and gets what waited once it does', async () => {
  let knows = false
  const receiver = await createReceiver(
    () => 200,
    (query) => (knows ? (query.get('hub.challenge') ?? '') : ''),
  )
  const { simulator, send } = await setup({ webhookUrl: receiver.url, webhookVerifyToken: 's3cret' })
  await send(codeFor(sentOnly))
  const { verification } = await eventually(
    () => simulator.state().webhook,
    ({ verification: { state } }) => state === 'failed',
  )
  expect(verification).toEqual({
    state: 'failed',
    problem: 'HTTP Status Code = 403; HTTP Message = Forbidden',
    nextTryAt: expect.any(Number),
  })
  expect(JSON.stringify(simulator.state())).not.toContain('s3cret')
  expect(receiver.posts()).toBe(0)
  knows = true
  await eventually(receiver.statuses, ({ length }) => length === 1)
  expect(simulator.state().webhook.verification).toEqual({ state: 'passed' })
})

test('the challenge in quotes, as JSON, does not pass', async () => {
  const receiver = await createReceiver(
    () => 200,
    (query) => JSON.stringify(query.get('hub.challenge')),
  )
  const { simulator } = await setup({ webhookUrl: receiver.url, webhookVerifyToken: 's3cret' })
  const { verification } = await eventually(
    () => simulator.state().webhook,
    ({ verification: { state } }) => state === 'failed',
  )
  expect(verification).toMatchObject({ problem: 'Response does not match challenge' })
})

test('without a verify token nobody asks', async () => {
  const receiver = await createReceiver()
  const { simulator, send } = await setup({ webhookUrl: receiver.url })
  await send(codeFor(sentOnly))
  await eventually(receiver.posts, (posts) => posts === 1)
  expect(receiver.requests.map(({ method }) => method)).toEqual(['POST'])
  expect(simulator.state().webhook.verification).toEqual({ state: 'not required' })
})

test('another URL must pass anew, with its own verify token', async () => {
  const [first, second] = [await createOwner('one'), await createOwner('two')]
  const { simulator, send } = await setup({ webhookUrl: first.url, webhookVerifyToken: 'one' })
  await eventually(
    () => simulator.state().webhook.verification.state,
    (state) => state === 'passed',
  )
  simulator.webhooks.setUrl(second.url, 'two')
  await send(codeFor(sentOnly))
  await eventually(second.statuses, ({ length }) => length === 1)
  expect([first.posts(), second.requests[0]?.method]).toEqual([0, 'GET'])
})

test('an app that unsubscribes gets no webhooks until it subscribes again', async () => {
  const receiver = await createReceiver()
  const { simulator, send, get, post, remove } = await setup({ webhookUrl: receiver.url })
  expect((await get(subscribedApps)).body).toEqual({ data: [app] })
  expect((await remove(subscribedApps)).body).toEqual({ success: true })
  expect((await get(subscribedApps)).body).toEqual({ data: [] })
  await send(codeFor(sentOnly))
  await eventually(
    () => simulator.messages()[0]?.statuses.length,
    (count) => count === 1,
  )
  expect((await post(subscribedApps, '')).body).toEqual({ success: true })
  const { body } = await send(codeFor(sentOnly))
  await eventually(receiver.statuses, ({ length }) => length === 1)
  expect(receiver.webhooks[0]?.status.id).toBe(body.messages[0].id)
})

test('a simulator without a webhook starts unsubscribed; a URL subscribes it', async () => {
  const receiver = await createReceiver()
  const { simulator, get } = await setup()
  expect((await get(subscribedApps)).body).toEqual({ data: [] })
  simulator.webhooks.setUrl(receiver.url)
  expect((await get(subscribedApps)).body).toEqual({ data: [app] })
})

test('a subscription can bring a URL of its own, which must answer the challenge first', async () => {
  const [receiver, own] = [await createReceiver(), await createOwner('own-token')]
  const { send, get, post } = await setup({ webhookUrl: receiver.url })
  const override = { override_callback_uri: own.url, verify_token: 'own-token' }
  expect((await post(subscribedApps, JSON.stringify(override))).body).toEqual({ success: true })
  expect((await get(subscribedApps)).body).toEqual({
    data: [{ ...app, override_callback_uri: own.url }],
  })
  await send(codeFor(sentOnly))
  await eventually(own.statuses, ({ length }) => length === 1)
  expect(receiver.posts()).toBe(0)
})

test('a URL of its own that does not answer is refused, and nothing changes', async () => {
  const [receiver, own] = [await createReceiver(), await createOwner('own-token')]
  const { send, post } = await setup({ webhookUrl: receiver.url })
  const override = { override_callback_uri: own.url, verify_token: 'another' }
  const { statusCode, body } = await post(subscribedApps, JSON.stringify(override))
  expect([statusCode, body.error.code, body.error.message]).toEqual([
    400,
    2200,
    '(#2200) Callback verification failed with the following errors: HTTP Status Code = 403; HTTP Message = Forbidden',
  ])
  await send(codeFor(online))
  await eventually(receiver.statuses, ({ length }) => length === 3)
})

test('an app that is not subscribed cannot bring a URL of its own: it is not even asked', async () => {
  const own = await createOwner('own-token')
  const { get, post } = await setup()
  const override = JSON.stringify({ override_callback_uri: own.url, verify_token: 'own-token' })
  const { statusCode, body } = await post(subscribedApps, override)
  expect([statusCode, body.error.code]).toEqual([400, 100])
  expect(body.error.message).toMatch(/^\(#100\) Before override the current callback uri/)
  expect([own.requests, (await get(subscribedApps)).body]).toEqual([[], { data: [] }])
  await post(subscribedApps, '')
  expect((await post(subscribedApps, override)).statusCode).toBe(200)
})

test.each([
  [{ override_callback_uri: 'nowhere', verify_token: 'x' }],
  [{ override_callback_uri: 'http://127.0.0.1:9/' }],
])('a subscription with %j is a bad request', async (override) => {
  const { post } = await setup()
  expect((await post(subscribedApps, JSON.stringify(override))).body.error.code).toBe(100)
})

test('another business, and a token without the right, are refused', async () => {
  const { simulator, get, post, remove } = await setup()
  expect((await get('/v26.0/4711/subscribed_apps')).body.error.error_subcode).toBe(33)
  const token = simulator.issueToken({ scopes: ['whatsapp_business_messaging'] })
  expect((await get(subscribedApps, token)).body.error.code).toBe(10)
  for (const answer of [await post(subscribedApps, '', token), await remove(subscribedApps, token)])
    expect([answer.statusCode, answer.body.error.code]).toEqual([403, 200])
})
