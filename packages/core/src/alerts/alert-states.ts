/**
 * When something that is wrong is told to operators, and when that it is over. Pure: what is seen is passed in, with the time of the look.
 *
 * An alert is a finding with its subject:
 *
 *     quiet ──seen──► pending ──seen all the time──► firing ──not seen──► clearing ──not seen all the time──► quiet
 *       ▲                │        `alert.firing`        ▲                    │          `alert.over`
 *       └────not seen────┘                              └───────seen─────────┘
 *
 * - Each `alert.over` follows an `alert.firing`. What flaps is told once, as long as it comes back within `clearMs`.
 * - A warning that has become critical is told as `alert.firing` once more: some are woken by critical ones only. One that has become less
 *   is not told.
 * - A finding of severity `note` is not seen.
 *
 * The mode is told when it has changed. `fallback` is told at once, because no code is sent any more; `degraded` when it lasts as long as
 * something critical has to; better ones when they have lasted for `clearMs`. The first mode of all is no change.
 */
import type { Finding } from '../diagnosis.ts'

export type Mode = 'connected' | 'degraded' | 'fallback'

/** How long a finding must be seen to be told, and not be seen to be over. */
export type AlertTimes = { criticalMs: number; warningMs: number; clearMs: number }

/** Times are milliseconds since 1970. */
export type Alert = {
  state: 'pending' | 'firing' | 'clearing'
  /** When this state began. */
  since: number
  /** As it was when it was seen first; from `firing` on as it was told. */
  finding: Finding
  /** When it was told first. */
  firedAt?: number
  /** It has been critical since then, and was told as a warning. */
  worseSince?: number
}

/** `told`: what operators know. `other`: the mode is another since then. */
export type ModeWatch = { told?: Mode; other?: { since: number; isWorse: boolean } }

/** All that is known between two looks. The alerts are named by `alertName`. */
export type Watched = { mode: ModeWatch; alerts: ReadonlyMap<string, Alert> }

/** What one look saw. `at`: milliseconds since 1970. */
export type AlertLook = { at: number; mode: Mode; findings: readonly Finding[] }

/** Something to be told. */
export type Decision =
  | { type: 'alert.firing' | 'alert.over'; finding: Finding; firedAt: number }
  | { type: 'mode.changed'; from: Mode; to: Mode; why: string }

/** Beyond so many nothing more is watched: subjects are names of templates, which are the apps' to choose. */
export const MOST_ALERTS = 200

/** A warning may wait so many times as long as what is critical. */
const WARNING_WAITS = 6

const MODES: readonly Mode[] = ['connected', 'degraded', 'fallback']

const MODE_TEXTS: Readonly<Record<Mode, string>> = {
  connected: 'Codes are sent over WhatsApp, and the access token is looked after.',
  degraded: 'Codes are sent over WhatsApp, but the access token or Meta gives no assurance that it stays so.',
  fallback: 'Nothing can be sent over WhatsApp: codes go to the fallback.',
}

/** @param seconds as the settings give them */
export function alertTimes(seconds: { fireAfterSeconds: number; clearAfterSeconds: number }): AlertTimes {
  const criticalMs = seconds.fireAfterSeconds * 1000
  return {
    criticalMs,
    warningMs: criticalMs * WARNING_WAITS,
    clearMs: seconds.clearAfterSeconds * 1000,
  }
}

/** Tells alerts apart: `token_dead`, `template_paused otp_login fr`. */
export function alertName({ id, subject }: Pick<Finding, 'id' | 'subject'>): string {
  return subject === undefined ? id : `${id} ${subject}`
}

/** What a look changes, and what is to be told because of it, in this order. */
export function follow(
  watched: Watched,
  look: AlertLook,
  times: AlertTimes,
): { watched: Watched; decisions: Decision[] } {
  const { at, mode } = look
  const seen = seenIn(look.findings)
  const decisions: Decision[] = []
  const followed = followMode(watched.mode, mode, at, times)
  const { from } = followed
  if (from) decisions.push({ type: 'mode.changed', from, to: mode, why: whyMode(mode, look.findings) })
  const alerts = new Map<string, Alert>()
  const step = (name: string, alert: Alert | undefined) => {
    const { next, told } = followAlert(alert, seen.get(name), at, times)
    if (next) alerts.set(name, next)
    if (told) decisions.push(told)
  }
  for (const [name, alert] of watched.alerts) step(name, alert.since > at ? { ...alert, since: at } : alert)
  for (const name of seen.keys()) {
    if (!watched.alerts.has(name) && alerts.size < MOST_ALERTS) step(name, undefined)
  }
  return { watched: { mode: followed.watch, alerts }, decisions }
}

function seenIn(findings: readonly Finding[]): Map<string, Finding> {
  const seen = new Map<string, Finding>()
  for (const finding of findings) {
    const name = alertName(finding)
    if (finding.severity !== 'note' && !seen.has(name)) seen.set(name, finding)
  }
  return seen
}

type Step = { next?: Alert; told?: Decision }

function followAlert(
  alert: Alert | undefined,
  seen: Finding | undefined,
  at: number,
  times: AlertTimes,
): Step {
  if (!alert) {
    return seen ? followAlert({ state: 'pending', since: at, finding: seen }, seen, at, times) : {}
  }
  const { firedAt = at } = alert
  switch (alert.state) {
    case 'pending': {
      if (!seen) return {}
      const waitMs = seen.severity === 'critical' ? times.criticalMs : times.warningMs
      if (at - alert.since < waitMs) return { next: alert }
      return {
        next: { state: 'firing', since: at, finding: seen, firedAt: at },
        told: { type: 'alert.firing', finding: seen, firedAt: at },
      }
    }
    case 'firing': {
      if (seen) return followSeverity(alert, seen, at, times)
      const { worseSince: _, ...rest } = alert
      return followAlert({ ...rest, state: 'clearing', since: at }, undefined, at, times)
    }
    case 'clearing':
      if (seen) return followSeverity({ ...alert, state: 'firing', since: at }, seen, at, times)
      if (at - alert.since < times.clearMs) return { next: alert }
      return { told: { type: 'alert.over', finding: alert.finding, firedAt } }
  }
}

function followSeverity(alert: Alert, seen: Finding, at: number, times: AlertTimes): Step {
  const { worseSince: known, ...rest } = alert
  if (seen.severity !== 'critical' || alert.finding.severity === 'critical') return { next: rest }
  const worseSince = Math.min(known ?? at, at)
  if (at - worseSince < times.criticalMs) return { next: { ...rest, worseSince } }
  return {
    next: { ...rest, finding: seen },
    told: { type: 'alert.firing', finding: seen, firedAt: alert.firedAt ?? at },
  }
}

function followMode(
  { told, other }: ModeWatch,
  mode: Mode,
  at: number,
  times: AlertTimes,
): { watch: ModeWatch; from?: Mode } {
  if (mode === told) return { watch: { told } }
  const isWorse = told === undefined || MODES.indexOf(mode) > MODES.indexOf(told)
  const since = other?.isWorse === isWorse ? Math.min(other.since, at) : at
  const isUrgent = mode === 'fallback' && told !== undefined
  const waitMs = isUrgent ? 0 : isWorse ? times.criticalMs : times.clearMs
  if (at - since < waitMs) return { watch: { ...(told && { told }), other: { since, isWorse } } }
  return { watch: { told: mode }, ...(told && { from: told }) }
}

/** The worst that is wrong says it best. */
function whyMode(mode: Mode, findings: readonly Finding[]): string {
  const worst =
    findings.find(({ severity }) => severity === 'critical') ??
    findings.find(({ severity }) => severity === 'warning')
  return (mode === 'connected' ? undefined : worst?.what) ?? MODE_TEXTS[mode]
}
