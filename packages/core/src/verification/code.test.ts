import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { makeCode } from './code.ts'

/** How many standard deviations: a fair generator is beyond once in a hundred million looks. */
const SIGMAS = 5.61

/** What chi-square stays below (Wilson and Hilferty's approximation). */
function boundOf(freedom: number): number {
  const part = 2 / (9 * freedom)
  return freedom * (1 - part + SIGMAS * Math.sqrt(part)) ** 3
}

/** How far from equal shares, for each place of so many digits; 1 and more: it is not fair. */
function unfairness(codes: readonly string[], digits: number): number {
  const kinds = 10 ** digits
  const places = (codes[0]?.length ?? 0) - digits + 1
  const share = codes.length / kinds
  const each = Array.from({ length: places }, (_, place) => {
    const counts = new Map(Array.from({ length: kinds }, (_none, kind) => [kind, 0]))
    for (const code of codes) {
      const kind = Number(code.slice(place, place + digits))
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
    }
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - share) ** 2 / share, 0)
    return chiSquare / boundOf(kinds - 1)
  })
  return Math.max(...each)
}

const many = (count: number, make: () => string) => Array.from({ length: count }, make)

describe('a code', () => {
  it.each([4, 6, 10])(
    'of %i digits has every digit and every pair of digits in each place as often',
    (length) => {
      const codes = many(200_000, () => makeCode(length))
      expect(codes.every((code) => code.length === length && /^\d+$/.test(code))).toBe(true)
      expect(unfairness(codes, 1)).toBeLessThan(1)
      expect(unfairness(codes, 2)).toBeLessThan(1)
    },
  )

  it('would not, were it the remainder of random bytes: that look finds it', () => {
    const bytes = randomBytes(3_000_000)
    const biased = Array.from({ length: 1_000_000 }, (_, i) =>
      makeCode(6, (below) => bytes.readUIntBE(i * 3, 3) % below),
    )
    expect(unfairness(biased, 1)).toBeGreaterThan(1)
    expect(unfairness(biased, 2)).toBeGreaterThan(1)
  })

  it('keeps its leading zeros, and takes any number up to the last', () => {
    expect(makeCode(6, () => 42)).toBe('000042')
    expect(makeCode(6, (below) => below - 1)).toBe('999999')
    expect(makeCode(10, (below) => below - 1)).toBe('9999999999')
  })

  it.each([3, 11, 4.5, Number.NaN])('is not made with %d digits', (length) => {
    expect(() => makeCode(length)).toThrow(RangeError)
  })

  it('comes from a generator of secrets, not from the one that repeats', async () => {
    const { randomInt } = await import('node:crypto')
    const asked: number[] = []
    makeCode(6, (below) => (asked.push(below), randomInt(below)))
    expect(asked).toEqual([1_000_000])
    expect(new Set(many(2000, () => makeCode(10))).size).toBe(2000)
  })
})
