/**
 * Notifications: what is told of alerts, and how it is made sure that it arrives. Pure.
 *
 *     decided ──► waiting ──posted, 2xx──► delivered
 *                  │   ▲
 *                  │   └── posted, anything else: again after 1 s, 2 s, 4 s ... 15 min
 *                  └── 410, or not taken within a day, or too many before it: dropped
 *
 * A notification keeps its id, so a receiver that got it twice can tell. Those of one alert are posted one after the other, so a beginning is never
 * told after its end; a beginning that nobody took is still told before the end.
 */
import type { FindingId } from '../diagnosis.ts'
import { alertName, type Decision, type Mode } from './alert-states.ts'

/** What a receiver is told of a finding. Times are ISO 8601. */
export type ToldAlert = {
  id: FindingId
  subject?: string
  severity: 'critical' | 'warning' | 'note'
  what: string
  remedy: string
  since: string
  /** The section of the runbook. */
  runbook: string
}

/** The body of a notification, as JSON. `installation` is the prefix of its keys in Redis. */
export type NotificationBody = { id: string; at: string; installation: string } & (
  | { type: 'alert.firing' | 'alert.over'; alert: ToldAlert; mode: Mode | null }
  | { type: 'mode.changed'; mode: Mode; from: Mode; to: Mode; why: string }
  | { type: 'alert.test'; what: string }
)

/** A notification that waits to be taken. Times are milliseconds since 1970. */
export type Notification = {
  id: string
  /** Those about the same are told one after the other. */
  about: string
  /** Grows from notification to notification. */
  order: number
  decidedAt: number
  body: NotificationBody
  /** How often it was posted. */
  attempts: number
  nextAt: number
}

/** More are not kept while nobody takes them; the oldest go first. */
export const MOST_NOTIFICATIONS = 500

const FIRST_AGAIN_MS = 1000
const MOST_AGAIN_MS = 15 * 60_000
const GIVEN_UP_AFTER_MS = 24 * 3600_000

/** @param place.order greater than that of every notification before */
export function notificationOf(
  decision: Decision,
  place: { id: string; order: number; at: number; installation: string; mode: Mode | undefined },
): Notification {
  const { id, order, at, installation, mode } = place
  const common = { id, at: iso(at), installation }
  const kept = { id, order, decidedAt: at, attempts: 0, nextAt: at }
  if (decision.type === 'mode.changed') {
    const { type, from, to, why } = decision
    return { ...kept, about: 'mode', body: { type, ...common, mode: to, from, to, why } }
  }
  const { type, finding, firedAt } = decision
  const { severity, what, remedy } = finding
  const alert: ToldAlert = {
    id: finding.id,
    ...(finding.subject !== undefined && { subject: finding.subject }),
    severity,
    what,
    remedy,
    since: iso(finding.since ?? firedAt),
    runbook: `docs/runbook.md#${finding.id.replaceAll('_', '-')}`,
  }
  return { ...kept, about: alertName(finding), body: { type, ...common, alert, mode: mode ?? null } }
}

/** Adds to those that wait. `dropped`: the oldest, if there are too many. */
export function addNotifications(
  waiting: readonly Notification[],
  added: readonly Notification[],
): { notifications: Notification[]; dropped: Notification[] } {
  const all = [...waiting, ...added].toSorted((one, other) => one.order - other.order)
  const tooMany = Math.max(0, all.length - MOST_NOTIFICATIONS)
  return { notifications: all.slice(tooMany), dropped: all.slice(0, tooMany) }
}

/** The first of each alert. */
function heads(notifications: readonly Notification[]): Notification[] {
  const first = new Map<string, Notification>()
  for (const notification of notifications.toSorted((one, other) => one.order - other.order)) {
    if (!first.has(notification.about)) first.set(notification.about, notification)
  }
  return [...first.values()]
}

/** Those that are to be posted now, the oldest first. */
export function dueNotifications(
  notifications: readonly Notification[],
  now: number,
  most: number,
): Notification[] {
  return heads(notifications)
    .filter(({ nextAt }) => nextAt <= now)
    .slice(0, most)
}

/** When the next one is to be posted; undefined if none waits. */
export function nextNotificationAt(notifications: readonly Notification[]): number | undefined {
  const moments = heads(notifications).map(({ nextAt }) => nextAt)
  return moments.length > 0 ? Math.min(...moments) : undefined
}

/**
 * What becomes of a notification that was not taken: it waits, twice as long as before and a random part less, so that those of many do not come
 * at once. Undefined: it is given up.
 *
 * @param random from 0 to 1
 */
export function afterRefusal(
  notification: Notification,
  now: number,
  random: number,
): Notification | undefined {
  if (now - notification.decidedAt >= GIVEN_UP_AFTER_MS) return undefined
  const mostMs = Math.min(MOST_AGAIN_MS, FIRST_AGAIN_MS * 2 ** notification.attempts)
  const againMs = Math.round(mostMs * (1 - random / 2))
  return { ...notification, attempts: notification.attempts + 1, nextAt: now + againMs }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
