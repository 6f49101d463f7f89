import { expect, it } from 'vitest'
import { createSampling } from './sampling.ts'

function sampled(abovePerSecond: number) {
  const clock = { ms: 0 }
  const told: string[] = []
  const tell = (event: string, leftOut: number) => void told.push(`${event} ${leftOut}`)
  const sampling = createSampling({ abovePerSecond, tell, elapsed: () => clock.ms })
  /** So many lines of an event, each of a message of its own, evenly over a second. What was kept, with its rate. */
  const second = (event: string, lines: number, idOf = (i: number) => `msg_${clock.ms}_${i}`) => {
    const from = clock.ms
    const kept = new Map<string, number>()
    for (let i = 0; i < lines; i += 1) {
      clock.ms = from + (i * 1000) / lines
      const id = idOf(i)
      const rate = sampling.rateFor(event, id)
      if (rate > 0) kept.set(id, rate)
    }
    clock.ms = from + 1000
    return kept
  }
  return { second, told, clock }
}

it('leaves nothing out below the limit, and nothing at all where there is none', () => {
  const { second } = sampled(100)
  for (let i = 0; i < 5; i += 1) expect([...second('message.sent', 100).values()]).toEqual(Array(100).fill(1))
  expect(sampled(0).second('message.sent', 5000).size).toBe(5000)
})

it('keeps about as many lines as it may, and says for how many each stands', () => {
  const { second } = sampled(100)
  second('message.sent', 1600)
  const kept = second('message.sent', 1600)
  expect(new Set(kept.values())).toEqual(new Set([16]))
  expect(kept.size).toBeGreaterThan(60)
  expect(kept.size).toBeLessThan(160)
})

it('does not log a burst whole', () => {
  expect(sampled(100).second('message.sent', 10_000).size).toBeLessThan(1000)
})

it('logs all again when it is quiet', () => {
  const { second } = sampled(100)
  second('message.sent', 1600)
  second('message.sent', 50)
  expect(second('message.sent', 50).size).toBe(50)
})

it('keeps the lines of a message together, in any process, at any rate', () => {
  const idOf = (i: number) => `msg_${i}`
  const [one, other, calmer] = [sampled(100), sampled(100), sampled(100)]
  for (const { second } of [one, other]) second('message.sent', 3200, idOf)
  calmer.second('message.receipt', 800, idOf)
  const strict = one.second('message.sent', 3200, idOf)
  expect([...other.second('message.sent', 3200, idOf).keys()]).toEqual([...strict.keys()])
  const loose = calmer.second('message.receipt', 800, idOf)
  expect(loose.size).toBeGreaterThan(strict.size / 4)
  for (const id of strict.keys()) if (Number(id.slice(4)) < 800) expect(loose.has(id)).toBe(true)
})

it('counts each event by itself', () => {
  const { second } = sampled(100)
  second('message.sent', 1600)
  expect(second('message.receipt', 100).size).toBe(100)
})
