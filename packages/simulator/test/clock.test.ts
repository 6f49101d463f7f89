import { expect, onTestFinished, test } from 'vitest'
import { createClock } from '../src/world/clock.ts'
import { codeFor, createReceiver, eventually, online, setup } from './setup.ts'

const HOUR = 3_600_000

function standingClock() {
  const clock = createClock({ startAt: 0, speed: 0 })
  onTestFinished(() => clock.clear())
  return clock
}

test('a jump runs what falls due, in its order and each thing at its own moment', () => {
  const clock = standingClock()
  const seen: [string, number][] = []
  const note = (what: string) => () => void seen.push([what, clock.now()])
  for (const [what, hours] of [
    ['third', 3],
    ['first', 1],
    ['second', 2],
    ['later', 5],
    ['second too', 2],
  ] as const)
    clock.after(hours * HOUR, note(what))
  clock.advance(4 * HOUR)
  expect(seen).toEqual([
    ['first', HOUR],
    ['second', 2 * HOUR],
    ['second too', 2 * HOUR],
    ['third', 3 * HOUR],
  ])
  expect([clock.now(), clock.waiting()]).toEqual([4 * HOUR, 1])
})

test('a jump also runs what is started on the way', () => {
  const clock = standingClock()
  const seen: number[] = []
  const again = () => {
    seen.push(clock.now())
    clock.after(HOUR, again)
  }
  clock.after(HOUR, again)
  clock.advance(3 * HOUR)
  expect(seen).toEqual([HOUR, 2 * HOUR, 3 * HOUR])
})

test('many things in any order come out sorted', () => {
  const clock = standingClock()
  const seen: number[] = []
  for (let i = 0; i < 5000; i += 1) clock.after((i * 7919) % 5003, () => seen.push(clock.now()))
  clock.advance(6000)
  expect(seen).toHaveLength(5000)
  expect(seen).toEqual(seen.toSorted((a, b) => a - b))
})

test('what fails does not stop the clock', () => {
  const clock = standingClock()
  const seen: string[] = []
  clock.after(1, () => {
    throw new Error('broken')
  })
  clock.after(2, () => seen.push('next'))
  expect(() => clock.advance(5)).toThrow('broken')
  clock.advance(5)
  expect(seen).toEqual(['next'])
})

test('a fast clock brings a day within moments', async () => {
  const clock = createClock({ startAt: 0, speed: 1_000_000 })
  onTestFinished(() => clock.clear())
  await new Promise<void>((resolve) => clock.after(24 * HOUR, resolve))
  expect(clock.now()).toBeGreaterThanOrEqual(24 * HOUR)
})

test('a clock that stands still starts to run when it is told to', async () => {
  const clock = standingClock()
  const due = new Promise<void>((resolve) => clock.after(HOUR, resolve))
  clock.setSpeed(1_000_000)
  await due
  clock.setSpeed(0)
  const stoppedAt = clock.now()
  expect(clock.speed()).toBe(0)
  expect(clock.now()).toBe(stoppedAt)
})

test('statuses and their webhooks follow the simulated time', async () => {
  const receiver = await createReceiver()
  const { simulator, send } = await setup({
    webhookUrl: receiver.url,
    clock: { startAt: Date.parse('2026-11-22T18:00:00Z'), speed: 0 },
    timing: { sent: { min: 1000, max: 1000 }, delivered: { min: 60_000, max: 60_000 } },
  })
  await send(codeFor(online))
  expect(simulator.messages()[0]?.statuses).toEqual([])
  simulator.clock.advance(HOUR)
  await eventually(receiver.statuses, (statuses) => statuses.length === 3)
  expect(receiver.webhooks.find(({ status }) => status.status === 'delivered')?.status).toMatchObject({
    timestamp: String(Date.parse('2026-11-22T18:01:00Z') / 1000),
  })
})
