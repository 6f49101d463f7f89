/**
 * What is wrong, and what to do about it: one table, from facts to findings. "Is it us, Meta, the token, the template, or that one phone?" is
 * answered here and nowhere else; pages, alerts and the command line show it.
 *
 * Pure: the facts are passed in, with the clock. What each finding means, what to check and what to do stands in `docs/runbook.md`.
 */
import {
  isUsable,
  NOT_ANSWERED_YET,
  type LastCheck,
  type LastRenewal,
  type StoredToken,
  type TokenState,
} from './access-token/token-state.ts'
import type { PausedCallback } from './callbacks/callback-event.ts'
import type { PaceState } from './pacing.ts'
import type { Pause } from './pauses.ts'
import { SILENT_AFTER_MS, type LivingProcess } from './presence.ts'
import type { Minute } from './tallies.ts'

export const FINDINGS = [
  'sender_unset',
  'token_missing',
  'token_wrong_app',
  'token_dead',
  'token_expired',
  'sender_paused',
  'worker_missing',
  'redis_full',
  'provider_unreachable',
  'provider_slow',
  'fallback_stuck',
  'fallback_rate',
  'oldest_waiting',
  'receipts_missing',
  'template_paused',
  'sender_slowed',
  'renewal_failing',
  'token_expiring',
  'token_restored',
  'renewal_not_configured',
  'phone_unreadable',
  'quality_red',
  'delivered_ratio',
  'pair_limited',
  'callback_paused',
  'sweep_repairs',
  'possible_duplicates',
] as const

/** Names the section of `docs/runbook.md`: `token_dead` is `#token-dead`. In the order in which they are shown. */
export type FindingId = (typeof FINDINGS)[number]

export type Finding = {
  id: FindingId
  /** What it is about, where there may be several: `otp_login fr`. */
  subject?: string
  /** `critical`: people get no codes, or soon will not. `warning`: something is to be done. `note`: good to know. */
  severity: 'critical' | 'warning' | 'note'
  /** What is wrong, in one sentence or two. */
  what: string
  /** What to do about it now. */
  remedy: string
  /** Milliseconds since 1970, where it is known. */
  since?: number
}

/** How Meta answered when it was looked at last. */
export type MetaFacts = {
  reachable: boolean
  /** Milliseconds; null without an answer. */
  latencyMs: number | null
  /** Meta's words, if it did not show the number. */
  refusal?: string
  /** Why there was no answer. */
  fault?: string
  qualityRating?: string
}

/** All that is looked at. Times are milliseconds since 1970. */
export type Facts = {
  now: number
  isSenderSet: boolean
  /** `present` is the one in use, or the newest when none is alive; `state` is its state. */
  token: {
    state: TokenState
    present: StoredToken | undefined
    canRenew: boolean
    lastRenewal: LastRenewal | undefined
    lastCheck: LastCheck | undefined
    /** When a process put back what Redis had lost. */
    restoredAt: number | undefined
  }
  /** Undefined: not looked at yet. */
  meta: MetaFacts | undefined
  pauses: readonly Pause[]
  pace: PaceState
  processes: readonly LivingProcess[]
  redis: { usedMemoryBytes: number; maxMemoryBytes: number }
  receipts: { expected: boolean; lastAt: number | null }
  /** When the oldest message that is not sent yet was accepted, and the oldest job of the fallback was added. */
  oldestWaitingAt: number | undefined
  oldestFallbackAt: number | undefined
  /** Endpoints of apps that take nothing. */
  pausedCallbacks: readonly PausedCallback[]
  /** The last hour, the oldest first; the last one has begun. */
  minutes: readonly Minute[]
  /** From so many hundredths of messages on that go to the fallback it is too many. */
  fallbackPercent: number
}

const HOUR_MS = 3600_000
const DAY_MS = 24 * HOUR_MS

/** A code that has waited for longer is late: most people ask for another after a minute. */
const WAITED_TOO_LONG_MS = 30_000

/** A record of the fallback is written at once, or something is in its way. */
const FALLBACK_STUCK_MS = 10_000

/** Meta answers within half a second as a rule. */
const SLOW_MS = 2000

/** Redis: apps with more than their share are refused from here on, and everybody from there on (`capacity.ts` in the API). */
const TIGHT_AT = 0.6
const FULL_AT = 0.8

/** So many messages are few: one person's phone must not wake an operator. */
const FEW = 5

/** More of them within a minute are too many, whatever their share is. */
const MANY_FALLBACKS = 20

const RECENT_MINUTES = 5

/** Of a template's messages, once there are some, at least this part arrives. */
const DELIVERED_AT_LEAST = 0.7
const ENOUGH_SENT = 20

/** What was sent within these minutes may be on its way. */
const IN_FLIGHT_MINUTES = 2

/** What is wrong now, the worst first. Empty: nothing is. */
export function diagnose(facts: Facts): Finding[] {
  const found = [
    ...aboutToken(facts),
    ...aboutSender(facts),
    ...aboutUs(facts),
    ...aboutMeta(facts),
    ...aboutMessages(facts),
  ]
  const rank = ({ severity, id }: Finding) =>
    ['critical', 'warning', 'note'].indexOf(severity) * FINDINGS.length + FINDINGS.indexOf(id)
  return found.sort((one, other) => rank(one) - rank(other))
}

const BRING_TOKEN =
  'Get a new token for a system user in Meta Business settings (docs/WHATSAPP_SETUP_GUIDE.md) and bring it on the status page, or with `relais tokens update`.'

/** What Meta's review says of a token of another app begins so: see `token-authority.ts`. */
const FOREIGN = /belongs to the app|did not match the Viewing App/i

function aboutToken({ now, isSenderSet, token, meta }: Facts): Finding[] {
  if (!isSenderSet) {
    return [
      {
        id: 'sender_unset',
        severity: 'critical',
        what: 'WHATSAPP_PHONE_NUMBER_ID is not set: there is no number to send from. Codes go to the fallback.',
        remedy:
          'Set it (scripts/get-whatsapp-tokens.sh asks for all that is needed), then restart API and workers.',
      },
    ]
  }
  const { state, present, canRenew, lastRenewal, lastCheck } = token
  switch (state) {
    case 'missing':
      return [
        {
          id: 'token_missing',
          severity: 'critical',
          what: 'There is no access token, neither in Redis nor in the environment. Codes go to the fallback.',
          remedy: BRING_TOKEN,
        },
      ]
    case 'expired':
      return [
        {
          id: 'token_expired',
          severity: 'critical',
          what: 'The access token has expired, and Meta renews no expired token. Codes go to the fallback.',
          remedy: BRING_TOKEN,
          ...(typeof present?.expiresAt === 'number' && { since: present.expiresAt }),
        },
      ]
    case 'invalid':
      return [deadToken(present, meta)]
    case 'valid':
    case 'expiring':
      break
  }
  const findings: Finding[] = []
  if (canRenew && lastCheck?.ok === false && lastCheck.error !== NOT_ANSWERED_YET && meta?.reachable) {
    findings.push({
      id: 'token_wrong_app',
      severity: 'warning',
      what: `The token sends, but Meta does not tell about it with our app id and secret, so renewing it will fail too. Meta says: ${ended(lastCheck.error)}`,
      remedy:
        'WHATSAPP_APP_ID and WHATSAPP_APP_SECRET must be those of the app that the token was made for: `relais doctor` tries each. Set them right, then restart API and workers.',
      since: lastCheck.at,
    })
  }
  if (canRenew && lastRenewal?.ok === false) {
    findings.push({
      id: 'renewal_failing',
      severity: 'warning',
      what: `The token lives, but renewing it has failed ${times(lastRenewal.failures)}: ${ended(lastRenewal.error)}`,
      remedy:
        "It is tried again by itself. If Meta's words name the app or its secret, check WHATSAPP_APP_ID and WHATSAPP_APP_SECRET (`relais doctor`). It must succeed before the token ends.",
      since: lastRenewal.at,
    })
  }
  if (!canRenew && present?.expiresAt !== null) {
    findings.push({
      id: 'renewal_not_configured',
      severity: 'note',
      what: 'Nothing renews the token: WHATSAPP_APP_ID and WHATSAPP_APP_SECRET are not both set.',
      remedy: 'Set both (scripts/get-whatsapp-tokens.sh), then restart API and workers.',
    })
  }
  if (token.restoredAt !== undefined && now - token.restoredAt < HOUR_MS) {
    findings.push({
      id: 'token_restored',
      severity: 'warning',
      what: 'Redis had lost the access token, and it was put back from the memory of a process.',
      remedy:
        'Find out why before it happens with no process left: persistence (AOF), eviction (maxmemory-policy), FLUSHALL, or a failover to a replica that was behind.',
      since: token.restoredAt,
    })
  }
  const leftMs = typeof present?.expiresAt === 'number' ? present.expiresAt - now : Infinity
  if (leftMs < 7 * DAY_MS && !(canRenew && lastRenewal?.ok !== false && state === 'valid')) {
    findings.push({
      id: 'token_expiring',
      severity: leftMs < DAY_MS ? 'critical' : 'warning',
      what: `The access token ends in ${span(leftMs)}, and no renewal has succeeded.`,
      remedy: `Renew it now: the button on the status page, or \`relais tokens renew\`. If that fails: ${BRING_TOKEN}`,
    })
  }
  return findings
}

function deadToken(present: StoredToken | undefined, meta: MetaFacts | undefined): Finding {
  const why = present?.why ?? meta?.refusal
  const since = present?.refusedAt
  const said = why === undefined ? '' : ` Meta says: ${ended(why)}`
  if (why !== undefined && FOREIGN.test(why)) {
    return {
      id: 'token_wrong_app',
      severity: 'critical',
      what: `The access token is one of another app than WHATSAPP_APP_ID.${said} Codes go to the fallback.`,
      remedy: `Either WHATSAPP_APP_ID is wrong, or the token was made for another app. ${BRING_TOKEN}`,
      ...(since !== undefined && { since }),
    }
  }
  return {
    id: 'token_dead',
    severity: 'critical',
    what: `The access token is dead: it was revoked, or Meta no longer accepts it.${said} Codes go to the fallback.`,
    remedy: BRING_TOKEN,
    ...(since !== undefined && { since }),
  }
}

function aboutSender({ pauses, pace, meta }: Facts): Finding[] {
  const findings = pauses.map((pause): Finding => {
    const { what, reason, detail, since } = pause
    if (what === 'sender') {
      return {
        id: 'sender_paused',
        severity: 'critical',
        what: `Meta does not let this account or number send (${reason}): ${ended(detail)} Codes go to the fallback; a message now and then finds out when it is over.`,
        remedy:
          'See what Meta wants in WhatsApp Manager (account restrictions, payment method, business verification) and settle it. Sending goes on by itself.',
        since,
      }
    }
    const template = what.replace(/^template /, '')
    return {
      id: 'template_paused',
      subject: template,
      severity: 'critical',
      what: `The template ${template} cannot be used: ${ended(detail)} Codes that need it go to the fallback.`,
      remedy:
        'Look at it in WhatsApp Manager: a paused one comes back by itself after 3 or 6 hours, a disabled or missing one needs another. Until then set WHATSAPP_OTP_TEMPLATE to one that is approved.',
      since,
    }
  })
  if (pace.slowed) {
    findings.push({
      id: 'sender_slowed',
      severity: 'warning',
      what: `Meta has this sender slow down: it goes at ${pace.ratePerSecond.toFixed(1)} a second for now. Meta says: ${ended(pace.slowed.reason)}`,
      remedy:
        'Nothing at once: the pace grows back within a minute. If it comes again and again, lower SEND_RATE_PER_SECOND or ask Meta for a higher throughput.',
      since: pace.slowed.since,
    })
  }
  if (meta?.qualityRating === 'RED') {
    findings.push({
      id: 'quality_red',
      severity: 'warning',
      what: 'The quality of the number is RED: people block or report it, and Meta may pause its templates or limit it.',
      remedy: 'Send only to those who ask for a code, and look for pumping (`relais limits`).',
    })
  }
  return findings
}

function aboutUs({ now, processes, redis, oldestWaitingAt, oldestFallbackAt, minutes }: Facts): Finding[] {
  const findings: Finding[] = []
  const workers = processes.filter(({ name }) => name === 'worker')
  if (!workers.some(({ seenAt }) => isAlive(seenAt, now))) {
    const lastAt = Math.max(...workers.map(({ seenAt }) => seenAt))
    const heard =
      workers.length > 0
        ? `The last one was heard of ${span(now - lastAt)} ago`
        : 'None has been heard of within the hour'
    findings.push({
      id: 'worker_missing',
      severity: 'critical',
      what: `No worker is alive: messages are accepted, and nothing is sent, nor written to the fallback log. ${heard}.`,
      remedy: 'Start a worker (`docker compose up -d worker`), and read its last log lines for why it ended.',
      ...(workers.length > 0 && { since: lastAt }),
    })
  }
  const fullness = redis.maxMemoryBytes > 0 ? redis.usedMemoryBytes / redis.maxMemoryBytes : 0
  if (fullness >= TIGHT_AT) {
    const isFull = fullness >= FULL_AT
    findings.push({
      id: 'redis_full',
      severity: isFull ? 'critical' : 'warning',
      what: `Redis is ${Math.round(fullness * 100)} % full: ${isFull ? 'no message is accepted any more (503)' : 'apps with more than their share are refused (429)'}.`,
      remedy:
        'Raise maxmemory of Redis, or find out what fills it: who sends so much (accepted, on the status page), and whether workers keep up.',
    })
  }
  const waitedMs = oldestWaitingAt === undefined ? 0 : now - oldestWaitingAt
  if (waitedMs > WAITED_TOO_LONG_MS) {
    findings.push({
      id: 'oldest_waiting',
      severity: 'warning',
      what: `The oldest message that is not sent yet has waited for ${span(waitedMs)}: codes come late.`,
      remedy:
        'See what else is said here. If nothing is: more come in than SEND_RATE_PER_SECOND or the workers let out; add workers, or ask Meta for a higher throughput.',
      since: now - waitedMs,
    })
  }
  const stuckMs = oldestFallbackAt === undefined ? 0 : now - oldestFallbackAt
  if (stuckMs > FALLBACK_STUCK_MS) {
    findings.push({
      id: 'fallback_stuck',
      severity: 'critical',
      what: `Messages wait for ${span(stuckMs)} to be written to the fallback log: nobody can help these people.`,
      remedy:
        'Is a worker alive? Can it write to FALLBACK_LOG (a full disk, rights)? Its log line job.failed says why.',
      since: now - stuckMs,
    })
  }
  const repairs = sum(recent(minutes), (name) => name.startsWith('repair:'))
  if (repairs > 0) {
    findings.push({
      id: 'sweep_repairs',
      severity: 'warning',
      what: `${plural(repairs, 'message')} had lost the job or the fallback and got it back within the last ${RECENT_MINUTES} minutes.`,
      remedy:
        'Nothing was lost for good, but something died or was deleted: did Redis fail over or restart, or somebody remove jobs? (event message.repaired)',
    })
  }
  const duplicates = sum(recent(minutes), (name) => name === 'duplicate')
  if (duplicates > 0) {
    findings.push({
      id: 'possible_duplicates',
      severity: 'note',
      what: `${plural(duplicates, 'message')} may have been sent twice within the last ${RECENT_MINUTES} minutes: no answer came, and no receipt.`,
      remedy:
        'Look at the way to Meta and at the receipts. ON_UNCERTAIN=fallback sends none twice, at the price of more fallbacks.',
    })
  }
  return findings
}

function aboutMeta({ now, token, meta, processes, minutes, isSenderSet }: Facts): Finding[] {
  const findings: Finding[] = []
  const cutOff = processes.filter(
    ({ seenAt, outageSince }) => isAlive(seenAt, now) && outageSince !== undefined,
  )
  const isTokenUsable = token.present !== undefined && isUsable(token.present, now)
  const isSilent = meta !== undefined && !meta.reachable && isTokenUsable && isSenderSet
  if (isSilent || cutOff.length > 0) {
    const who =
      cutOff.length > 0
        ? `${plural(cutOff.length, 'worker')} of ours get no answer`
        : 'the API gets no answer'
    findings.push({
      id: 'provider_unreachable',
      severity: 'critical',
      what: `Meta does not answer: ${who}${meta?.fault === undefined ? '' : ` (${meta.fault})`}. Messages wait, and fall back when their time is up.`,
      remedy:
        'Check the way out of this machine to graph.facebook.com (DNS, firewall, proxy), then whether Meta itself is down (metastatus.com). Sending goes on by itself.',
      ...(cutOff.length > 0 && { since: Math.min(...cutOff.map(({ outageSince = now }) => outageSince)) }),
    })
  }
  const calls = sum(recent(minutes), (name) => name.startsWith('call:'))
  const meanMs = calls > 0 ? sum(recent(minutes), (name) => name === 'call-ms') / calls : 0
  const slowMs = Math.max(calls >= FEW ? meanMs : 0, meta?.latencyMs ?? 0)
  if (slowMs > SLOW_MS && !isSilent) {
    findings.push({
      id: 'provider_slow',
      severity: 'warning',
      what: `Meta is slow: it takes ${(slowMs / 1000).toFixed(1)} s to answer. Codes come late, and some sends may end without an answer.`,
      remedy:
        'Nothing helps but waiting: look at metastatus.com, and at the way out of this machine. Workers can be given more WORKER_CONCURRENCY meanwhile.',
    })
  }
  if (isTokenUsable && meta?.reachable && meta.refusal !== undefined) {
    findings.push({
      id: 'phone_unreadable',
      severity: 'warning',
      what: `Meta answers, and does not show our phone number: ${ended(meta.refusal)}`,
      remedy:
        'Is WHATSAPP_PHONE_NUMBER_ID right, and may the token see it (permissions, asset of the system user)? `relais doctor` says what is missing.',
    })
  }
  return findings
}

function aboutMessages(facts: Facts): Finding[] {
  const { minutes } = facts
  return [
    fallbackRate(facts),
    receiptsMissing(facts),
    pairLimited(minutes),
    ...deliveredRatios(minutes),
    ...callbacksPaused(facts.pausedCallbacks),
  ].filter((finding) => finding !== undefined)
}

function fallbackRate({ minutes, fallbackPercent }: Facts): Finding | undefined {
  const lately = recent(minutes)
  const isFallback = (name: string) => name.startsWith('fallback:')
  const fallbacks = sum(lately, isFallback)
  const ended = fallbacks + sum(lately, (name) => ['delivered', 'expired', 'used-first'].includes(name))
  const sent = sum(lately, (name) => name === 'sent')
  const percent = (100 * fallbacks) / Math.max(1, ended, sent)
  const inOneMinute = Math.max(0, ...lately.map((minute) => sum([minute], isFallback)))
  if (fallbacks < FEW || (percent <= fallbackPercent && inOneMinute <= MANY_FALLBACKS)) return undefined
  const [reason = 'unknown'] = mostOften(lately, 'fallback:')
  return {
    id: 'fallback_rate',
    severity: percent >= 50 ? 'critical' : 'warning',
    what: `${Math.round(percent)} % of messages fell back within the last ${RECENT_MINUTES} minutes (${fallbacks}), most of them as ${reason}.`,
    remedy: 'See why below, reason by reason; and help those who wait: `relais fallback list`.',
  }
}

/** None comes though there should be some: whether a code arrives is then not known of any. */
function receiptsMissing({ receipts, minutes, now }: Facts): Finding | undefined {
  if (!receipts.expected) return undefined
  const lately = minutes.slice(-10)
  const refused = sum(lately, (name) => name === 'webhook-refused')
  const came = sum(lately, (name) => name === 'receipt')
  if (refused > 0 && came === 0) {
    return {
      id: 'receipts_missing',
      severity: 'critical',
      what: `Webhooks arrive, but are not signed with our app secret (${refused} refused): no receipt is taken, so every message falls back as undelivered.`,
      remedy:
        'WHATSAPP_APP_SECRET is not the secret of the app that sends the webhooks: set the right one, or bring it together with the token.',
    }
  }
  const overdue = sum(lately, (name) => name === 'fallback:undelivered')
  const sentBefore = sum(lately.slice(0, -IN_FLIGHT_MINUTES), (name) => name === 'sent')
  if (came > 0 || (overdue < 3 && sentBefore < FEW)) return undefined
  const last =
    receipts.lastAt === null ? 'None has ever come' : `The last one came ${span(now - receipts.lastAt)} ago`
  return {
    id: 'receipts_missing',
    severity: 'critical',
    what: `Messages are sent, and no receipt comes: what arrives is not known, and falls back as undelivered. ${last}.`,
    remedy:
      "Check the webhook in Meta's app dashboard: its URL, its verify token, and that it is subscribed to `messages`; and the proxy in front of the API. `relais doctor` tries it.",
    ...(receipts.lastAt !== null && { since: receipts.lastAt }),
  }
}

function pairLimited(minutes: readonly Minute[]): Finding | undefined {
  const count = sum(recent(minutes), (name) => name === 'attempt:rate-limited-pair' || name === 'wait:pair')
  if (count === 0) return undefined
  return {
    id: 'pair_limited',
    severity: 'note',
    what: `Some recipient gets too many messages: Meta's limit for one sender and one recipient (pair limit, 131056) held ${plural(count, 'send')} up within the last ${RECENT_MINUTES} minutes. Others are not held up.`,
    remedy:
      'One message per 6 seconds to a person is what Meta allows. Set RECIPIENT_COOLDOWN_SECONDS, and see that the app does not ask again and again.',
  }
}

function callbacksPaused(paused: readonly PausedCallback[]): Finding[] {
  return paused.map(({ app, pausedAt, waiting, lastFault }) => ({
    id: 'callback_paused',
    subject: app,
    severity: 'warning',
    what: `The endpoint of ${app} takes no events${lastFault === undefined ? '' : ` (${lastFault})`}: it is paused, and ${plural(waiting, 'message')} of which it is to be told ${waiting === 1 ? 'waits' : 'wait'}. Codes are sent all the same.`,
    remedy: `Tell the people of ${app}. It is tried once a minute; \`relais callbacks test ${app}\` tries it now, and \`relais callbacks resume ${app}\` posts all that waits.`,
    since: pausedAt,
  }))
}

function deliveredRatios(minutes: readonly Minute[]): Finding[] {
  const settled = minutes.slice(0, -IN_FLIGHT_MINUTES)
  const sent = counted(settled, 'template-sent:')
  const delivered = counted(settled, 'template-delivered:')
  return [...sent].flatMap(([template, count]): Finding[] => {
    const ratio = (delivered.get(template) ?? 0) / count
    if (count < ENOUGH_SENT || ratio >= DELIVERED_AT_LEAST) return []
    return [
      {
        id: 'delivered_ratio',
        subject: template,
        severity: 'warning',
        what: `Of the messages with the template ${template}, ${Math.round(ratio * 100)} % arrived within the last hour (${count} sent).`,
        remedy:
          'Compare with the other templates: if only this one is low, look at its quality in WhatsApp Manager; if all are, at the receipts and at who asks for codes (pumping).',
      },
    ]
  })
}

/** Is it heard of? */
export function isAlive(seenAt: number, now: number): boolean {
  return now - seenAt <= SILENT_AFTER_MS
}

/** How often something happened in these minutes. */
export function sum(minutes: readonly Minute[], isMeant: (name: string) => boolean): number {
  let total = 0
  for (const { counts } of minutes) for (const [name, count] of counts) if (isMeant(name)) total += count
  return total
}

/** The names with a prefix, without it, and how often each happened; the most frequent first. */
export function counted(minutes: readonly Minute[], prefix: string): Map<string, number> {
  const totals = new Map<string, number>()
  for (const { counts } of minutes) {
    for (const [name, count] of counts) {
      if (!name.startsWith(prefix)) continue
      const rest = name.slice(prefix.length)
      totals.set(rest, (totals.get(rest) ?? 0) + count)
    }
  }
  return new Map([...totals].sort(([, one], [, other]) => other - one))
}

/** A span of time as people say it: `41 s`, `12 min`, `5 h`, `37 days`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`
  return `${Math.floor(seconds / (24 * 3600))} days`
}

function recent(minutes: readonly Minute[]): readonly Minute[] {
  return minutes.slice(-RECENT_MINUTES)
}

function mostOften(minutes: readonly Minute[], prefix: string): string[] {
  return [...counted(minutes, prefix).keys()]
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

/** Others' words, as the end of a sentence. */
function ended(words: string): string {
  return /[.!?]$/.test(words) ? words : `${words}.`
}
