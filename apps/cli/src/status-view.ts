/** The status as one screen of text. Pure: data in, lines out. */
import type { Paint } from './paint.ts'
import { wrapped } from './paint.ts'
import { plain } from './printable.ts'
import { day, span } from './times.ts'
import { ALL_WELL, type Mode, type WhatsappStatus } from './whatsapp-status.ts'

const WIDTH = 100
const LABEL_WIDTH = 11
const COLOURS = { connected: 'green', degraded: 'yellow', fallback: 'red' } as const satisfies Record<
  Mode,
  string
>

/** @param view.url where the API was asked */
export function renderStatus(
  view: { status: WhatsappStatus; url: string; now: number },
  paint: Paint,
): string {
  const { status, url, now } = view
  const { mode } = status
  const title = `${paint.bold('Relais')}  ${paint[COLOURS[mode]](paint.bold(mode.toUpperCase()))}  ${paint.dim(url)}`
  return [
    title,
    ...(status.findings.length === 0 ? wrapped(ALL_WELL, WIDTH) : []),
    ...status.findings.flatMap((finding) => findingLines(finding, paint)),
    '',
    ...row('Token', tokenLines(status, now), paint),
    ...row('Phone', [phoneLine(status)], paint),
    ...row('Meta', [metaLine(status)], paint),
    ...row('Messages', [countsLine(status.queues.messages)], paint),
    ...row('Fallback', [countsLine(status.queues.fallback)], paint),
    ...row('Receipts', [receiptsLine(status, now)], paint),
    '',
  ].join('\n')
}

const SEVERITY_COLOURS = { critical: 'red', warning: 'yellow', note: 'dim' } as const

/** What is wrong, and under it what to do. */
function findingLines(
  { severity, what, remedy }: WhatsappStatus['findings'][number],
  paint: Paint,
): string[] {
  const colour = SEVERITY_COLOURS[severity]
  return [
    '',
    ...wrapped(`${severity}: ${plain(what)}`, WIDTH).map((line) => paint[colour](line)),
    ...wrapped(`Next step: ${plain(remedy)}`, WIDTH),
  ]
}

/** The screen when the state cannot be told. */
export function renderUnknown(problem: { why: string; nextStep: string }, paint: Paint): string {
  const title = `${paint.bold('Relais')}  ${paint.red(paint.bold('UNKNOWN'))}`
  return [title, ...wrapped(problem.why, WIDTH), ...nextStepRows(problem.nextStep, paint), ''].join('\n')
}

function nextStepRows(nextStep: string | undefined, paint: Paint): string[] {
  if (nextStep === undefined) return []
  return ['', ...row('Next step', wrapped(nextStep, WIDTH - LABEL_WIDTH), paint)]
}

function row(label: string, lines: string[], paint: Paint): string[] {
  return lines.map((line, at) => paint.dim((at === 0 ? label : '').padEnd(LABEL_WIDTH)) + plain(line))
}

function tokenLines({ token }: WhatsappStatus, now: number): string[] {
  const { state, source, version, fingerprint, lastRenewal } = token
  const facts = [
    state,
    source !== null && `from ${SOURCES[source] ?? source}`,
    version !== null && `version ${version}`,
    fingerprint !== null && `fingerprint ${fingerprint}`,
  ]
  const lines = [facts.filter((fact) => typeof fact === 'string').join(', ')]
  if (state === 'missing') return lines
  lines.push(lifeOf(token, now))
  if (lastRenewal) {
    const how = lastRenewal.ok ? 'done' : `failed: ${lastRenewal.error ?? 'no reason given'}`
    lines.push(`last renewal ${ago(lastRenewal.at, now)}: ${how}`)
  }
  return lines
}

const SOURCES: Readonly<Record<string, string>> = {
  env: 'the environment',
  manual: 'an operator',
  renewed: 'its own renewal',
}

function lifeOf({ expiresAt, renewsAt, autoRenewal }: WhatsappStatus['token'], now: number): string {
  if (expiresAt === null) return 'no end of its life is known: it never expires, or Meta was not asked'
  const left = Date.parse(expiresAt) - now
  const end = left > 0 ? `ends ${day(expiresAt)} (in ${span(left)})` : `ended ${day(expiresAt)}`
  if (!autoRenewal) return `${end}; nothing renews it`
  return renewsAt === null ? end : `${end}; renews itself from ${day(renewsAt)}`
}

function phoneLine({ phone }: WhatsappStatus): string {
  if (phone.id === null) return 'not set'
  const facts = [
    phone.displayNumber ?? 'not shown by Meta',
    phone.verifiedName !== null && `"${phone.verifiedName}"`,
    `id ${phone.id}`,
    phone.qualityRating !== null && `quality ${phone.qualityRating}`,
  ]
  return facts.filter((fact) => typeof fact === 'string').join(', ')
}

function metaLine({ graph, token }: WhatsappStatus): string {
  if (graph.reachable) return graph.latencyMs === null ? 'answers' : `answers in ${graph.latencyMs} ms`
  return token.state === 'missing' ? 'not asked: there is no token to ask with' : 'does not answer'
}

function countsLine({ waiting, active, delayed, failed }: WhatsappStatus['queues']['messages']): string {
  return `${waiting} waiting, ${active} active, ${delayed} delayed, ${failed} failed`
}

function receiptsLine({ receipts }: WhatsappStatus, now: number): string {
  const last =
    receipts.lastAt === null ? 'none has come yet' : `the last one came ${ago(receipts.lastAt, now)}`
  return receipts.expected
    ? `expected; ${last}`
    : `not expected (WHATSAPP_WEBHOOK_VERIFY_TOKEN is not set); ${last}`
}

function ago(iso: string, now: number): string {
  const passed = now - Date.parse(iso)
  return passed < 1000 ? 'just now' : `${span(passed)} ago`
}
