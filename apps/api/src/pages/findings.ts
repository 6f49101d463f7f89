/** What is wrong, as pages show it. */
import type { Finding } from '@relais/core'
import { html, type Html } from './html.ts'
import { fromNow, prose } from './words.ts'

/** How something is, apart from the words for it. */
export type Mood = 'good' | 'odd' | 'bad'

export function pill(mood: Mood | undefined, words: string): Html {
  return html`<span class="pill" data-mood="${mood}">${words}</span>`
}

const MOODS: Readonly<Record<Finding['severity'], Mood | undefined>> = {
  critical: 'bad',
  warning: 'odd',
  note: undefined,
}

/** @param now milliseconds since 1970 */
export function findingList(findings: readonly Finding[], now: number): Html {
  return html`<ol class="findings">
    ${findings.map(
      ({ id, subject, severity, what, remedy, since }) =>
        html`<li data-finding="${id}" data-subject="${subject}">
          <p class="what">${prose(what)}</p>
          <p><strong>What to do:</strong> ${prose(remedy)}</p>
          <p class="soft">
            ${pill(MOODS[severity], severity)} <span class="mono">${id}</span>
            ${since !== undefined && html`since ${fromNow(since, now)}`}
          </p>
        </li>`,
    )}
  </ol>`
}
