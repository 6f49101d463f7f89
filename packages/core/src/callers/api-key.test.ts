import { expect, it } from 'vitest'
import { digestOfKey, makeApiKey, readApiKey } from './api-key.ts'

it.for(['rk_live', 'rk_team', 'rk_test', 'ops'] as const)('a key says what it is: %s', (prefix) => {
  const { id, text } = makeApiKey(prefix)
  expect(readApiKey(text.reveal())).toEqual({ prefix, id })
  expect(text.reveal()).toMatch(new RegExp(`^${prefix}_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$`))
})

it('a slip anywhere in a key is noticed without asking anybody', () => {
  const text = makeApiKey('rk_live').text.reveal()
  for (let i = 0; i < text.length; i += 1) {
    const other = text[i] === 'x' ? 'y' : 'x'
    expect(readApiKey(text.slice(0, i) + other + text.slice(i + 1)), `at ${i}`).toBeUndefined()
  }
  for (const wrong of ['', 'rk_live', text.slice(1), `${text}0`, `${text}\n`, text.toUpperCase()]) {
    expect(readApiKey(wrong)).toBeUndefined()
  }
})

it('no two keys are alike, and every character of the alphabet is used about as often', () => {
  const texts = Array.from({ length: 500 }, () => makeApiKey('ops').text.reveal().split('_')[2] ?? '')
  expect(new Set(texts).size).toBe(500)
  const counts = new Map<string, number>()
  for (const character of texts.join('')) counts.set(character, (counts.get(character) ?? 0) + 1)
  expect(counts.size).toBe(62)
  const expected = (500 * 43) / 62
  const chiSquare = [...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)
  // 61 degrees of freedom: above 130 once in a million runs. Bytes modulo 62 would give more than 300.
  expect(chiSquare).toBeLessThan(130)
})

it('what is kept of a key is its SHA-256', () => {
  expect(digestOfKey('abc').toString('hex')).toMatch(/^ba7816bf8f01cfea414140de5dae2223/)
})
