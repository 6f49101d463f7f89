import { expect, test } from 'vitest'
import { createRandom } from '../src/world/random.ts'
import { codeFor, createReceiver, eventually, setup } from './setup.ts'

const start = Date.parse('2026-11-22T18:00:00Z')

/** One and the same hour: sends, faults, phones that go off and on, and a receiver that fails now and then. */
async function play(seed: number) {
  const receiver = await createReceiver((nth) => (nth % 7 === 3 ? 500 : 200))
  const { simulator, send } = await setup({
    seed,
    clock: { startAt: start, speed: 0 },
    webhookUrl: receiver.url,
    webhookConcurrency: 1,
    webhookBatchSize: 5,
    duplicateProbability: 0.1,
    swapProbability: 0.2,
    throughputPerSecond: 0,
    pairLimit: false,
    timing: { answer: { min: 0, max: 2 }, sent: { min: 100, max: 900 }, delivered: { min: 500, max: 5000 } },
  })
  simulator.injectFaults([
    { kind: 'error', code: 131000, probability: 0.1 },
    { kind: 'reset', accepted: true, probability: 0.1 },
  ])
  simulator.recipients.set('+22177123450?', { offForSeconds: 120 })
  const idle = () =>
    eventually(
      () => simulator.state().webhook,
      ({ active }) => active === 0,
    )
  const answers: unknown[] = []
  for (let nth = 0; nth < 40; nth += 1) {
    const request = codeFor(`+2217712345${String(nth).padStart(2, '0')}`)
    const answer = await send(request).catch(() => ({ statusCode: null, body: 'reset' }))
    answers.push([answer.statusCode, answer.body])
    simulator.clock.advance(250)
    await idle()
  }
  for (let minute = 0; minute < 10; minute += 1) {
    simulator.clock.advance(60_000)
    await idle()
  }
  expect(simulator.state().webhook.waiting).toBe(0)
  return {
    answers,
    calls: simulator.calls(),
    messages: simulator.messages(),
    webhooks: receiver.requests.map(({ raw, signature }) => [raw.toString('latin1'), signature]),
    deliveries: simulator.webhooks
      .deliveries()
      .map(({ at, summary, outcome, tries }) => [at, summary, outcome, tries]),
  }
}

test('the same seed plays the same run: calls, answers, statuses and webhooks, byte for byte', async () => {
  const [first, again] = [await play(7), await play(7)]
  expect(again).toEqual(first)
  expect(first.webhooks.length).toBeGreaterThan(10)
  const statuses = first.messages.flatMap((message) => message.statuses)
  expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set(['sent', 'delivered', 'read']))
})

test('another seed plays another run', async () => {
  const [first, other] = [await play(7), await play(8)]
  expect(other.webhooks).not.toEqual(first.webhooks)
  expect(other.messages.map(({ id }) => id)).not.toEqual(first.messages.map(({ id }) => id))
})

test('what one stream draws changes no other', () => {
  const [alone, busy] = [createRandom(7), createRandom(7)]
  busy.stream('answers')()
  busy.stream('messages', 3)()
  const draws = (random: ReturnType<typeof createRandom>) =>
    ['delays', 'ids'].map((name) => [random.stream(name)(), random.stream(name, 17)()])
  expect(draws(busy)).toEqual(draws(alone))
})

test('a named stream goes on, one with an index starts over; no two are alike', () => {
  const random = createRandom(7)
  const named = random.stream('ids')
  expect(random.stream('ids')).toBe(named)
  expect(random.stream('messages', 5)()).toBe(random.stream('messages', 5)())
  const firsts = [
    ...Array.from({ length: 1000 }, (_, index) => random.stream('messages', index)()),
    named(),
    createRandom(8).stream('ids')(),
  ]
  expect(new Set(firsts).size).toBe(firsts.length)
  const mean = firsts.reduce((sum, draw) => sum + draw, 0) / firsts.length
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.05)
})
