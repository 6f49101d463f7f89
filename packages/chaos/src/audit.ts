/**
 * The auditor. It knows what the API acknowledged, what Meta took and handed to phones, and what the fallback files hold. A message has
 * ended when one of these says so. Only of a message that none of them knows it asks the API, and believes one answer: `expired`; and of a
 * message that Meta took more than once it reads the timeline, for the cause.
 */
import type { Accepted, FallbackRecord, Records, Shown, Taken, Told } from './records.ts'

export type Audit = {
  accepted: number
  /** How many ended how, each by its first end: `delivered`, `fallback (reason)`, `canceled`, `used`, `expired`. */
  ended: Record<string, number>
  lost: Case[]
  /** Sends of one message beyond the first that Meta took, by what the timeline says of the send before; and those it does not explain. */
  duplicates: { byCause: Record<string, number>; unexplained: Case[] }
  /** In the fallback and on the phone, whichever came first, by the reason of the fallback. */
  fallbackAndDelivered: Record<string, number>
  /** Fallback records beyond the first of a message. */
  fallbackRepeats: number
  /** A cancel was acknowledged, and Meta took the message. */
  canceledAndTaken: Case[]
  /** The phone or the operator got something else than the app had asked for. */
  wrongContent: Case[]
  /** Taken by Meta, or in a fallback file, for somebody to whom nothing was sent. */
  unknown: { taken: number; fallback: number }
  late: Case[]
  /** From the 202 to the end, in milliseconds. */
  msToEnd: { median: number; p99: number; worst: number; worstId?: string }
  /** Given up by the client without a 202; some of them were sent all the same. */
  notAcknowledged: { count: number; taken: number; fallback: number }
}

/** One message that has to be looked at. */
export type Case = { id: string; to: string; acceptedAt: string; what: string; shown?: Shown }

type End = { as: string; at: number }
type Life = { message: Accepted; taken: readonly Taken[]; fallback: readonly FallbackRecord[] }

/** Those that none of the records has seen ending. */
export function unsettled(records: Records): Accepted[] {
  return lives(records)
    .filter((life) => !firstEnd(life))
    .map(({ message }) => message)
}

/** The ids of the messages whose timeline the audit needs. */
export function questions(records: Records): string[] {
  return lives(records)
    .filter((life) => !firstEnd(life) || life.taken.length > 1)
    .map(({ message }) => message.id)
}

/** @param told what the API says of those that `questions` names */
export function audit(records: Records, told: Told): Audit {
  const all = lives(records)
  const ends = all.map((life) => ({ life, end: firstEnd(life) ?? endByApi(life.message, told) }))
  const ended = ends.flatMap(({ life, end }) => (end ? [{ life, end }] : []))
  const caseOf = ({ message }: Life, what: string): Case => {
    const shown = told.get(message.id)
    const acceptedAt = new Date(message.at).toISOString()
    return { id: message.id, to: message.to, acceptedAt, what, ...(shown && { shown }) }
  }
  const further = all.flatMap((life) => causes(life, told).map((cause) => ({ life, cause })))
  const isEnded = (as: string) => (life: Life) => life.message.ended?.as === as
  return {
    accepted: all.length,
    ended: count(ended.map(({ end }) => end.as)),
    lost: ends
      .filter(({ end }) => !end)
      .map(({ life }) => caseOf(life, `in no record; the API says ${statusOf(told, life.message)}`)),
    duplicates: {
      byCause: count(further.flatMap(({ cause }) => cause ?? [])),
      unexplained: further
        .filter(({ cause }) => cause === undefined)
        .map(({ life }) => caseOf(life, `taken ${life.taken.length} times, at ${times(life.taken)}`)),
    },
    fallbackAndDelivered: count(
      all
        .filter(({ taken }) => taken.some(({ deliveredAt }) => deliveredAt))
        .flatMap(({ fallback: [first] }) => first?.reason ?? []),
    ),
    fallbackRepeats: all.reduce((sum, { fallback }) => sum + Math.max(0, fallback.length - 1), 0),
    canceledAndTaken: all
      .filter((life) => isEnded('canceled')(life) && life.taken.length > 0)
      .map((life) => caseOf(life, `the cancel was acknowledged, and Meta took it at ${times(life.taken)}`)),
    wrongContent: all.filter(hasWrongContent).map((life) => caseOf(life, 'other content than was asked for')),
    unknown: unknownOf(records),
    late: ended
      .filter(({ life, end }) => end.at > life.message.expiresAt && end.as !== 'expired')
      .map(({ life, end }) =>
        caseOf(life, `${end.as} ${end.at - life.message.expiresAt} ms after its deadline`),
      ),
    msToEnd: durations(ended),
    notAcknowledged: notAcknowledged(records),
  }
}

function lives(records: Records): Life[] {
  const taken = groupBy(records.taken, ({ to }) => to)
  const fallback = groupBy(records.fallback, ({ messageId }) => messageId)
  return records.accepted.map((message) => ({
    message,
    taken: (taken.get(message.to) ?? []).toSorted((a, b) => a.at - b.at),
    fallback: fallback.get(message.id) ?? [],
  }))
}

function firstEnd({ message, taken, fallback }: Life): End | undefined {
  const ends: End[] = [
    ...taken.flatMap(({ deliveredAt }) => (deliveredAt ? [{ as: 'delivered', at: deliveredAt }] : [])),
    ...fallback.map(({ reason, at }) => ({ as: `fallback (${reason})`, at })),
    ...(message.ended ? [message.ended] : []),
  ]
  return ends.toSorted((a, b) => a.at - b.at)[0]
}

/** What only the API can know: the deadline, and a cancel or "used" whose answer was lost. */
function endByApi({ id, mayHaveEnded }: Accepted, told: Told): End | undefined {
  const shown = told.get(id)
  if (!shown || (shown.status !== 'expired' && shown.status !== mayHaveEnded)) return undefined
  return { as: shown.status, at: Date.parse(shown.timeline.at(-1)?.at ?? '') }
}

/** For each send beyond the first that Meta took: why it was sent again, or undefined. */
function causes({ message, taken }: Life, told: Told): (string | undefined)[] {
  const timeline =
    told.get(message.id)?.timeline.map((entry) => ({ ...entry, at: Date.parse(entry.at) })) ?? []
  return taken.slice(1).map((again, index) => {
    const before = taken[index]?.at ?? 0
    // A send that was given up may get through late: what counts is when it began.
    const began = timeline.findLast(({ status, at }) => status === 'sending' && at <= before)?.at ?? before
    const doubt = timeline.find(({ status, at }) => status === 'uncertain' && at >= began && at <= again.at)
    if (!doubt) return undefined
    timeline.splice(timeline.indexOf(doubt), 1) // one doubt explains one send
    return doubt.detail?.split(';')[0] ?? 'uncertain'
  })
}

function hasWrongContent({ message, taken, fallback }: Life): boolean {
  const isOther = ({ code }: FallbackRecord) => code !== undefined && code !== message.content
  return taken.some(({ text }) => !text.includes(message.content)) || fallback.some(isOther)
}

function unknownOf(records: Records): Audit['unknown'] {
  const known = new Set([...records.refused, ...records.accepted.map(({ to }) => to)])
  const strange = (rows: readonly { to: string }[]) => rows.filter(({ to }) => !known.has(to)).length
  return { taken: strange(records.taken), fallback: strange(records.fallback) }
}

function notAcknowledged({ refused, taken, fallback }: Records): Audit['notAcknowledged'] {
  const among = new Set(refused)
  const people = (rows: readonly { to: string }[]) =>
    new Set(rows.map(({ to }) => to).filter((to) => among.has(to))).size
  return { count: refused.length, taken: people(taken), fallback: people(fallback) }
}

function durations(ended: readonly { life: Life; end: End }[]): Audit['msToEnd'] {
  // The end may be seen before the 202: a client that was not answered in time asks again.
  const sorted = ended
    .map(({ life, end }) => ({ id: life.message.id, ms: Math.max(0, end.at - life.message.at) }))
    .sort((a, b) => a.ms - b.ms)
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]?.ms ?? 0
  const worst = sorted.at(-1)
  return { median: at(0.5), p99: at(0.99), worst: worst?.ms ?? 0, ...(worst && { worstId: worst.id }) }
}

function statusOf(told: Told, { id }: Accepted): string {
  return told.get(id)?.status ?? 'nothing'
}

function times(taken: readonly Taken[]): string {
  return taken.map(({ at }) => new Date(at).toISOString()).join(', ')
}

function count(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words.toSorted()) counts[word] = (counts[word] ?? 0) + 1
  return counts
}

function groupBy<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const group = groups.get(keyOf(row))
    if (group) group.push(row)
    else groups.set(keyOf(row), [row])
  }
  return groups
}
