import { expect, it } from 'vitest'
import { json, plain, printable } from '../src/printable.ts'

/** What moves a cursor, with one byte or two; what turns the direction of writing; what is not seen; breaks of lines. */
const HOSTILE = 'a\u001b[2J\u009b2J\u202eb\u200bc\u2028d\u{e0001}\r\ne\u007f'

it('text of others shows what cannot be seen as a question mark, and stays on its line', () => {
  expect(printable(HOSTILE)).toBe('a?[2J?2J?b?c?d???e?')
  expect(plain(`  ${HOSTILE}  `)).toBe('a [2J 2J?b?c d? e')
  expect(printable('Awa Ndiaye …4567 é 🌍')).toBe('Awa Ndiaye …4567 é 🌍')
})

it('JSON drives no terminal either, and reads back as what it was', () => {
  const text = json({ reference: HOSTILE })
  // oxlint-disable-next-line no-control-regex
  expect(text).toMatch(/^[\u0020-\u007e\n]+$/)
  expect(JSON.parse(text)).toEqual({ reference: HOSTILE })
  expect(json([1], 0)).toBe('[1]\n')
})
