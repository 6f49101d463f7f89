/**
 * How the timeline of a message is written in its record: a line a step, as short as can be, because every message has one for a day.
 *
 *     q0              queued, at acceptance
 *     s48 #1          sending, 48 ms after it: "attempt 1"
 *     t92 +           sent: "accepted by Meta"
 *     u5100 "reset"   uncertain, in words of its own
 *
 * A record whose fields are all short is kept by Redis in a third of the room, so what the common way of a message says has a sign.
 */
import type { Failure } from './outcome.ts'
import { MESSAGE_STATUSES, type MessageStatus, type TimelineEntry } from './message.ts'

const LETTERS: Record<MessageStatus, string> = {
  queued: 'q',
  sending: 's',
  uncertain: 'u',
  sent: 't',
  delivered: 'd',
  read: 'r',
  fallback: 'f',
  expired: 'e',
  canceled: 'c',
  used: 'x',
}

const STATUSES = new Map(MESSAGE_STATUSES.map((status) => [LETTERS[status], status]))

/** What Meta's 200 is called in a timeline. */
export const ACCEPTED_BY_META = 'accepted by Meta'

/** What a receipt that moved a message is called in its timeline. */
export const BY_RECEIPT = 'receipt'

/**
 * What a message waits for that is not its turn, as its timeline says it. Said once for each stay in the queue, when the wait begins; it lasts until the
 * next line.
 */
export const WAITS_FOR = {
  token: 'waiting for an access token',
  pace: 'waiting for the pace of the sender',
  pair: 'waiting for the limit of this recipient',
  outage: 'waiting for Meta to answer',
} as const

export type WaitKind = keyof typeof WAITS_FOR

/** Does the timeline say so already, since the message came (back) to the queue? */
export function isWaitNoted(timeline: readonly TimelineEntry[], kind: WaitKind): boolean {
  const cameAfter = timeline.findLastIndex(({ status }) => status !== 'queued')
  return timeline.slice(cameAfter + 1).some(({ detail }) => detail === WAITS_FOR[kind])
}

const MOST_TRACE = 64

/** A refusal of Meta's in the words of a timeline: what it was taken for, and by what name Meta's support finds it. */
export function refusalDetail({ detail, failure, graphCode, fbtraceId }: Failure): string {
  if (graphCode === undefined && fbtraceId === undefined) return detail
  const trace = fbtraceId === undefined ? '' : ` (fbtrace_id ${fbtraceId.slice(0, MOST_TRACE)})`
  return `${detail} (${failure})${trace}`
}

/** What a claim is called in a timeline: `claims.ts` writes its sign. */
const ATTEMPT = /^attempt (\d+)$/

/** The parts of a line; whoever writes it puts the milliseconds since acceptance in between. */
export function timelineParts({ status, detail }: Omit<TimelineEntry, 'at'>): [letter: string, said: string] {
  return [LETTERS[status], detail === undefined ? '' : ` ${shorten(detail)}`]
}

/** A whole line. */
export function writeTimelineEntry(entry: TimelineEntry, acceptedAt: number): string {
  const [letter, said] = timelineParts(entry)
  return `${letter}${entry.at - acceptedAt}${said}`
}

/** The lines of a record. */
export function readTimeline(lines: string, acceptedAt: number): TimelineEntry[] {
  return lines.split('\n').map((line) => {
    // As it was written before: such a record is gone a day after its message.
    if (line.startsWith('{')) return JSON.parse(line) as TimelineEntry
    const space = line.indexOf(' ')
    const end = space < 0 ? line.length : space
    const status = STATUSES.get(line.charAt(0)) ?? 'queued'
    const at = acceptedAt + Number(line.slice(1, end))
    return space < 0 ? { status, at } : { status, at, detail: lengthen(line.slice(space + 1)) }
  })
}

function shorten(detail: string): string {
  if (detail === ACCEPTED_BY_META) return '+'
  if (detail === BY_RECEIPT) return '='
  const attempt = ATTEMPT.exec(detail)?.[1]
  return attempt === undefined ? JSON.stringify(detail) : `#${attempt}`
}

function lengthen(text: string): string {
  switch (text.charAt(0)) {
    case '+':
      return ACCEPTED_BY_META
    case '=':
      return BY_RECEIPT
    case '#':
      return `attempt ${text.slice(1)}`
    default:
      return JSON.parse(text) as string
  }
}
