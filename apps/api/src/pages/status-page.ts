/** The page at `/admin`: how it is, why, and what to do; then everything else, live. */
import type { Overview } from '../overview.ts'
import { html, type Html, type Shown } from './html.ts'
import { page } from './layout.ts'
import { statusParts, type PartId } from './status-parts.ts'

/** What an action of the operator led to. */
export type Said = { mood: 'good' | 'bad'; text: string }

/**
 * @param view.overview undefined: Redis does not answer, so nothing is known
 * @param view.mayWrite may this operator change the token?
 */
export function statusPage(view: {
  overview: Overview | undefined
  mayWrite: boolean
  said?: Said | undefined
}): string {
  const { overview, mayWrite, said } = view
  const parts = overview && statusParts(overview)
  const part = (id: PartId) =>
    html`<div id="${id}" data-part>${parts?.[id] ?? html`<p class="soft">Not known.</p>`}</div>`
  const card = (title: string, ...content: Shown[]) =>
    html`<section class="card">
      <h2>${title}</h2>
      ${content}
    </section>`
  const body = html`${said && html`<p class="said" data-mood="${said.mood}" role="status">${said.text}</p>`}
    <section class="card hero" id="mode" data-part data-live aria-label="State">
      ${parts?.mode ?? UNKNOWN}
    </section>
    ${card('The last hour, minute by minute', part('outcomes'))}
    <div class="columns">
      ${card('Access token', part('token'), mayWrite && TOKEN_FORMS)}
      ${card('Why messages fell back, last hour', part('reasons'))} ${card('Meta', part('meta'))}
      ${card('Queues', part('queues'))} ${card('Phone number', part('number'))}
      ${card('Receipts', part('receipts'))} ${card('Pace and pauses', part('limits'))}
      ${card('Processes', part('processes'))}
    </div>`
  return page({ title: 'Status', current: 'status', styles: ['status.css'], body })
}

const UNKNOWN: Html = html`<p><span class="pill" data-mood="bad">unknown</span></p>
  <h1>Redis does not answer</h1>
  <p>Nothing is accepted and nothing is sent until it does.</p>
  <p><strong>What to do:</strong> see to Redis first; API and workers come back by themselves.</p>`

const TOKEN_FORMS: Html = html`<div class="actions">
  <form method="post" action="/admin/token/renew">
    <button class="button" type="submit">Renew now</button>
  </form>
  <details>
    <summary>Bring a new token</summary>
    <form method="post" action="/admin/token" autocomplete="off" class="stack">
      <p class="field">
        <label for="accessToken">Access token</label>
        <input
          id="accessToken"
          name="accessToken"
          type="password"
          required
          minlength="6"
          maxlength="4096"
          autocomplete="off"
          spellcheck="false"
        />
      </p>
      <p class="field">
        <label for="appSecret">App secret, if it changed as well</label>
        <input
          id="appSecret"
          name="appSecret"
          type="password"
          minlength="6"
          maxlength="4096"
          autocomplete="off"
          spellcheck="false"
        />
      </p>
      <button class="button main" type="submit">Check with Meta and use it</button>
    </form>
  </details>
</div>`
