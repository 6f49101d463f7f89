import { expect, it } from 'vitest'
import { takeRandom } from './random.ts'

it('gives as many bytes as are asked for, and none of them twice', () => {
  const taken = Array.from({ length: 2000 }, (_, i) => takeRandom(12 + (i % 5)))
  expect(taken.every(({ length }, i) => length === 12 + (i % 5))).toBe(true)
  expect(new Set(taken.map((bytes) => bytes.toString('hex').slice(0, 24))).size).toBe(2000)
})

it('leaves what was given as it was', () => {
  const first = takeRandom(16)
  const copy = Buffer.from(first)
  for (let i = 0; i < 1000; i += 1) takeRandom(16)
  expect(first.equals(copy)).toBe(true)
})
