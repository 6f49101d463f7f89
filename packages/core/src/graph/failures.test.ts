import { describe, expect, it } from 'vitest'
import type { FailureClass } from '../outcome.ts'
import { FAILURES } from './failure-table.ts'
import { classify } from './failures.ts'

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

  it('tells in one line what was refused, what it means, and what to do', () => {
    const told = (graphCode: number, more: object) => classify({ ...error(400, graphCode), ...more }).detail
    const revoked = { subcode: 458, message: 'The user has not authorized application 1.' }
    expect(told(190, revoked)).toBe(
      '190/458 Access token refused: The user has not authorized application 1. ' +
        'The token is expired, revoked or unreadable; the sentence says which. ' +
        'Relais takes the next best token and asks Meta. If none is left, bring a new one.',
    )
    const meaning = "A service of Meta's is not available."
    expect(told(131016, { message: '(#131016) Again', details: 'More' })).toBe(
      `131016 Service unavailable: More. ${meaning}`,
    )
    expect(told(131016, { message: '(#131016) Service unavailable', details: 'Service unavailable.' })).toBe(
      `131016 Service unavailable. ${meaning}`,
    )
    expect(classify({ statusCode: 502, message: '' }).detail).toBe('HTTP 502 unknown error')
  })

  it('says in every row what it means and what a person does about it', () => {
    for (const { meaning, remedy } of FAILURES) {
      expect(meaning).toMatch(/^[A-Z].{9,}\.$/)
      expect(remedy).toMatch(/^[A-Z].{6,}[.?]$/)
    }
  })

  it('pauses for what holds for all messages, and for nothing that one message may have caused', () => {
    const pausing = FAILURES.filter(({ pauses }) => pauses !== undefined)
    for (const { failure, pauses } of pausing) {
      expect(pauses === 'template' ? ['template'] : ['auth-permission', 'account-blocked']).toContain(failure)
    }
    for (const graphCode of [132000, 132012, 132018, 131008, 100])
      expect(classify(error(400, graphCode)).pauses).toBeUndefined()
    expect(classify({ ...error(400, 100), type: 'GraphMethodException', subcode: 33 }).pauses).toBe('sender')
    expect(classify(error(400, 132015)).pauses).toBe('template')
    expect(classify(error(403, 368)).pauses).toBe('sender')
  })
})
