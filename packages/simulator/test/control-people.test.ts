import { expect, test } from 'vitest'
import type { SimulatorOptions } from '../src/index.ts'
import { codeFor, createReceiver, eventually, online, quick, setup } from './setup.ts'

/** Nothing happens before the clock is moved. */
const later = { ...quick, sent: { min: 1, max: 1 } }
const sentOnly = '+5351234567'

async function setupControl(options: Partial<SimulatorOptions> = {}) {
  const bundle = await setup({ adminPort: 0, clock: { startAt: 0, speed: 0 }, timing: later, ...options })
  const adminUrl = bundle.simulator.adminUrl ?? ''
  async function control(method: string, path: string, body?: unknown) {
    const init =
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const response = await fetch(adminUrl + path, { method, ...init })
    return { statusCode: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { ...bundle, control }
}

test('phones are set by number and by pattern, listed, and set free again', async () => {
  const { control, simulator } = await setupControl()
  await control('POST', '/recipients', { pattern: '+22177*', profile: 'two devices', offForSeconds: 60 })
  const { body } = await control('POST', '/recipients', { number: online, hasReceiptsOff: true })
  expect(body['recipients']).toEqual([
    { target: '+22177*', profile: 'two devices', switches: { offUntil: 60_000 } },
    { target: online, switches: { hasReceiptsOff: true } },
  ])
  expect(body['profiles']).toContain('billing broken')
  expect(simulator.recipients.switches(online)).toMatchObject({ isOff: true, hasReceiptsOff: true })
  expect((await control('DELETE', '/recipients')).body['recipients']).toEqual([])
})

test('a person writes, and presses the button under a code', async () => {
  const { control, send, simulator } = await setupControl()
  const written = await control('POST', '/inbound', { number: online, text: 'Bonjour' })
  expect([written.statusCode, written.body['id']]).toEqual([201, expect.stringMatching(/^wamid\./)])
  const { body } = await send(codeFor(online))
  const press = { didNotRequestCode: body.messages[0].id }
  const early = await control('POST', '/inbound', press)
  expect([early.statusCode, early.body['message']]).toEqual([409, 'not delivered'])
  simulator.clock.advance(1000)
  expect((await control('POST', '/inbound', press)).statusCode).toBe(201)
})

test('the clock jumps, and changes its pace', async () => {
  const { control } = await setupControl()
  expect((await control('POST', '/clock', { advanceSeconds: 90 })).body).toEqual({ now: 90_000, speed: 0 })
  expect((await control('POST', '/clock', { speed: 1 })).body['speed']).toBe(1)
  expect((await control('GET', '/clock')).body['now']).toBeGreaterThanOrEqual(90_000)
})

test('webhooks change their habits and tell how they fared', async () => {
  const receiver = await createReceiver((nth) => (nth === 0 ? 401 : 200))
  const { control, send, simulator } = await setupControl()
  const signatureFault = { kind: 'missing', times: 1 }
  await control('POST', '/webhook', { url: receiver.url, version: 'v23.0', signatureFault })
  await send(codeFor(sentOnly))
  simulator.clock.advance(1000)
  await eventually(
    () => simulator.state().webhook,
    ({ delivered }) => delivered === 1,
  )
  expect(receiver.requests.map(({ signature }) => signature)).toEqual([undefined, expect.any(String)])
  expect(receiver.webhooks[0]?.status).toHaveProperty('conversation')
  expect((await control('GET', '/webhook/deliveries')).body['deliveries']).toMatchObject([
    { summary: 'sent', outcome: 200, tries: 2 },
  ])
  expect((await control('GET', '/webhook')).body).toMatchObject({
    url: receiver.url,
    isSubscribed: true,
    habits: { version: 'v23.0', duplicateProbability: 0 },
  })
  await control('POST', '/webhook/errors', { code: 130429 })
  await eventually(receiver.changes, (changes) => changes.length === 3)
  expect(receiver.changes().at(-1)).toMatchObject({ value: { errors: [{ code: 130429 }] } })
})

test('a URL can be given with a verify token, which nothing shows', async () => {
  const receiver = await createReceiver()
  const { control, simulator } = await setupControl()
  const body = JSON.stringify(
    (await control('POST', '/webhook', { url: receiver.url, verifyToken: 's3cret' })).body,
  )
  await eventually(
    () => simulator.state().webhook.verification.state,
    (state) => state === 'passed',
  )
  expect(receiver.requests[0]?.url.searchParams.get('hub.verify_token')).toBe('s3cret')
  for (const path of ['/webhook', '/state', '/webhook/deliveries'])
    expect(body + JSON.stringify((await control('GET', path)).body)).not.toContain('s3cret')
})

test('faults that strike for a while are listed until they end', async () => {
  const { control, simulator } = await setupControl()
  const fault = { kind: 'error', code: 2, on: 'any', forSeconds: 300, probability: 0.5 }
  expect((await control('POST', '/faults', { faults: [fault] })).body).toEqual({ waiting: 1 })
  expect((await control('GET', '/faults')).body).toEqual({ faults: [fault] })
  simulator.clock.advance(300_000)
  expect((await control('GET', '/faults')).body).toEqual({ faults: [] })
})

test('a reset makes phones, windows, habits and webhooks as just started', async () => {
  const receiver = await createReceiver(() => 500)
  const { control, send, simulator } = await setupControl({
    webhookUrl: receiver.url,
    windowsStartOpen: false,
  })
  simulator.recipients.set(sentOnly, { isOff: true })
  simulator.webhooks.setHabits({ batchSize: 7 })
  await send(codeFor(sentOnly))
  simulator.clock.advance(1000)
  await eventually(
    () => simulator.state().webhook.failedTries,
    (tries) => tries >= 2,
  )
  await control('POST', '/reset')
  expect(simulator.recipients.list()).toEqual([])
  expect(simulator.webhooks.habits().batchSize).toBe(1)
  expect(simulator.webhooks.deliveries()).toEqual([])
  expect(simulator.state().webhook).toMatchObject({ url: receiver.url, waiting: 0, failedTries: 0 })
})

test.each([
  ['/recipients', { number: online }],
  ['/recipients', { number: '0612345678', isOff: true }],
  ['/recipients', { number: online, pattern: '*', isOff: true }],
  ['/recipients', { pattern: '+221 77*', isOff: true }],
  ['/recipients', { number: online, isOff: 'yes' }],
  ['/recipients', { number: online, profile: 'on holiday' }],
  ['/recipients', { number: online, expiresWith: 131000 }],
  ['/inbound', { number: online }],
  ['/inbound', { didNotRequestCode: 'x', text: 'x' }],
  ['/clock', {}],
  ['/clock', { advanceSeconds: -1 }],
  ['/webhook', { verifyToken: 'x' }],
  ['/webhook', { batchSize: 1001 }],
  ['/webhook', { duplicateProbability: 2 }],
  ['/webhook', { version: 'v1.0' }],
  ['/webhook', { signatureFault: { kind: 'odd', times: 1 } }],
  ['/webhook/errors', {}],
  ['/faults', { faults: [{ kind: 'none', probability: 2 }] }],
  ['/faults', { faults: [{ kind: 'none', on: 'everything' }] }],
])('POST %s with %j is a 400', async (path, body) => {
  const { control } = await setupControl()
  const answer = await control('POST', path, body)
  expect([answer.statusCode, answer.body['message']]).toEqual([400, expect.any(String)])
})
