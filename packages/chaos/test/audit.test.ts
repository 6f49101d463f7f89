import { describe, expect, it } from 'vitest'
import { audit, questions, unsettled } from '../src/audit.ts'
import type { Accepted, FallbackRecord, Records, Shown, Taken } from '../src/records.ts'

/** All times are milliseconds after this. */
const START = Date.parse('2030-01-01T00:00:00Z')

describe('an accepted message has ended', () => {
  it('when its phone has it, a fallback file holds it, or its app was told that it is ended', () => {
    const records = recordsOf({
      accepted: [
        message('a'),
        message('b'),
        message('c', { ended: { as: 'canceled', at: at(50) } }),
        message('d', { ended: { as: 'used', at: at(60) } }),
      ],
      taken: [taken('a', 100, 900)],
      fallback: [fallback('b', 5000)],
    })
    expect(unsettled(records)).toEqual([])
    const found = audit(records, new Map())
    expect(found.ended).toEqual({ canceled: 1, delivered: 1, 'fallback (undelivered)': 1, used: 1 })
    expect(found.lost).toEqual([])
    expect(found.msToEnd).toEqual({ median: 900, p99: 5000, worst: 5000, worstId: 'b' })
  })

  it('by its first end, when there are several', () => {
    const found = audit(
      recordsOf({
        accepted: [message('a')],
        taken: [taken('a', 100, 9000)],
        fallback: [fallback('a', 5000)],
      }),
      new Map(),
    )
    expect(found.ended).toEqual({ 'fallback (undelivered)': 1 })
    expect(found.fallbackAndDelivered).toEqual({ undelivered: 1 })
  })

  it('by its deadline, which only the API can tell', () => {
    const records = recordsOf({ accepted: [message('a')] })
    expect(questions(records)).toEqual(['a'])
    const found = audit(records, new Map([['a', shown('expired', [['expired', 60_000]])]]))
    expect(found.ended).toEqual({ expired: 1 })
    expect([found.lost, found.late]).toEqual([[], []])
  })

  it('by a cancel whose answer was lost, if the API says that it was done', () => {
    const records = recordsOf({ accepted: [message('a', { mayHaveEnded: 'canceled' }), message('b')] })
    const canceled = shown('canceled', [['canceled', 300]])
    const found = audit(
      records,
      new Map([
        ['a', canceled],
        ['b', canceled],
      ]),
    )
    expect(found.ended).toEqual({ canceled: 1 })
    expect(found.lost.map(({ id }) => id)).toEqual(['b']) // nobody asked for it
  })
})

describe('an accepted message is lost', () => {
  it.each([
    ['nobody knows it', {}, undefined],
    ['it is still queued', {}, shown('queued', [['queued', 0]])],
    ['Meta took it and no phone got it', { taken: [taken('a', 100)] }, shown('sent', [['sent', 100]])],
    [
      'only the API says that it was delivered',
      { taken: [taken('a', 100)] },
      shown('delivered', [['delivered', 100]]),
    ],
    ['only the API says that it is in the fallback', {}, shown('fallback', [['fallback', 100]])],
    [
      'another message of the same kind ended',
      { taken: [taken('b', 100, 200)], fallback: [fallback('b', 1)] },
      undefined,
    ],
  ])('when %s', (_what, records: Partial<Records>, told: Shown | undefined) => {
    const all = recordsOf({ accepted: [message('a')], ...records })
    expect(unsettled(all).map(({ id }) => id)).toEqual(['a'])
    const found = audit(all, new Map([['a', told]]))
    expect(found.lost).toMatchObject([{ id: 'a', ...(told && { shown: told }) }])
    expect(found.ended).toEqual({})
  })
})

describe('a send beyond the first that Meta took', () => {
  const twice = recordsOf({
    accepted: [message('a')],
    taken: [taken('a', 100, 9000), taken('a', 8200, 8900)],
  })

  it('is explained by a doubt between the two, told once for each', () => {
    expect(questions(twice)).toEqual(['a'])
    const told = shown('delivered', [
      ['sending', 90],
      ['uncertain', 5090, 'no whole answer within 5000 ms; waiting for a receipt'],
      ['sending', 8190],
      ['sent', 8300],
    ])
    const found = audit(twice, new Map([['a', told]]))
    expect(found.duplicates).toEqual({ byCause: { 'no whole answer within 5000 ms': 1 }, unexplained: [] })

    const thrice = { ...twice, taken: [...twice.taken, taken('a', 8400)] }
    const worse = audit(thrice, new Map([['a', told]]))
    expect(worse.duplicates.byCause).toEqual({ 'no whole answer within 5000 ms': 1 })
    expect(worse.duplicates.unexplained).toHaveLength(1)
  })

  it('is explained by the doubt of a send that got through late', () => {
    const late = { ...twice, taken: [taken('a', 6000), taken('a', 15_000)] }
    const told = shown('sent', [
      ['sending', 90],
      ['uncertain', 5090, 'lost'],
      ['sending', 14_000],
    ])
    expect(audit(late, new Map([['a', told]])).duplicates).toEqual({ byCause: { lost: 1 }, unexplained: [] })
  })

  it.each([
    ['the API knows nothing of it', undefined],
    [
      'the timeline has no doubt',
      shown('sent', [
        ['sending', 90],
        ['sent', 150],
        ['sending', 8190],
      ]),
    ],
    [
      'the doubt came before the first',
      shown('sent', [
        ['sending', 10],
        ['uncertain', 50, 'lost'],
        ['sending', 90],
        ['sending', 8190],
      ]),
    ],
    [
      'the doubt came after the second',
      shown('sent', [
        ['sending', 90],
        ['sending', 8190],
        ['uncertain', 9000, 'lost'],
      ]),
    ],
  ])('is not explained when %s', (_what, told: Shown | undefined) => {
    const found = audit(twice, new Map([['a', told]]))
    expect(found.duplicates).toMatchObject({ byCause: {}, unexplained: [{ id: 'a' }] })
  })
})

describe('what else must not be', () => {
  it('is found: contents mixed up, a cancel that did not hold, and people nobody wrote to', () => {
    const found = audit(
      recordsOf({
        accepted: [message('a'), message('b'), message('c', { ended: { as: 'canceled', at: at(10) } })],
        taken: [
          { ...taken('a', 100, 200), text: 'your code is 999' },
          taken('c', 100, 200),
          taken('nobody', 100, 200),
        ],
        fallback: [{ ...fallback('b', 100), code: '999' }, fallback('stranger', 100)],
      }),
      new Map(),
    )
    expect(found.wrongContent.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(found.canceledAndTaken.map(({ id }) => id)).toEqual(['c'])
    expect(found.unknown).toEqual({ taken: 1, fallback: 1 })
  })

  it('is counted: repeats in the fallback, ends after the deadline, and sends without a 202', () => {
    const found = audit(
      recordsOf({
        accepted: [message('a'), message('b')],
        refused: ['+r1', '+r2', '+r3'],
        taken: [taken('b', 100, 60_001), { to: '+r1', text: 'x', at: at(5) }],
        fallback: [fallback('a', 100), fallback('a', 200), { ...fallback('r', 100), to: '+r2' }],
      }),
      new Map(),
    )
    expect(found.fallbackRepeats).toBe(1)
    expect(found.late).toMatchObject([{ id: 'b', what: 'delivered 1 ms after its deadline' }])
    expect(found.notAcknowledged).toEqual({ count: 3, taken: 1, fallback: 1 })
    expect(found.unknown).toEqual({ taken: 0, fallback: 0 })
  })
})

function at(ms: number): number {
  return START + ms
}

function message(id: string, more: Partial<Accepted> = {}): Accepted {
  return { id, to: `+${id}`, content: `code-${id}`, at: at(0), expiresAt: at(60_000), ...more }
}

function taken(id: string, atMs: number, deliveredAtMs?: number): Taken {
  const row = { to: `+${id}`, text: `Your code is code-${id}.`, at: at(atMs) }
  return deliveredAtMs === undefined ? row : { ...row, deliveredAt: at(deliveredAtMs) }
}

function fallback(id: string, atMs: number): FallbackRecord {
  return { messageId: id, to: `+${id}`, code: `code-${id}`, reason: 'undelivered', at: at(atMs) }
}

function recordsOf(records: Partial<Records>): Records {
  return { accepted: [], refused: [], taken: [], fallback: [], ...records }
}

function shown(status: string, entries: [status: string, atMs: number, detail?: string][]): Shown {
  const timeline = entries.map(([each, ms, detail]) => ({
    status: each,
    at: new Date(at(ms)).toISOString(),
    ...(detail !== undefined && { detail }),
  }))
  return { status, timeline }
}
