/**
 * The parts of the status page that change: each is rendered whole, and sent again when it is not what it was. Everything that an operator asks
 * first stands in the first: how it is, why, and what to do.
 */
import { span } from '@relais/core'
import type { Overview, OverviewProcess } from '../overview.ts'
import { chart } from './chart.ts'
import { findingList, pill, type Mood } from './findings.ts'
import { html, type Html } from './html.ts'
import { bytes, fromNow, number, plural, prose } from './words.ts'

/** A part is named by the id of its element. */
export type PartId = keyof ReturnType<typeof statusParts>

export function statusParts(overview: Overview) {
  return {
    mode: modePart(overview),
    outcomes: outcomesPart(overview),
    reasons: reasonsPart(overview),
    token: tokenPart(overview),
    number: numberPart(overview),
    meta: metaPart(overview),
    queues: queuesPart(overview),
    receipts: receiptsPart(overview),
    limits: limitsPart(overview),
    processes: processesPart(overview),
  }
}

const MODES = {
  connected: { mood: 'good', headline: 'Codes go out over WhatsApp' },
  degraded: { mood: 'odd', headline: 'Codes go out, and something is wrong' },
  fallback: { mood: 'bad', headline: 'Nothing is sent: codes go to the fallback' },
} as const

function modePart({ mode, findings, at }: Overview): Html {
  const { mood, headline } = MODES[mode]
  const isBroken = mode !== 'fallback' && findings.some(({ severity }) => severity === 'critical')
  return html`<p>${pill(isBroken ? 'bad' : mood, mode)}</p>
    <h1>${isBroken ? 'Codes do not get through' : headline}</h1>
    ${
      findings.length === 0
        ? html`<p class="soft">A token is live, Meta answers, and nothing stands out.</p>`
        : findingList(findings, at)
    }`
}

function outcomesPart({ minutes }: Overview): Html {
  const names = ['accepted', 'sent', 'delivered', 'fallback'] as const
  return html`<div class="charts">
    ${names.map((name) => chart({ name, values: minutes.map((minute) => minute[name]) }))}
  </div>`
}

function reasonsPart({ reasons }: Overview): Html {
  if (reasons.length === 0) return html`<p class="soft">Nothing fell back within the hour.</p>`
  return html`<ul class="rows">
    ${reasons.map(
      ({ reason, count, meaning, remedy }) =>
        html`<li>
          <p class="row-head"><span class="mono">${reason}</span> <strong>${number(count)}</strong></p>
          <p>${meaning} <span class="soft">${prose(remedy)}</span></p>
        </li>`,
    )}
  </ul>`
}

const TOKEN_MOODS: Readonly<Record<string, Mood>> = { valid: 'good', expiring: 'odd' }

function tokenPart({ status, at }: Overview): Html {
  const { token } = status
  return facts([
    ['State', pill(TOKEN_MOODS[token.state] ?? 'bad', token.state)],
    [
      'Fingerprint',
      token.fingerprint === null ? 'none' : html`<span class="mono">${token.fingerprint}</span>`,
    ],
    ['Source', token.source === null ? 'none' : html`${token.source}, version ${token.version}`],
    ['Ends', ends(token, at)],
    [
      'Next renewal',
      token.renewsAt === null
        ? token.autoRenewal
          ? 'not needed'
          : 'not set up'
        : fromNow(Date.parse(token.renewsAt), at),
    ],
    ['Last renewal', lastOf(token.lastRenewal, at)],
    ['Last check', lastOf(token.lastCheck, at)],
  ])
}

function ends(token: Overview['status']['token'], at: number): Html | string {
  if (token.state === 'missing') return 'there is none'
  if (token.expiresAt !== null) return fromNow(Date.parse(token.expiresAt), at)
  return token.version === null ? 'not known' : 'never, or not known'
}

function lastOf(last: { at: string; ok: boolean; error?: string } | null, at: number): Html | string {
  if (last === null) return 'none yet'
  const when = fromNow(Date.parse(last.at), at)
  return last.ok
    ? html`${pill('good', 'done')} ${when}`
    : html`${pill('bad', 'failed')} ${when}: ${last.error}`
}

const QUALITY_MOODS: Readonly<Record<string, Mood>> = { GREEN: 'good', YELLOW: 'odd', RED: 'bad' }

function numberPart({ status, phone }: Overview): Html {
  const { displayNumber, verifiedName, qualityRating, id } = status.phone
  return facts([
    ['Number', displayNumber ?? (id === null ? 'not set' : 'Meta does not show it')],
    ['Name', verifiedName ?? 'not known'],
    ['Quality', qualityRating === null ? 'not known' : pill(QUALITY_MOODS[qualityRating], qualityRating)],
    [
      'State',
      phone.status === undefined
        ? 'not known'
        : pill(phone.status === 'CONNECTED' ? 'good' : 'odd', phone.status),
    ],
    ['Messaging limit', phone.messagingLimit ?? 'not known'],
    ['Throughput', phone.throughputLevel ?? 'not known'],
  ])
}

function metaPart({ status, meta }: Overview): Html {
  const { reachable, latencyMs } = status.graph
  return html`${facts([
    ['Answers', reachable ? pill('good', 'yes') : pill('bad', 'no')],
    ['Last look', latencyMs === null ? 'no answer' : `${number(latencyMs)} ms`],
    [
      'Calls, 5 min',
      meta.meanMs === null ? 'none' : `${number(meta.calls)}, ${number(meta.meanMs)} ms each on the average`,
    ],
  ])}
  ${
    meta.faults.length === 0
      ? html`<p class="soft">No error within the hour.</p>`
      : html`<h3>Errors within the hour</h3>
          <ul class="rows">
            ${meta.faults.map(
              ({ code, title, count, meaning, remedy }) =>
                html`<li>
                  <p class="row-head">
                    <span><span class="mono">${code}</span> ${title}</span> <strong>${number(count)}</strong>
                  </p>
                  <p>${meaning} <span class="soft">${prose(remedy)}</span></p>
                </li>`,
            )}
          </ul>`
  }`
}

function queuesPart({ status, queues, redis }: Overview): Html {
  const { messages, fallback } = status.queues
  const rows: [string, typeof messages, number | null][] = [
    ['messages', messages, queues.oldestWaitingMs],
    ['fallback', fallback, queues.oldestFallbackMs],
  ]
  const used =
    redis.maxMemoryBytes > 0
      ? `${bytes(redis.usedMemoryBytes)} of ${bytes(redis.maxMemoryBytes)} (${Math.round((100 * redis.usedMemoryBytes) / redis.maxMemoryBytes)} %)`
      : `${bytes(redis.usedMemoryBytes)}, no limit set`
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Depth of the queues">
      <table>
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col" class="number">Waiting</th>
            <th scope="col" class="number">Active</th>
            <th scope="col" class="number">Delayed</th>
            <th scope="col" class="number">Failed</th>
            <th scope="col" class="number">Oldest</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ([name, counts, oldestMs]) =>
              html`<tr>
                <th scope="row">${name}</th>
                <td class="number">${number(counts.waiting)}</td>
                <td class="number">${number(counts.active)}</td>
                <td class="number">${number(counts.delayed)}</td>
                <td class="number">${number(counts.failed)}</td>
                <td class="number">${oldestMs === null ? '–' : span(oldestMs)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${facts([
      [
        'In and out',
        `${number(queues.inPerMinute)} accepted and ${number(queues.outPerMinute)} sent a minute`,
      ],
      ['State', queues.isPaused ? pill('bad', 'messages is paused by hand') : 'running'],
      ['Receipts', `${plural(queues.receipts, 'job')} to be looked at`],
      ['Redis memory', used],
    ])}`
}

function receiptsPart({ status, receiptsLately, at }: Overview): Html {
  const { expected, lastAt } = status.receipts
  return facts([
    ['Expected', expected ? 'yes' : 'no: WHATSAPP_WEBHOOK_VERIFY_TOKEN is not set'],
    ['Last one', lastAt === null ? 'none yet' : fromNow(Date.parse(lastAt), at)],
    ['Last 5 min', plural(receiptsLately.count, 'receipt')],
    receiptsLately.refused > 0 && [
      'Refused',
      pill('bad', `${number(receiptsLately.refused)} not signed with our app secret`),
    ],
  ])
}

function limitsPart({ pauses, pace, rulings, stops, refused, at }: Overview): Html {
  const rate =
    pace.ratePerSecond === 0
      ? 'none'
      : `${pace.ratePerSecond.toFixed(pace.ratePerSecond < 10 ? 1 : 0)} a second`
  const slowed =
    pace.slowed &&
    html`${pill('odd', 'slowed down')} ${rate}, since ${fromNow(pace.slowed.since, at)}: ${pace.slowed.reason}`
  return html`${facts([
    ['Pace', slowed ?? rate],
    pace.pausedForMs > 0 && ['Held', `for ${span(pace.pausedForMs)} more`],
    [
      'Refused, last hour',
      refused.length === 0
        ? 'nothing by a limit'
        : refused.map(({ limit, count }) => `${limit}: ${number(count)}`).join(', '),
    ],
  ])}
  ${
    pauses.length + stops.length + rulings.length === 0
      ? html`<p class="soft">Nothing is paused, stopped or ruled.</p>`
      : html`<ul class="rows">
          ${pauses.map(
            ({ what, reason, detail, since, probeAt, probes }) =>
              html`<li>
                <p>${pill('bad', 'paused')} <span class="mono">${what}</span></p>
                <p>
                  ${reason}: ${detail}
                  <span class="soft"
                    >since ${fromNow(since, at)}; ${plural(probes, 'probe')} so far, the next
                    ${fromNow(probeAt, at)}</span
                  >
                </p>
              </li>`,
          )}
          ${stops.map(
            ({ app, prefix, since }) =>
              html`<li>
                <p>${pill('bad', 'stopped')} <span class="mono">${prefix}</span> for the app ${app}</p>
                <p>
                  By the guard against pumping: next to no codes to these numbers are used.
                  <span class="soft">since ${fromNow(since, at)}</span>
                </p>
              </li>`,
          )}
          ${rulings.map(
            ({ app, prefix, ruling, until, by, why }) =>
              html`<li>
                <p>
                  ${pill(ruling === 'stop' ? 'bad' : 'good', ruling === 'stop' ? 'stopped' : 'allowed')}
                  <span class="mono">${prefix}</span> for ${app === '*' ? 'all apps' : `the app ${app}`}
                </p>
                <p>By ${by}: ${why} <span class="soft">ends ${fromNow(until, at)}</span></p>
              </li>`,
          )}
        </ul>`
  }`
}

function processesPart({ processes, at }: Overview): Html {
  if (processes.length === 0) return html`<p class="soft">No process has been heard of.</p>`
  return html`<ul class="rows">
    ${processes.map((each) => processRow(each, at))}
  </ul>`
}

function processRow(
  { name, version, host, pid, startedAt, seenAt, isAlive }: OverviewProcess,
  at: number,
): Html {
  const state = isAlive ? pill('good', 'alive') : pill('bad', 'silent')
  return html`<li>
    <p class="row-head"><span>${state} ${name}</span> <span class="soft">version ${version}</span></p>
    <p class="soft">
      ${isAlive ? html`up for ${span(at - startedAt)}` : html`heard of ${fromNow(seenAt, at)}`},
      <span class="mono">${host}</span>, process ${pid}
    </p>
  </li>`
}

/** Names and values. */
function facts(rows: readonly (readonly [string, Html | string] | false)[]): Html {
  return html`<dl class="facts">
    ${rows.map(
      (row) =>
        row &&
        html`<dt>${row[0]}</dt>
          <dd>${row[1]}</dd>`,
    )}
  </dl>`
}
