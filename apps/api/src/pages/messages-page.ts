/** The page at `/admin/messages`: the way from what people can tell to a message. */
import type { MessageSummary } from '../look-at-message.ts'
import { html, type Html } from './html.ts'
import { page } from './layout.ts'
import { moment } from './message-words.ts'

/** What an action of the operator led to. */
export type Said = { mood: 'good' | 'bad'; text: string }

/** What can be looked for, and what it is called. */
export const LOOKS_FOR = {
  to: 'Phone number, with +',
  reference: 'Reference of the app',
  id: 'Id of the message',
  providerMessageId: "Meta's id (wamid...)",
} as const

export type LooksFor = keyof typeof LOOKS_FOR

const MOODS: Readonly<Partial<Record<MessageSummary['status'], string>>> = {
  delivered: 'good',
  read: 'good',
  used: 'good',
  uncertain: 'odd',
  fallback: 'bad',
  expired: 'bad',
}

/**
 * What was looked for is not shown again: it may be a number.
 *
 * @param view.found undefined: nothing was looked for yet
 */
export function messagesPage(view: {
  by: LooksFor
  found?: readonly MessageSummary[] | undefined
  said?: Said | undefined
}): string {
  const { by, found, said } = view
  const body = html`${said && html`<p class="said" data-mood="${said.mood}" role="status">${said.text}</p>`}
    <section class="card">
      <h1>Messages</h1>
      <form method="post" action="/admin/messages" class="search" autocomplete="off">
        <p class="field">
          <label for="by">Look for</label>
          <select id="by" name="by">
            ${Object.entries(LOOKS_FOR).map(([name, label]) => option(name, label, name === by))}
          </select>
        </p>
        <p class="field">
          <label for="text">What it is, in full</label>
          <input id="text" name="text" required maxlength="512" autocomplete="off" spellcheck="false" />
        </p>
        <button class="button main" type="submit">Find</button>
      </form>
      <p class="soft">
        Messages are kept for a day after their deadline. That a number was looked for is in the audit.
      </p>
    </section>
    ${found && results(found)}`
  return page({ title: 'Messages', current: 'messages', styles: ['message.css'], body })
}

/** How a message is, as a word. */
export function statusPill(status: MessageSummary['status']): Html {
  return html`<span class="pill" data-mood="${MOODS[status] ?? ''}">${status}</span>`
}

function option(name: string, label: string, isSelected: boolean): Html {
  return isSelected
    ? html`<option value="${name}" selected>${label}</option>`
    : html`<option value="${name}">${label}</option>`
}

function results(found: readonly MessageSummary[]): Html {
  if (found.length === 0) {
    return html`<section class="card">
      <h2>Found</h2>
      <p>There is no such message, or its record is gone: they are kept for a day after the deadline.</p>
    </section>`
  }
  return html`<section class="card">
    <h2>Found: ${found.length}, the latest first</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Messages that were found">
      <table>
        <thead>
          <tr>
            <th scope="col">Accepted</th>
            <th scope="col">Message</th>
            <th scope="col">To</th>
            <th scope="col">App</th>
            <th scope="col">Reference</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          ${found.map(row)}
        </tbody>
      </table>
    </div>
  </section>`
}

function row({ id, app, isTest, to, type, reference, status, reason, acceptedAt }: MessageSummary): Html {
  return html`<tr>
    <td>${moment(acceptedAt)}</td>
    <td><a class="mono" href="/admin/messages/${encodeURIComponent(id)}">${id}</a></td>
    <td>${to}</td>
    <td>${app}, ${type}${isTest && ' (test)'}</td>
    <td>${reference}</td>
    <td>${statusPill(status)} ${reason}</td>
  </tr>`
}
