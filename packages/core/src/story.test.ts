import { describe, expect, it } from 'vitest'
import { classify } from './graph/failures.ts'
import { FAILURES } from './graph/failure-table.ts'
import { FALLBACK_REASONS, MESSAGE_STATUSES, type Message, type TimelineEntry } from './message.ts'
import { reasonForWaiting } from './next-step.ts'
import { REASONS } from './reasons.ts'
import { whyNotCanceled, whyNotResent } from './resend.ts'
import { SPENT_ON, tellStory, type SpentOn } from './story.ts'
import { refusalDetail, WAITS_FOR, type WaitKind } from './timeline.ts'

const START = 1_800_000_000_000

/** @param lines status, milliseconds since acceptance, and what it says */
function messageOf(
  lines: [TimelineEntry['status'], number, string?][],
  over: Partial<Message> = {},
): Message {
  const timeline = lines.map(([status, ms, detail]) => ({
    status,
    at: START + ms,
    ...(detail !== undefined && { detail }),
  }))
  return {
    id: 'msg_1',
    app: 'wallet',
    type: 'otp',
    to: '+221771234567',
    status: timeline.at(-1)?.status ?? 'queued',
    attempts: 0,
    claims: 0,
    waits: 0,
    acceptedAt: START,
    expiresAt: START + 300_000,
    timeline,
    ...over,
  }
}

/** What each step spent its time on, and how long it was. */
const spent = (message: Message, nowMs: number) =>
  tellStory(message, START + nowMs).steps.map(({ spentOn, durationMs }) => [spentOn, durationMs])

describe('the story of a message', () => {
  it('tells how long each step took and what for, up to the phone', () => {
    const message = messageOf([
      ['queued', 0],
      ['queued', 1000, WAITS_FOR.token],
      ['sending', 42_000, 'attempt 1'],
      ['queued', 42_300, '131016 Service unavailable (transient); next try in 700 ms'],
      ['sending', 43_000, 'attempt 2'],
      ['sent', 43_090, 'accepted by Meta'],
      ['delivered', 45_000, 'receipt'],
      ['read', 60_000, 'receipt'],
    ])
    const { steps, ...explained } = tellStory(message, START + 100_000)
    expect(steps.map(({ spentOn, durationMs }) => [spentOn, durationMs])).toEqual([
      ['turn', 1000],
      ['token', 41_000],
      ['call', 300],
      ['retry', 700],
      ['call', 90],
      ['phone', 1910],
      [undefined, undefined],
      [undefined, undefined],
    ])
    expect(steps.filter(({ attempt }) => attempt)).toMatchObject([
      { attempt: 1, answer: '131016 Service unavailable (transient); next try in 700 ms' },
      { attempt: 2, answer: 'accepted by Meta' },
    ])
    expect(explained).toEqual({})
  })

  it.each(Object.keys(WAITS_FOR) as WaitKind[])(
    'tells a wait for %s, and explains it while it lasts',
    (kind) => {
      const message = messageOf([
        ['queued', 0],
        ['queued', 10, WAITS_FOR[kind]],
      ])
      expect(spent(message, 41_010)).toEqual([
        ['turn', 10],
        [kind, 41_000],
      ])
      const { cause, remedy } = tellStory(message, START + 41_010)
      expect(cause).toMatch(/^\S.*\.$/)
      expect(remedy).toMatch(/^\S.*[.?]$/)
    },
  )

  it('an uncertain send waits for its receipt', () => {
    const message = messageOf([
      ['queued', 0],
      ['sending', 20, 'attempt 1'],
      ['uncertain', 10_000, 'no answer within 10000 ms; waiting for a receipt'],
    ])
    expect(spent(message, 12_000).at(-1)).toEqual(['receipt', 2000])
    expect(tellStory(message, START + 12_000).cause).toContain('A receipt will tell')
  })

  it('tells when the fallback was decided, and how long its record took', () => {
    const message = messageOf(
      [
        ['queued', 0],
        ['sending', 20, 'attempt 1'],
        ['fallback', 300, '131026 Message Undeliverable.'],
        ['fallback', 50_000, 'the code was used'],
      ],
      { reason: 'recipient_unreachable', reasonDetail: '131026 no', decidedAt: START + 120 },
    )
    expect(
      tellStory(message, START + 60_000).steps.flatMap(({ attempt, answer }) =>
        attempt ? [[attempt, answer]] : [],
      ),
    ).toEqual([[1, '131026 no']])
    expect(spent(message, 60_000)).toEqual([
      ['turn', 20],
      ['call', 100],
      ['fallback', 180],
      [undefined, undefined],
      [undefined, undefined],
    ])
    const waiting = messageOf([['queued', 0]], { reason: 'rate_limited', decidedAt: START + 100 })
    expect(spent(waiting, 8100)).toEqual([
      ['turn', 100],
      ['fallback', 8000],
    ])
    expect(tellStory(waiting, START + 8100).cause).toBe(REASONS.rate_limited.meaning)
  })

  it('shows neither the recipient nor an id of Meta, whoever quotes them', () => {
    const message = messageOf([
      ['queued', 0],
      ['sending', 20, 'attempt 1'],
      ['queued', 40, '131009 no: 221771234567 and +221771234567, wamid.HBgMMjIx+/=; next try in 5 ms'],
    ])
    const told = JSON.stringify(tellStory(message, START + 50))
    expect(told).not.toContain('771234567')
    expect(told).not.toContain('HBgM')
    expect(told).toContain('…4567')
  })

  it('has a word for all that time goes into', () => {
    const kinds: SpentOn[] = [
      'turn',
      'retry',
      'call',
      'receipt',
      'phone',
      'fallback',
      'token',
      'pace',
      'pair',
      'outage',
    ]
    expect(Object.keys(SPENT_ON).toSorted()).toEqual(kinds.toSorted())
  })
})

describe('why', () => {
  it.each(FALLBACK_REASONS)('it fell back with %s, and what to do', (reason) => {
    const message = messageOf(
      [
        ['queued', 0],
        ['fallback', 100, 'why'],
      ],
      { reason },
    )
    const { cause, remedy } = tellStory(message, START + 200)
    expect([cause, remedy]).toEqual([REASONS[reason].meaning, REASONS[reason].remedy])
    expect(cause).toMatch(/^[A-Z].{20,}\.$/)
  })

  it.each(FAILURES.map(({ graphCode, title }) => [graphCode, title] as const))(
    "Meta's error %i explains it: %s",
    (graphCode, title) => {
      const failed = classify({ statusCode: 400, graphCode, message: title })
      const reason = reasonForWaiting(failed.failure)
      for (const start of ['', 'receipt: ']) {
        const detail = start + refusalDetail(failed)
        const message = messageOf(
          [
            ['queued', 0],
            ['sending', 50, 'attempt 1'],
            ['fallback', 100, detail],
          ],
          { reason },
        )
        const { cause, remedy } = tellStory(message, START + 200)
        expect(cause).toContain(REASONS[reason].meaning)
        expect(cause).toContain(`${graphCode} (${title})`)
        expect(remedy).not.toMatch(/^Nothing|^As for/)
      }
    },
  )

  it('an error that has nothing to do with the reason explains nothing', () => {
    const message = messageOf(
      [
        ['queued', 0],
        ['sending', 50, 'attempt 1'],
        ['queued', 100, '131016 Service unavailable; next try in 5 ms'],
        ['fallback', 9000, 'no usable access token in time'],
      ],
      { reason: 'token_unavailable' },
    )
    expect(tellStory(message, START + 9000).cause).toBe(REASONS.token_unavailable.meaning)
  })

  it('it expired: for what it had waited longest for', () => {
    const message = messageOf([
      ['queued', 0],
      ['queued', 100, WAITS_FOR.outage],
      ['expired', 300_000, 'the deadline passed before it was sent'],
    ])
    expect(tellStory(message, START + 300_000)).toMatchObject({
      cause: 'Its deadline passed before it was sent. Meta does not answer.',
      remedy: REASONS.provider_unavailable.remedy,
    })
  })

  it.each([
    ['queued', 1000, false],
    ['queued', 11_000, true],
    ['sending', 1000, false],
    ['sending', 11_000, true],
    ['sent', 1000, false],
    ['sent', 25_000, true],
    ['delivered', 250_000, false],
    ['used', 250_000, false],
    ['canceled', 250_000, false],
  ] as const)('%s for %i ms is spoken of: %s', (status, ms, isSaid) => {
    const { cause, remedy } = tellStory(messageOf([[status, 0]]), START + ms)
    expect([cause !== undefined, remedy !== undefined]).toEqual([isSaid, isSaid])
  })
})

describe('what an operator may do', () => {
  const here = { content: 'here' as const, now: START + 1000 }
  const at = (status: Message['status'], over: Partial<Message> = {}) => messageOf([[status, 0]], over)

  it.each(MESSAGE_STATUSES)('a message that is %s', (status) => {
    const why = whyNotResent(at(status), here)
    if (status === 'sent' || status === 'fallback') expect(why).toBeUndefined()
    else expect(why).toContain(`(${status})`)
    expect(whyNotCanceled(at(status)) === undefined).toBe(status === 'queued')
  })

  it.each<[string, Partial<Message>, Partial<typeof here> | { content: 'gone' | 'unreadable' }, RegExp]>([
    ['of a test key', { isTest: true }, {}, /test key/],
    ['that was sent again', { resentAs: 'msg_2' }, {}, /see msg_2/],
    ['that was used', { usedAt: START }, {}, /was used/],
    ['whose deadline has passed', {}, { now: START + 300_000 }, /deadline has passed/],
    ['that has 29 s left', {}, { now: START + 271_000 }, /less than 30 s/],
    ['that Relais has not any more', {}, { content: 'gone' }, /fallback open/],
    ['that cannot be read', {}, { content: 'unreadable' }, /ENCRYPTION_KEYS/],
  ])('one %s is not sent again', (_what, over, situation, why) => {
    expect(whyNotResent(at('fallback', over), { ...here, ...situation })).toMatch(why)
  })

  it('one that has 30 s left is', () => {
    expect(whyNotResent(at('sent'), { content: 'here', now: START + 270_000 })).toBeUndefined()
  })
})
