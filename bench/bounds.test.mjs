import { expect, test } from 'vitest'
import { badBounds, brokenBounds, readBounds } from './bounds.mjs'
import { workloads } from './workloads/index.mjs'

const DRAIN = { workload: 'drain', case: 'backlog', figure: 'messages/s', to: 'bare', measured: 1.3 }
const AT_LEAST = { ...DRAIN, atLeast: 1 }
const IDLE = { workload: 'cost', case: 'idle', figure: '% of a core', measured: 0.8, atMost: 1 }

test('a ratio at its bound or better is kept, beyond it the line says what must be', () => {
  expect(broken([AT_LEAST], { ratio: 1 })).toEqual([])
  expect(broken([AT_LEAST], { ratio: 0.99 })).toEqual([
    'drain, backlog: messages/s to bare is 0.99, must be at least 1',
  ])
})

test('a bound without another side is about the figure itself', () => {
  expect(broken([IDLE], { idle: 1 })).toEqual([])
  expect(broken([IDLE], { idle: 1.1 })).toEqual(['cost, idle: % of a core is 1.1, must be at most 1'])
})

test('a bound that names no figure, no side or no case is broken', () => {
  const wrong = [{ figure: 'massages/s' }, { to: 'axios' }, { case: 'backlog of 5' }]
  for (const names of wrong)
    expect(broken([{ ...AT_LEAST, ...names }], {})).toEqual([expect.stringMatching(/ was not measured$/)])
})

test('a figure that could not be measured, or is no number, breaks its bound', () => {
  expect(brokenBounds([AT_LEAST], [], ['drain'])).toEqual([
    'drain, backlog: messages/s to bare was not measured',
  ])
  expect(broken([AT_LEAST], { ratio: Number.NaN })).toHaveLength(1)
})

test('bounds of a workload that did not run say nothing', () => {
  expect(brokenBounds([AT_LEAST], [], ['latency'])).toEqual([])
})

test('a bound has one limit, was kept when it was set, and is not loose without a reason', () => {
  expect(badBounds([AT_LEAST, IDLE])).toEqual([])
  const bad = [
    DRAIN,
    { ...AT_LEAST, atMost: 2 },
    { ...AT_LEAST, measured: 0.9 },
    { ...AT_LEAST, measured: undefined },
    { ...AT_LEAST, measured: 1.5 },
    { ...IDLE, atMost: 1.2 },
  ]
  for (const bound of bad) expect(badBounds([bound])).toHaveLength(1)
  expect(badBounds([{ ...AT_LEAST, measured: 1.5, why: 'varies by a third between runs' }])).toEqual([])
})

test('the bounds that are committed are good ones, of workloads that there are', async () => {
  const bounds = await readBounds()
  expect(bounds.length).toBeGreaterThan(0)
  expect(badBounds(bounds)).toEqual([])
  expect(Object.keys(workloads)).toEqual(expect.arrayContaining(bounds.map(({ workload }) => workload)))
})

function broken(bounds, { ratio = 1.3, idle = 0.5 }) {
  const figureOf = (value, to) => ({ sides: { relais: { median: value } }, ratios: to })
  const cases = [
    {
      workload: 'drain',
      case: 'backlog',
      figures: { 'messages/s': figureOf(2000, { bare: { median: ratio } }) },
    },
    { workload: 'cost', case: 'idle', figures: { '% of a core': figureOf(idle, {}) } },
  ]
  return brokenBounds(bounds, cases, ['drain', 'cost'])
}
