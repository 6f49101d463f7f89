import { describe, expect, it } from 'vitest'
import { readArguments, UsageError } from '../src/arguments.ts'
import { draftOf } from '../src/load.ts'
import { drawPlan, type Fault } from '../src/plan.ts'

const TEN_MINUTES = { seed: 1, loadMs: 600_000, workers: 3, apis: 2, withFailovers: true }

describe('a plan', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(drawPlan(TEN_MINUTES)).toEqual(drawPlan(TEN_MINUTES))
    expect(drawPlan({ ...TEN_MINUTES, seed: 2 })).not.toEqual(drawPlan(TEN_MINUTES))
  })

  it.each([1, 2, 3, 4, 5])(
    'of ten minutes has 60 faults of 12 kinds, and more, and all end before the load does (seed %i)',
    (seed) => {
      const plan = drawPlan({ ...TEN_MINUTES, seed })
      expect(plan.length).toBeGreaterThanOrEqual(60)
      expect(new Set(plan.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(12)
      for (const { atMs, lengthMs } of plan) expect(atMs + lengthMs).toBeLessThanOrEqual(585_000)
    },
  )

  it('has some faults at the same time, and never two of one victim', () => {
    const plan = drawPlan(TEN_MINUTES)
    const overlaps = pairs(plan).filter(([a, b]) => b.atMs < a.atMs + a.lengthMs)
    expect(overlaps.length).toBeGreaterThan(0)
    for (const [a, b] of overlaps) {
      expect([a.kind.split(/[ -]/)[0], a.victim]).not.toEqual([b.kind.split(/[ -]/)[0], b.victim])
    }
  })

  it('without failovers needs no replica', () => {
    const kinds = drawPlan({ ...TEN_MINUTES, withFailovers: false }).map(({ kind }) => kind)
    expect(kinds.filter((kind) => /failover|replica/.test(kind))).toEqual([])
  })
})

describe('the load', () => {
  it('sends each message to a recipient of its own, and the same to each for the same seed', () => {
    const drafts = Array.from({ length: 30_000 }, (_, i) => draftOf(1, i))
    expect(new Set(drafts.map(({ to }) => to)).size).toBe(drafts.length)
    expect(draftOf(1, 4711)).toEqual(drafts[4711])
    const kinds = new Set(drafts.flatMap(({ body, end, profile }) => [body['type'], end?.as, profile]))
    expect([...kinds]).toEqual(
      expect.arrayContaining(['otp', 'text', 'template', 'canceled', 'used', 'phone off']),
    )
  })
})

describe('the command line', () => {
  it('has defaults', () => {
    expect(readArguments([])).toMatchObject({
      withReplica: true,
      minutes: 3,
      ratePerSecond: 50,
      workers: 3,
      apis: 2,
      without: [],
    })
    expect(readArguments(['--seed', '7', '--without', 'sweep', '--without', 'fallback'])).toMatchObject({
      seed: 7,
      without: ['sweep', 'fallback'],
    })
  })

  it.each([
    [['--minutes', 'x'], '--minutes must be a number from 0.5 to 1440'],
    [['--seed', '1.5'], '--seed must be a whole number from 0 to 4294967295'],
    [['--workers', '0'], '--workers must be a number from 1 to 20'],
    [['--without', 'redis'], '--without must be one of sweep, fallback'],
    [['--minutes', '1440', '--rate', '500'], '--minutes and --rate make more than 9000000 messages'],
    [['--speed', '1'], "Unknown option '--speed'"],
  ])('that makes no sense is told in one line: %j', (args, told) => {
    const read = () => readArguments(args)
    expect(read).toThrow(UsageError)
    expect(read).toThrow(told)
  })
})

function pairs(plan: readonly Fault[]): [Fault, Fault][] {
  return plan.flatMap((a, i) => plan.slice(i + 1).map((b): [Fault, Fault] => [a, b]))
}
