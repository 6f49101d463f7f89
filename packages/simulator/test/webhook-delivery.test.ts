import { expect, test } from 'vitest'
import { retryGapMs, RETRY_LIFE_MS } from '../src/webhooks/retry-gaps.ts'
import type { SimulatorOptions } from '../src/index.ts'
import { codeFor, createReceiver, eventually, online, quick, setup } from './setup.ts'

const DAY = 24 * 3_600_000
/** A number whose messages stay at `sent`: one webhook each. */
const sentOnly = '+5351234567'

function standing(webhookUrl: string, options: Partial<SimulatorOptions> = {}) {
  return setup({ webhookUrl, clock: { startAt: 0, speed: 0 }, ...options })
}

test('the gaps between tries grow from none to half a day, and end with the seventh day', () => {
  const gaps = Array.from({ length: 20 }, (_, tries) => retryGapMs(tries + 1))
  expect(gaps.slice(0, 5)).toEqual([0, 250, 500, 1000, 2000])
  expect(gaps.at(-1)).toBe(DAY / 2)
  expect(gaps).toEqual(gaps.toSorted((a, b) => a - b))
  expect(RETRY_LIFE_MS).toBe(7 * DAY)
})

test('a webhook nobody takes is tried again at once, then for seven days of simulated time, and dropped', async () => {
  const receiver = await createReceiver(() => 500)
  const { simulator, send } = await standing(receiver.url)
  await send(codeFor(sentOnly))
  simulator.clock.advance(0)
  await eventually(receiver.posts, (posts) => posts === 2)
  for (let tries = 2; simulator.state().webhook.dropped === 0; tries += 1) {
    const { nextTryAt } = await eventually(
      () => ({ tries: 0, nextTryAt: 0, ...simulator.webhooks.deliveries()[0] }),
      (delivery) => delivery.tries === tries,
    )
    if (nextTryAt > 0) simulator.clock.advance(nextTryAt - simulator.clock.now())
  }
  expect(simulator.clock.now()).toBeGreaterThan(6 * DAY)
  expect(simulator.clock.now()).toBeLessThanOrEqual(7 * DAY)
  expect(simulator.webhooks.deliveries()).toMatchObject([{ outcome: 500, summary: 'sent' }])
  expect(simulator.webhooks.deliveries()[0]).not.toHaveProperty('nextTryAt')
})

test('only a 200 counts: other good answers are failures too', async () => {
  const receiver = await createReceiver((nth) => (nth === 0 ? 204 : 200))
  const { simulator, send } = await setup({ webhookUrl: receiver.url })
  await send(codeFor(sentOnly))
  await eventually(
    () => simulator.state().webhook.delivered,
    (delivered) => delivered === 1,
  )
  expect(receiver.statuses()).toEqual(['sent', 'sent'])
})

test('a receiver that takes too long has failed, and gets the same bytes again', async () => {
  const receiver = await createReceiver((nth) => (nth === 0 ? 0 : 200))
  const { simulator, send } = await setup({ webhookUrl: receiver.url, webhookTimeoutMs: 50 })
  const outcomes: unknown[] = []
  simulator.webhooks.onDelivery(({ outcome }) => outcomes.push(outcome))
  await send(codeFor(sentOnly))
  await eventually(
    () => simulator.state().webhook.delivered,
    (delivered) => delivered === 1,
  )
  expect(outcomes).toEqual([undefined, 'timeout', 200])
  expect(receiver.requests[0]?.raw).toEqual(receiver.requests[1]?.raw)
})

test('an address where nobody listens is refused, and the list of deliveries says so', async () => {
  const { simulator, send } = await standing('http://user:secret@127.0.0.1:9/hook?key=secret')
  await send(codeFor(sentOnly))
  simulator.clock.advance(0)
  const [delivery] = await eventually(
    simulator.webhooks.deliveries,
    (deliveries) => deliveries[0]?.tries === 2,
  )
  expect(delivery).toEqual({
    at: 0,
    url: 'http://127.0.0.1:9/hook',
    updates: 1,
    summary: 'sent',
    outcome: 'refused',
    tries: 2,
    ms: expect.any(Number),
    nextTryAt: 250,
  })
})

test('deliveries under way are listed before they are answered; the newest 200 are kept', async () => {
  const receiver = await createReceiver(() => 0)
  const patient = { webhookConcurrency: 300, webhookTimeoutMs: 600_000 }
  const { simulator } = await setup({ webhookUrl: receiver.url, ...patient })
  for (let nth = 0; nth < 210; nth += 1) simulator.webhooks.announceError(130429)
  await eventually(receiver.posts, (posts) => posts === 210)
  expect(simulator.webhooks.deliveries()).toHaveLength(200)
  expect(simulator.webhooks.deliveries()[0]).toMatchObject({ tries: 0, summary: 'error 130429' })
  expect(simulator.webhooks.deliveries()[0]).not.toHaveProperty('outcome')
  expect(simulator.state().webhook).toMatchObject({ active: 210, waiting: 210 })
})

test('webhooks come several at once', async () => {
  const receiver = await createReceiver(() => 0)
  const { send } = await setup({ webhookUrl: receiver.url, webhookConcurrency: 3 })
  for (let message = 0; message < 5; message += 1) await send(codeFor(sentOnly))
  await eventually(receiver.posts, (posts) => posts === 3)
})

test.each(['wrong', 'missing'] as const)(
  'a %s signature is a test switch; what the receiver refuses comes again, signed',
  async (kind) => {
    const receiver = await createReceiver((nth) => (nth < 2 ? 401 : 200))
    const { simulator, send } = await setup({ webhookUrl: receiver.url })
    simulator.webhooks.breakSignatures({ kind, times: 2 })
    await send(codeFor(sentOnly))
    await eventually(receiver.posts, (posts) => posts === 3)
    expect(receiver.requests.map(({ isSigned }) => isSigned)).toEqual([false, false, true])
    expect(receiver.requests[0]?.signature === undefined).toBe(kind === 'missing')
  },
)

test('an early status is taken by the receiver before the send is answered', async () => {
  const receiver = await createReceiver()
  const slow = { min: 60_000, max: 60_000 }
  const timing = { ...quick, sent: slow, delivered: slow, read: slow }
  const { send } = await setup({ webhookUrl: receiver.url, timing, earlyProbability: 1 })
  const { body } = await send(codeFor(online))
  expect(receiver.webhooks.map(({ status }) => [status.id, status.status])).toEqual([
    [body.messages[0].id, 'sent'],
  ])
})

test('an early status nobody takes does not hold the answer for long', async () => {
  const receiver = await createReceiver(() => 0)
  const { send } = await setup({ webhookUrl: receiver.url, earlyProbability: 1 })
  expect((await send(codeFor(online))).statusCode).toBe(200)
})

test('an early status is never held back', async () => {
  const receiver = await createReceiver()
  const habits = { earlyProbability: 1, swapProbability: 1 }
  const { send } = await setup({ webhookUrl: receiver.url, clock: { speed: 0 }, ...habits })
  await send(codeFor(sentOnly))
  expect(receiver.statuses()).toEqual(['sent'])
})

test.each(['nowhere', 'ftp://127.0.0.1/'])('%s is no address for webhooks', async (webhookUrl) => {
  await expect(setup({ webhookUrl })).rejects.toThrow('must be http(s)')
  const { simulator } = await setup()
  expect(() => simulator.webhooks.setUrl(webhookUrl)).toThrow('must be http(s)')
})

test('without a webhook nothing waits, however much happens', async () => {
  const { simulator, send } = await setup()
  await send(codeFor(online))
  await eventually(
    () => simulator.messages()[0]?.statuses.length,
    (count) => count === 3,
  )
  expect(simulator.state().webhook).toMatchObject({ url: null, isSubscribed: false, waiting: 0, dropped: 0 })
  expect(simulator.webhooks.deliveries()).toEqual([])
})

test('a closed simulator leaves no try behind', async () => {
  const receiver = await createReceiver(() => 0)
  const { simulator, send } = await setup({ webhookUrl: receiver.url })
  await send(codeFor(sentOnly))
  await eventually(receiver.posts, (posts) => posts === 1)
  await simulator.close()
  expect(simulator.state().webhook).toMatchObject({ active: 0, failedTries: 0 })
})
