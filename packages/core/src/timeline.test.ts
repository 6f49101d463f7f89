import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MESSAGE_STATUSES, type TimelineEntry } from './message.ts'
import { ACCEPTED_BY_META, BY_RECEIPT, readTimeline, writeTimelineEntry } from './timeline.ts'

const acceptedAt = 1_763_870_000_000
const write = (entries: TimelineEntry[]) =>
  entries.map((entry) => writeTimelineEntry(entry, acceptedAt)).join('\n')

it('is short on the common way', () => {
  const lines = write([
    { status: 'queued', at: acceptedAt },
    { status: 'sending', at: acceptedAt + 48, detail: 'attempt 1' },
    { status: 'sent', at: acceptedAt + 92, detail: ACCEPTED_BY_META },
    { status: 'delivered', at: acceptedAt + 350, detail: BY_RECEIPT },
    { status: 'read', at: acceptedAt + 20_500, detail: BY_RECEIPT },
  ])
  expect(lines).toBe('q0\ns48 #1\nt92 +\nd350 =\nr20500 =')
})

it('reads as it was written, whatever it says', () => {
  const detail = fc.oneof(
    fc.string(),
    fc.constantFrom(
      ACCEPTED_BY_META,
      BY_RECEIPT,
      'attempt 01',
      '#1',
      '+',
      '=',
      'two\nlines',
      '"',
      'attempt 12',
    ),
  )
  const entry = fc.record(
    { status: fc.constantFrom(...MESSAGE_STATUSES), at: fc.integer({ min: -5000, max: 90_000_000 }), detail },
    { requiredKeys: ['status', 'at'] },
  )
  const timeline = fc.array(entry, { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(timeline, (steps) => {
      const entries = steps.map((step) => ({ ...step, at: acceptedAt + step.at })) as TimelineEntry[]
      expect(readTimeline(write(entries), acceptedAt)).toEqual(entries)
    }),
  )
})

it('reads what was written in JSON before, also with new lines behind it', () => {
  const before: TimelineEntry[] = [
    { status: 'queued', at: acceptedAt },
    { status: 'sending', at: acceptedAt + 48, detail: 'attempt 1' },
  ]
  const sent = writeTimelineEntry(
    { status: 'sent', at: acceptedAt + 92, detail: ACCEPTED_BY_META },
    acceptedAt,
  )
  const lines = [...before.map((entry) => JSON.stringify(entry)), sent].join('\n')
  expect(readTimeline(lines, acceptedAt)).toEqual([
    ...before,
    { status: 'sent', at: acceptedAt + 92, detail: ACCEPTED_BY_META },
  ])
})
