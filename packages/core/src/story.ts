/**
 * What became of a message, for people: its timeline with the time between its lines, what that time was spent on, and, where it did not go as it
 * should, why that is and what to do about it. Pure.
 */
import { FAILURES, type FailureRow } from './graph/failure-table.ts'
import { isSettled, type Message, type MessageStatus, type TimelineEntry } from './message.ts'
import { reasonForWaiting } from './next-step.ts'
import { maskPhoneNumber } from './phone-number.ts'
import { REASONS } from './reasons.ts'
import { WAITS_FOR, type WaitKind } from './timeline.ts'

/** What the time until the next step goes into. */
export type SpentOn = WaitKind | 'turn' | 'retry' | 'call' | 'receipt' | 'phone' | 'fallback'

/** One step. Moments are milliseconds since 1970. */
export type StoryStep = {
  status: MessageStatus
  at: number
  detail?: string
  /** Until the next step, or until now; absent where nothing more is waited for. */
  durationMs?: number
  spentOn?: SpentOn
  /** Of a call to Meta: which one it is, the first is 1; and what came of it, once something did. */
  attempt?: number
  answer?: string
}

/** Why it is as it is, in plain words, and what a person can do. */
export type Explanation = { cause: string; remedy: string }

export type Story = { steps: StoryStep[] } & Partial<Explanation>

/** What a step spends its time on, as a page says it. */
export const SPENT_ON: Readonly<Record<SpentOn, string>> = {
  turn: 'waited for its turn',
  retry: 'waited for the next try',
  token: 'waited for an access token',
  pace: "waited for the sender's pace",
  pair: 'waited for the limit of this recipient',
  outage: 'waited for Meta to answer',
  call: 'call to Meta',
  receipt: 'waited for a receipt',
  phone: 'on the way to the phone',
  fallback: 'in the fallback queue',
}

/** What it means that a message waits for this, or expired over it. `afterMs`: sooner that is nothing to speak of. */
const WAITING: Readonly<Record<SpentOn, { afterMs: number; meaning: string; remedy: string }>> = {
  turn: {
    afterMs: 10_000,
    meaning: 'No worker has taken it yet: there are many before it, or no worker runs.',
    remedy: 'See on the status page whether workers are alive, and how many messages wait.',
  },
  retry: {
    afterMs: 10_000,
    meaning: 'Meta did not take it; it is tried again.',
    remedy: 'Nothing, unless many are so: then look at the status page.',
  },
  token: {
    afterMs: 0,
    meaning: 'There is no living access token.',
    remedy: REASONS.token_unavailable.remedy,
  },
  pace: {
    afterMs: 0,
    meaning: 'The sender goes slower, because Meta asked for it or because SEND_RATE_PER_SECOND is low.',
    remedy: 'Nothing: it recovers by itself. If it comes back, ask Meta for a higher throughput.',
  },
  pair: {
    afterMs: 0,
    meaning: 'This recipient has got many messages in a short time; Meta takes one in six seconds.',
    remedy: 'Nothing: only this recipient waits. Does somebody ask for codes again and again?',
  },
  outage: {
    afterMs: 0,
    meaning: 'Meta does not answer.',
    remedy: REASONS.provider_unavailable.remedy,
  },
  call: {
    afterMs: 10_000,
    meaning: 'The call to Meta has no answer yet, or its worker is gone.',
    remedy: 'Nothing: after a while it is taken for uncertain, and a receipt is waited for.',
  },
  receipt: {
    afterMs: 0,
    meaning: 'Meta may have it or not: its answer was lost. A receipt will tell.',
    remedy: 'Nothing: without a receipt it is sent again, or goes to the fallback (ON_UNCERTAIN).',
  },
  phone: {
    afterMs: 20_000,
    meaning:
      'Meta has it, and no receipt tells that the phone has: it is off, without a network, or has blocked us.',
    remedy: 'Ask the person to look whether the phone is on the net. It goes to the fallback in time.',
  },
  fallback: {
    afterMs: 5000,
    meaning: 'It goes to the fallback, and its record is not written yet.',
    remedy: 'See that workers are alive: one of them writes it.',
  },
}

const BY_CODE = new Map(FAILURES.map((row) => [row.graphCode, row]))

/** The number of Meta's error at the beginning of what a timeline says; not of a receipt that came too late to matter. */
const GRAPH_CODE = /^(?:receipt: )?(\d{1,7})(?:\/\d+)? /

/** @param now milliseconds since 1970 */
export function tellStory(message: Message, now: number): Story {
  const steps = stepsOf(message, now)
  return { steps, ...explain(message, steps) }
}

function stepsOf(message: Message, now: number): StoryStep[] {
  const entries = withDecision(message)
  const endedAt = entries.findIndex(({ status }) => isSettled(status))
  let attempts = 0
  return entries.map((entry, i) => {
    const next = entries[i + 1]
    const isWaiting = endedAt < 0 || i < endedAt
    const goesInto = isWaiting ? spentOn(entry, message, !next) : undefined
    const isCall = goesInto === 'call'
    if (isCall) attempts += 1
    const { status, at } = entry
    const detail = shown(entry.detail, message)
    const answer = isCall && next ? shown(answerIn(next, message), message) : undefined
    return {
      status,
      at,
      ...(detail !== undefined && { detail }),
      ...(goesInto && { durationMs: Math.max(0, (next?.at ?? now) - at), spentOn: goesInto }),
      ...(isCall && { attempt: attempts }),
      ...(answer !== undefined && { answer }),
    }
  })
}

/** What came of a call, in the line after it. Where it led to the fallback the words are those of the reason. */
function answerIn(next: TimelineEntry, { decidedAt, reasonDetail }: Message): string | undefined {
  return next.at === decidedAt ? reasonDetail : next.detail
}

/** The timeline, and in it the moment at which the fallback was decided: it says when that came about. */
function withDecision({ timeline, decidedAt, reason }: Message): TimelineEntry[] {
  if (decidedAt === undefined) return timeline
  const after = timeline.findIndex(({ at, status }) => at > decidedAt || status === 'fallback')
  const place = after < 0 ? timeline.length : after
  const status = timeline[place - 1]?.status ?? 'queued'
  if (isSettled(status)) return timeline
  const decision = { status, at: decidedAt, detail: `goes to the fallback: ${reason ?? ''}` }
  return [...timeline.slice(0, place), decision, ...timeline.slice(place)]
}

function spentOn({ status, detail, at }: TimelineEntry, message: Message, isLast: boolean): SpentOn {
  const isDecided = message.decidedAt !== undefined && at >= message.decidedAt
  if (isDecided || (isLast && message.reason !== undefined)) return 'fallback'
  switch (status) {
    case 'queued':
      return waitIn(detail)
    case 'sending':
      return 'call'
    case 'uncertain':
      return 'receipt'
    default:
      return 'phone'
  }
}

function waitIn(detail = ''): SpentOn {
  const kinds = Object.keys(WAITS_FOR) as WaitKind[]
  const kind = kinds.find((each) => WAITS_FOR[each] === detail)
  if (kind !== undefined) return kind
  return /; (next try in|waiting) \d+ ms$/.test(detail) ? 'retry' : 'turn'
}

function explain(message: Message, steps: readonly StoryStep[]): Partial<Explanation> {
  const { status, reason } = message
  if (status === 'expired') {
    const waits = steps.flatMap((step) => (step.status === 'queued' && step.spentOn ? [step] : []))
    const longest = waits.toSorted((a, b) => (b.durationMs ?? 0) - (a.durationMs ?? 0))[0]?.spentOn ?? 'turn'
    const { meaning, remedy } = WAITING[longest]
    return { cause: `Its deadline passed before it was sent. ${meaning}`, remedy }
  }
  if (status === 'fallback' || (reason !== undefined && !isSettled(status))) return explainFallback(message)
  const last = steps.at(-1)
  if (isSettled(status) || !last?.spentOn) return {}
  const { afterMs, meaning, remedy } = WAITING[last.spentOn]
  return (last.durationMs ?? 0) >= afterMs ? { cause: meaning, remedy } : {}
}

/** By its reason; and, where an error of Meta's led to that, by what is known of it. */
function explainFallback(message: Message): Partial<Explanation> {
  const { reason } = message
  if (!reason) return {}
  const { meaning, remedy } = REASONS[reason]
  const row = lastFailure(message)
  if (!row || reasonForWaiting(row.failure) !== reason) return { cause: meaning, remedy }
  const isOurs = row.remedy.startsWith('Nothing') || row.remedy.startsWith('As for')
  return {
    cause: `${meaning} Meta says ${row.graphCode} (${row.title}): ${row.meaning}`,
    remedy: isOurs ? remedy : row.remedy,
  }
}

function lastFailure({ timeline, reasonDetail }: Message): FailureRow | undefined {
  const told = [...timeline.map(({ detail }) => detail), reasonDetail]
  const codes = told.flatMap((detail = '') => GRAPH_CODE.exec(detail)?.[1] ?? [])
  return BY_CODE.get(Number(codes.at(-1)))
}

/** Words of others may quote what nobody else is to see: the recipient, or Meta's id, which holds the recipient. */
function shown(detail: string | undefined, { to }: Message): string | undefined {
  return detail?.replaceAll(/wamid\.[\w+/=-]+/g, '[id]').replaceAll(to.slice(1), maskPhoneNumber(to))
}
