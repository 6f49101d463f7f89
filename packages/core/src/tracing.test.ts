import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readTraceparent, traceIdOf } from './tracing.ts'

it('reads a place in a trace, and nothing that is not one', () => {
  const good = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  expect(readTraceparent(good)).toBe(good)
  expect(traceIdOf(good)).toBe('0af7651916cd43dd8448eb211c80319c')
  const bad = [
    '',
    `${good} `,
    `${good}, ${good}`,
    `ff${good.slice(2)}`,
    good.replace('a', 'A'),
    [good],
    undefined,
  ]
  for (const header of bad) expect(readTraceparent(header)).toBeUndefined()
  fc.assert(fc.property(fc.anything(), (value) => value === good || readTraceparent(value) === undefined))
})
