/**
 * The events that apps are told of their messages, and what becomes of one that was not taken. Pure.
 *
 *     happened ──► waiting ──posted, 2xx──► delivered
 *                   │   ▲
 *                   │   └── posted, anything else: again after 5 s, 10 s, 20 s ... 30 min
 *                   └── not taken within a day, or too many that wait: dead letter ──redrive──► waiting
 *
 * The events of one message are posted one after the other, in their order. One app's endpoint that fails and fails is paused: then one event now and
 * then finds out whether it is back.
 */
import type { FallbackReason, MessageStatus } from '../message.ts'

/**
 * What is told: where a message is and stays, or ends. Not `queued`, `sending` and `uncertain`: they pass within seconds, any number of times, and
 * nothing is to be done about them.
 */
export const TOLD_STATUSES = [
  'sent',
  'delivered',
  'read',
  'fallback',
  'expired',
  'canceled',
  'used',
] as const satisfies readonly MessageStatus[]

export type ToldStatus = (typeof TOLD_STATUSES)[number]

export function isTold(status: MessageStatus): status is ToldStatus {
  return (TOLD_STATUSES as readonly string[]).includes(status)
}

/** An event that waits, as the script that moved its message wrote it. Times are milliseconds since 1970. */
export type WaitingEvent = {
  messageId: string
  /** From 1 on, for each message. */
  sequence: number
  status: ToldStatus
  at: number
  /** The last four digits of the recipient. */
  lastDigits: string
  reference?: string
  reason?: FallbackReason
  isTest?: true
  /** Since when it waits: since it happened, or was driven again. */
  since: number
  /** How often it was posted. */
  tries: number
}

/** The body of an event, as JSON. */
export type CallbackBody = {
  type: `message.${ToldStatus}`
  /** The same at every try. */
  id: string
  /** ISO 8601. */
  at: string
  app: string
  messageId: string
  sequence: number
  status: ToldStatus
  /** Masked. */
  to: string
  reference?: string
  reason?: FallbackReason
  isTest?: true
}

/** Named so that whoever gets it twice can tell. */
export function eventId({ messageId, sequence }: Pick<WaitingEvent, 'messageId' | 'sequence'>): string {
  return `${messageId}.${sequence}`
}

export function bodyOf(app: string, event: WaitingEvent): CallbackBody {
  const { messageId, sequence, status, at, lastDigits, reference, reason, isTest } = event
  return {
    type: `message.${status}`,
    id: eventId(event),
    at: new Date(at).toISOString(),
    app,
    messageId,
    sequence,
    status,
    to: `…${lastDigits}`,
    ...(reference !== undefined && { reference }),
    ...(reason !== undefined && { reason }),
    ...(isTest && { isTest }),
  }
}

/** How long all that takes, in milliseconds. */
export type CallbackTimes = {
  firstAgainMs: number
  mostAgainMs: number
  givenUpAfterMs: number
  /** An endpoint that has failed for so long, and often enough, is paused. */
  pausedAfterMs: number
  /** While it is, one event is tried so often. */
  probeEveryMs: number
}

export const CALLBACK_TIMES: CallbackTimes = {
  firstAgainMs: 5000,
  mostAgainMs: 30 * 60_000,
  givenUpAfterMs: 24 * 3600_000,
  pausedAfterMs: 5 * 60_000,
  probeEveryMs: 60_000,
}

/** So often in a row before it is paused. */
export const PAUSED_AFTER_FAILURES = 20

/**
 * When an event that was not taken is posted again: each time twice as long after, and a random part less, so that those of many do not come at once.
 * Undefined: it is given up.
 *
 * @param event.tries with this one
 * @param random from 0 to 1
 */
export function againAt(
  event: Pick<WaitingEvent, 'tries' | 'since'>,
  now: number,
  random: number,
  times: CallbackTimes,
): number | undefined {
  if (now - event.since >= times.givenUpAfterMs) return undefined
  const mostMs = Math.min(times.mostAgainMs, times.firstAgainMs * 2 ** (event.tries - 1))
  return now + Math.max(1, Math.round(mostMs * (1 - random / 2)))
}

/** How an endpoint does. Times are milliseconds since 1970. */
export type EndpointHealth = {
  /** In a row. */
  failures: number
  failingSince?: number
  lastFault?: string
  deliveredAt?: number
  pausedAt?: number
  /** Until then nothing is posted, and then one event. Only while it is paused. */
  heldUntil?: number
}

/** One that is paused. `waiting` counts messages. */
export type PausedCallback = { app: string; pausedAt: number; waiting: number; lastFault?: string }

/** It took an event: whatever was is over. */
export function afterTaken(at: number): EndpointHealth {
  return { failures: 0, deliveredAt: at }
}

/** It did not. @param fault why, without its address */
export function afterFailure(
  health: EndpointHealth,
  at: number,
  fault: string,
  times: CallbackTimes,
): EndpointHealth {
  const failures = health.failures + 1
  const failingSince = health.failingSince ?? at
  const isPaused =
    health.pausedAt !== undefined ||
    (failures >= PAUSED_AFTER_FAILURES && at - failingSince >= times.pausedAfterMs)
  return {
    ...health,
    failures,
    failingSince,
    lastFault: fault,
    ...(isPaused && { pausedAt: health.pausedAt ?? at, heldUntil: at + times.probeEveryMs }),
  }
}
