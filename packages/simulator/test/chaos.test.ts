import { expect, test } from 'vitest'
import { chaosFaults, timings, type Fault } from '../src/index.ts'
import { createRandom } from '../src/world/random.ts'
import { drawDelay } from '../src/world/timing.ts'
import { codeFor, identity, online, setup } from './setup.ts'

const MINUTE = 60_000
const unlimited = { throughputPerSecond: 0, pairLimit: false }

/** What 60 calls met, in their order. */
async function meet(seed: number, faults: Fault[]): Promise<string[]> {
  const { simulator, send } = await setup({ ...unlimited, seed })
  simulator.injectFaults(faults)
  for (let call = 0; call < 60; call += 1) await send(codeFor(online)).catch(() => undefined)
  return simulator.calls().map(({ fault }) => fault ?? 'fine')
}

test('a fault with a probability meets that share of the calls, for ever, and the same ones with the same seed', async () => {
  const faults: Fault[] = [{ kind: 'error', code: 131000, probability: 0.3 }]
  const [first, again, other] = [await meet(7, faults), await meet(7, faults), await meet(8, faults)]
  const struck = first.filter((fault) => fault === 'error').length
  expect(struck).toBeGreaterThan(8)
  expect(struck).toBeLessThan(30)
  expect(again).toEqual(first)
  expect(other).not.toEqual(first)
})

test('chaos brings every kind of trouble', async () => {
  const faults = chaosFaults(0.1).map((fault) => (fault.kind === 'stall' ? { ...fault, ms: 1 } : fault))
  const met = await meet(1, faults)
  expect([...new Set(met)].toSorted()).toEqual(['error', 'fine', 'html', 'reset', 'stall'])
  expect(chaosFaults(0.1)).toMatchObject([
    { kind: 'reset', accepted: false },
    { kind: 'reset', accepted: true },
    { kind: 'stall', ms: 30_000 },
    { code: 131000 },
    { code: 131016 },
    { code: 2 },
    { kind: 'html', statusCode: 502 },
  ])
})

test('faults that ended are forgotten, whoever draws for how many', async () => {
  const { simulator, send } = await setup({ ...unlimited, clock: { speed: 0 } })
  simulator.injectFaults([{ kind: 'error', code: 2, forSeconds: 60, times: 2 }])
  for (let call = 0; call < 2; call += 1) expect((await send(codeFor(online))).statusCode).toBe(503)
  expect((await send(codeFor(online))).statusCode).toBe(200)
  simulator.injectFaults([{ kind: 'error', code: 2, forSeconds: 60, probability: 1 }])
  simulator.clock.advance(MINUTE)
  expect((await send(codeFor(online))).statusCode).toBe(200)
  expect(simulator.faults()).toEqual([])
})

test('an outage meets every kind of call, and is over after its five minutes', async () => {
  const { simulator, send, get, exchange } = await setup({ clock: { speed: 0 } })
  simulator.injectFaults([{ kind: 'error', code: 2, on: 'any', forSeconds: 300 }])
  const codes = async () => [
    (await send(codeFor(online))).body.error?.code,
    (await get(`/v26.0/${identity.phoneNumberId}`)).body.error?.code,
    (await exchange(identity.accessToken)).body.error?.code,
  ]
  expect(await codes()).toEqual([2, 2, 2])
  simulator.clock.advance(5 * MINUTE - 1)
  expect(await codes()).toEqual([2, 2, 2])
  expect(simulator.state().faultsWaiting).toBe(1)
  simulator.clock.advance(1)
  expect(await codes()).toEqual([undefined, undefined, undefined])
})

test('the realistic answers hit their percentiles', () => {
  const draw = createRandom(1).stream('delays')
  const delays = Array.from({ length: 100_000 }, () => drawDelay(timings.realistic.answer, draw))
  const sorted = delays.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * sorted.length)] ?? 0
  const { p50, p95, p99 } = timings.realistic.answer
  for (const [seen, wanted] of [
    [at(0.5), p50],
    [at(0.95), p95],
    [at(0.99), p99],
  ] as const)
    expect(Math.abs(seen - wanted) / wanted).toBeLessThan(0.05)
  expect(sorted[0]).toBeGreaterThan(0)
  expect(sorted.at(-1)).toBeLessThanOrEqual(10 * p99)
})

test('an even delay stays between its ends', () => {
  const draw = createRandom(1).stream('delays')
  const delays = Array.from({ length: 1000 }, () => drawDelay({ min: 3, max: 5 }, draw))
  expect(new Set(delays)).toEqual(new Set([3, 4, 5]))
})

test('a preset is a timing', async () => {
  const { simulator, send } = await setup({ timing: 'realistic', clock: { speed: 0 } })
  await send(codeFor(online))
  simulator.clock.advance(5000)
  expect(simulator.messages()[0]?.statuses.map(({ status }) => status)).toEqual(['sent', 'delivered'])
})
