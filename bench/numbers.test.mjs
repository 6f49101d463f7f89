import { expect, test } from 'vitest'
import { ratioSpread, shown, spread } from './numbers.mjs'
import { latencies } from './processes/tallies.mjs'

test('a median is the middle, or half way between the two in the middle', () => {
  expect(spread([9, 10, 1])).toEqual({ median: 9, low: 1, high: 10 })
  expect(spread([4, 1, 2, 3])).toEqual({ median: 2.5, low: 1, high: 4 })
})

test('a ratio is that of the same round: what slows both down changes nothing', () => {
  expect(ratioSpread([10, 20, 5], [20, 40, 10])).toEqual({ median: 0.5, low: 0.5, high: 0.5 })
})

test('a part of latencies is told where there are enough of them', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
  expect(latencies(hundred)).toEqual({ p50: 51, p99: 100, p999: undefined, most: 100 })
})

test('three digits of a number are shown, and a dash for what is none', () => {
  expect([1234.5, 99.96, 1.234, 0.1234, 0, Infinity, undefined].map(shown)).toEqual([
    '1,235',
    '100',
    '1.23',
    '0.12',
    '0',
    '-',
    '-',
  ])
})
