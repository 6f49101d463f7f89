/**
 * Looks for what is wrong, and tells operators when it begins and when it is over: in the log, and by posting to the receiver of
 * `ALERT_WEBHOOK_URL`. It runs in the API, because a worker could not tell that none is alive.
 *
 *     take the turn ──► look ──► decide and keep (one step of Redis) ──► log ──► post what waits, beside the looking
 *
 * - Of several APIs one looks. When it stops, or its look fails, another takes over at its next look; when it dies or freezes, `TURN_MS` later at
 *   the most.
 * - What is decided is kept together with the notification of it, before anybody is told: who dies in between leaves it to the next. So each notification is
 *   posted at least once, always with the same id, and one that is lost on its way back may come twice.
 * - Redis does not answer: nothing is decided, and `/readyz` says so. A receiver that does not answer holds up no look.
 */
import { randomBytes, randomInt } from 'node:crypto'
import {
  addNotifications,
  afterRefusal,
  dueNotifications,
  follow,
  keepLooking,
  nextNotificationAt,
  notificationOf,
  type Alert,
  type AlertLook,
  type AlertStore,
  type AlertTimes,
  type Decision,
  type Events,
  type HeldAlerts,
  type Mode,
  type Notification,
  type NotificationBody,
  type Posted,
  type PostNotification,
} from '@relais/core'
import { within } from './within.ts'

const LOOK_EVERY_MS = 5000

/** Where operators want to be told sooner, it is looked more often. */
const LOOK_EVERY_LEAST_MS = 500

/** Longer than two looks and all that may hold them up. */
const TURN_MS = 15_000

/** A look that takes longer is given up. */
const LOOK_WITHIN_MS = 8000

/** So many are posted at the same time. */
const AT_ONCE = 8

const RANDOM_STEPS = 1000

/** What is known of alerts, for people to see. */
export type AlertsNow = {
  /** Undefined: not known yet. */
  mode: Mode | undefined
  /** Those that were told and are not over, the oldest first. */
  firing: Alert[]
  /** Notifications that nobody has taken yet. */
  undelivered: number
  isPosted: boolean
}

/**
 * @param deps.look what is wrong now
 * @param deps.post undefined: nobody is to be told, alerts are only logged
 * @param deps.installation names this Relais to the receiver
 */
export function createWatchAlerts(deps: {
  store: AlertStore
  look: () => Promise<Omit<AlertLook, 'at'>>
  post: PostNotification | undefined
  times: AlertTimes
  installation: string
  events: Pick<Events, 'alertFiring' | 'alertOver' | 'modeChanged' | 'alertDelivered' | 'alertUndelivered'>
  onError: (error: Error) => void
  now?: () => number
}) {
  const { store, post, times, installation, events, onError, now = Date.now } = deps
  const lookEveryMs = Math.max(LOOK_EVERY_LEAST_MS, Math.min(LOOK_EVERY_MS, times.criticalMs / 2))
  const who = randomBytes(9).toString('base64url')
  const closing = new AbortController()
  let looking: { close: () => void } | undefined
  let isOurTurn = false
  let delivering: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  return {
    start(): void {
      looking = keepLooking(look, () => lookEveryMs, onError)
    },

    /** Leaves the turn to another. A notification that is on its way is given up, and posted again by whoever comes next. */
    async close(): Promise<void> {
      looking?.close()
      clearTimeout(timer)
      closing.abort()
      await delivering
      await leaveTurn()
    },

    /** Rejects while Redis does not answer. */
    async list(): Promise<AlertsNow> {
      const { mode, alerts, notifications } = await store.read()
      const firing = [...alerts.values()]
        .filter(({ state }) => state !== 'pending')
        .toSorted((one, other) => (one.firedAt ?? 0) - (other.firedAt ?? 0))
      return { mode: mode.told, firing, undelivered: notifications.length, isPosted: post !== undefined }
    },

    /** Posts a notification that says it is a test, once. Undefined: there is nobody to tell. */
    async test(): Promise<Posted | undefined> {
      const at = now()
      const id = newId()
      const what = 'This is a test of the alerts of Relais: nothing is wrong.'
      const body: NotificationBody = {
        type: 'alert.test',
        id,
        at: new Date(at).toISOString(),
        installation,
        what,
      }
      return post?.({ id, body: JSON.stringify(body), at })
    },
  }

  async function look(): Promise<void> {
    isOurTurn = await store.takeTurn(who, TURN_MS)
    if (!isOurTurn) return
    try {
      await lookNow()
    } catch (error) {
      // Another may see what this one cannot.
      await leaveTurn()
      throw error
    }
  }

  async function lookNow(): Promise<void> {
    const at = now()
    const seen = await within(LOOK_WITHIN_MS, deps.look)
    const change = await store.change(who, (held) => decide(held, { at, ...seen }))
    if (!change) {
      isOurTurn = false
      return
    }
    change.decisions.forEach(tell)
    for (const notification of change.dropped) events.alertUndelivered(notification, { why: 'too many wait' })
    if (change.notifications.length > 0) deliver()
  }

  /** If Redis does not take it, the turn runs out by itself. */
  async function leaveTurn(): Promise<void> {
    if (!isOurTurn) return
    isOurTurn = false
    await store.leaveTurn(who).catch(onError)
  }

  function decide(held: HeldAlerts, seen: AlertLook) {
    const { watched, decisions } = follow(held, seen, times)
    const mode = watched.mode.told
    const added = decisions.map((decision, i) =>
      notificationOf(decision, { id: newId(), order: orderOf(held, i), at: seen.at, installation, mode }),
    )
    return { ...watched, decisions, ...addNotifications(held.notifications, post ? added : []) }
  }

  function tell(decision: Decision): void {
    switch (decision.type) {
      case 'alert.firing':
        events.alertFiring(decision.finding)
        break
      case 'alert.over':
        events.alertOver(decision.finding, decision.firedAt)
        break
      case 'mode.changed': {
        const { from, to, why } = decision
        events.modeChanged({ from, to, why })
      }
    }
  }

  /** Posts what is due, and comes back when more is. Nobody waits for it. */
  function deliver(): void {
    clearTimeout(timer)
    delivering ??= deliverDue()
      .catch(onError)
      .finally(() => (delivering = undefined))
  }

  async function deliverDue(): Promise<void> {
    while (isOurTurn && !closing.signal.aborted) {
      const { notifications } = await store.read()
      const due = dueNotifications(notifications, now(), AT_ONCE)
      if (due.length > 0) await Promise.all(due.map(deliverOne))
      else return comeBack(nextNotificationAt(notifications))
    }
  }

  function comeBack(at: number | undefined): void {
    if (at !== undefined && !closing.signal.aborted)
      timer = setTimeout(deliver, Math.max(0, at - now())).unref()
  }

  async function deliverOne(notification: Notification): Promise<void> {
    const { id } = notification
    const posted: Posted = post
      ? await post({ id, body: JSON.stringify(notification.body), at: now() }, closing.signal)
      : { kind: 'unreachable', fault: 'ALERT_WEBHOOK_URL is not set any more' }
    if (closing.signal.aborted && posted.kind === 'unreachable') return
    const left = settle(notification, posted)
    await store.change(undefined, ({ mode, alerts, notifications }) => ({
      mode,
      alerts,
      notifications: notifications.flatMap((each) => (each.id === id ? (left ?? []) : each)),
    }))
  }

  /** What is left of it once it was posted: itself, to be posted again, or nothing. */
  function settle(notification: Notification, posted: Posted): Notification | undefined {
    const tried = { ...notification, attempts: notification.attempts + 1 }
    switch (posted.kind) {
      case 'taken':
        events.alertDelivered(tried, posted.statusCode)
        return undefined
      case 'gone':
        events.alertUndelivered(tried, { why: `HTTP ${posted.statusCode}` })
        return undefined
      case 'refused':
      case 'unreachable': {
        const at = now()
        const again = afterRefusal(notification, at, randomInt(RANDOM_STEPS) / RANDOM_STEPS)
        const why = posted.kind === 'refused' ? `HTTP ${posted.statusCode}` : posted.fault
        events.alertUndelivered(tried, { why, ...(again && { nextInMs: again.nextAt - at }) })
        return again
      }
    }
  }
}

export type WatchAlerts = ReturnType<typeof createWatchAlerts>

/** A look decides less than a thousand things. */
function orderOf({ revision }: HeldAlerts, place: number): number {
  return revision * 1000 + place
}

function newId(): string {
  return `alert_${randomBytes(16).toString('base64url')}`
}
