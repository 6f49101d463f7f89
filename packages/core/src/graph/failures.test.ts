import { describe, expect, it } from 'vitest'
import type { FailureClass } from '../outcome.ts'
import { classify, FAILURES } from './failures.ts'

/** Written down from Meta's pages a second time, by class instead of by code, so that a slip in either list shows. */
const BY_CLASS: Record<FailureClass, number[]> = {
  'token-expired': [0, 102, 104, 190],
  'auth-permission': [3, 10, 131005],
  'account-blocked': [
    33, 368, 131031, 131037, 131042, 131045, 131064, 133000, 133005, 133006, 133008, 133009, 133010, 133015,
    133016, 134011,
  ],
  'rate-limited-sender': [4, 17, 613, 80007, 80008, 130429, 131048],
  'rate-limited-pair': [131056],
  transient: [1, 2, 131000, 131016, 131057, 133004],
  template: [131063, 132000, 132001, 132005, 132007, 132012, 132015, 132016, 132018, 132068, 132069],
  'permanent-recipient': [130403, 130472, 130497, 131026, 131030, 131049, 131050, 137000],
  'permanent-request': [100, 131008, 131009, 131021, 131047, 131051, 131052, 131053, 131062, 135000],
  'message-expired': [131043],
}

const error = (statusCode: number, graphCode?: number) => ({
  statusCode,
  message: 'as Meta says',
  ...(graphCode !== undefined && { graphCode }),
})

describe("the table of Meta's errors", () => {
  const listed = Object.entries(BY_CLASS).flatMap(([failure, codes]) =>
    codes.map((code) => [code, failure] as const),
  )

  it.each(listed)('%i is %s', (graphCode, failure) => {
    expect(classify(error(400, graphCode)).failure).toBe(failure)
  })

  it('has exactly these codes, each once', () => {
    const codes = FAILURES.map((row) => row.graphCode)
    expect(codes).toEqual([...new Set(codes)])
    expect(codes.toSorted((a, b) => a - b)).toEqual(listed.map(([code]) => code).toSorted((a, b) => a - b))
  })

  it('knows the codes whose meaning is not in the number alone', () => {
    expect(classify({ ...error(400, 100), type: 'GraphMethodException', subcode: 33 }).failure).toBe(
      'auth-permission',
    )
    expect(classify({ ...error(400, 100), type: 'OAuthException' }).failure).toBe('permanent-request')
    expect(classify(error(403, 200)).failure).toBe('auth-permission')
    expect(classify(error(403, 299)).failure).toBe('auth-permission')
    expect(classify(error(503, 190)).failure).toBe('transient')
    expect(classify(error(401, 190)).failure).toBe('token-expired')
  })

  it.each([
    [401, 'token-expired'],
    [403, 'auth-permission'],
    [429, 'rate-limited-sender'],
    [500, 'transient'],
    [503, 'transient'],
    [400, 'permanent-request'],
    [404, 'permanent-request'],
  ] as const)('an unknown code with HTTP %i is %s', (statusCode, failure) => {
    expect(classify(error(statusCode, 999_999)).failure).toBe(failure)
    expect(classify(error(statusCode)).failure).toBe(failure)
  })

  it('an unknown code that Meta calls transient is', () => {
    expect(classify({ ...error(400, 999_999), isTransient: true }).failure).toBe('transient')
  })

  it('tells in one line what was refused', () => {
    const told = (more: object) => classify({ ...error(401, 190), subcode: 458, ...more }).detail
    expect(told({ message: 'The user has not authorized application 1.' })).toBe(
      '190/458 Access token refused: The user has not authorized application 1.',
    )
    expect(told({ message: '(#190) Again', details: 'More' })).toBe('190/458 Access token refused: More')
    expect(told({ message: '(#190) Again' })).toBe('190/458 Access token refused')
  })
})
