/** The page of one message: why it is as it is, what can be done, and its way, step by step. */
import { SPENT_ON, type Finding, type StoryStep } from '@relais/core'
import type { MessageView, Permit } from '../look-at-message.ts'
import { findingList } from './findings.ts'
import { html, type Html, type Shown } from './html.ts'
import { page } from './layout.ts'
import { length, moment } from './message-words.ts'
import { statusPill, type Said } from './messages-page.ts'
import { prose } from './words.ts'

/** A bar of the whole width. */
const BAR_WIDTH = 100

/**
 * @param view.findings what is wrong with the whole while this message has not reached an end: it may be what it waits for
 * @param view.mayWrite may this operator send it again, or take it back?
 */
export function messagePage(view: {
  message: MessageView
  findings: readonly Finding[]
  mayWrite: boolean
  said?: Said | undefined
}): string {
  const { message, findings, mayWrite, said } = view
  const { summary, story } = message
  const body = html`${said && html`<p class="said" data-mood="${said.mood}" role="status">${said.text}</p>`}
    <section class="card message">
      <h1>Message to ${summary.to} ${statusPill(summary.status)}</h1>
      ${
        story.cause !== undefined &&
        html`<p class="cause">${story.cause}</p>
          <p><strong>What to do:</strong> ${prose(story.remedy ?? '')}</p>
          <p class="soft">All reasons and errors with their meaning: docs/errors.md.</p>`
      }
      ${facts(message)}
    </section>
    ${
      findings.length > 0 &&
      html`<section class="card">
        <h2>What is wrong right now, and may hold it up</h2>
        ${findingList(findings, message.now)}
      </section>`
    }
    ${mayWrite && actions(message)}
    <section class="card">
      <h2>What happened</h2>
      <ol class="story">
        ${story.steps.map((step) => line(step, longestOf(story.steps)))}
      </ol>
    </section>`
  return page({ title: `Message ${summary.id}`, current: 'messages', styles: ['message.css'], body })
}

function facts({ summary, now }: MessageView): Html {
  const { id, app, type, isTest, template, language, reference, reason, attempts } = summary
  const { acceptedAt, expiresAt, resendOf, resentAs } = summary
  const life = expiresAt > now ? `, in ${length(expiresAt - now)}` : ', passed'
  const rows: [string, Shown][] = [
    ['Id', html`<span class="mono">${id}</span>`],
    ['App', html`${app}${isTest && ' (a test key: it never leaves Relais)'}`],
    [
      'Kind',
      [
        type,
        template !== undefined && ` with template ${template}`,
        language !== undefined && `, ${language}`,
      ],
    ],
    ['Reference', reference],
    ['Reason', reason],
    ['Attempts', attempts],
    ['Accepted', moment(acceptedAt)],
    ['Deadline', html`${moment(expiresAt)}${life}`],
    ['Sent again for', resendOf !== undefined && linkTo(resendOf)],
    ['Sent again as', resentAs !== undefined && linkTo(resentAs)],
  ]
  return html`<dl class="facts">
    ${rows
      .filter(([, value]) => value !== undefined && value !== false)
      .map(
        ([name, value]) =>
          html`<dt>${name}</dt>
            <dd>${value}</dd>`,
      )}
  </dl>`
}

function linkTo(id: string): Html {
  return html`<a class="mono" href="/admin/messages/${encodeURIComponent(id)}">${id}</a>`
}

function actions({ summary, canResend, canCancel }: MessageView): Html {
  const path = `/admin/messages/${encodeURIComponent(summary.id)}`
  return html`<section class="card">
    <h2>What you can do</h2>
    <ul class="actions">
      <li>
        ${action(canResend, { path: `${path}/resend`, label: 'Send the code again', name: 'Sending it again' })}
      </li>
      <li>${action(canCancel, { path: `${path}/cancel`, label: 'Take it back', name: 'Taking it back' })}</li>
    </ul>
  </section>`
}

function action(permit: Permit, { path, label, name }: { path: string; label: string; name: string }): Html {
  if (!permit.ok) return html`<p class="soft"><strong>${name} is not possible.</strong> ${permit.why}</p>`
  return html`<form method="post" action="${path}">
    <button class="button" type="submit">${label}</button>
  </form>`
}

/** Bars compare the steps of one message with each other. */
function longestOf(steps: readonly StoryStep[]): number {
  return Math.max(1, ...steps.map(({ durationMs = 0 }) => durationMs))
}

function line(step: StoryStep, longestMs: number): Html {
  const { status, at, detail, durationMs, spentOn, attempt } = step
  return html`<li>
    <p class="step">
      ${statusPill(status)} ${attempt !== undefined && html`<strong>call ${attempt} to Meta</strong>`}
      <span class="soft">${moment(at)}</span>
    </p>
    ${detail !== undefined && attempt === undefined && html`<p class="detail">${detail}</p>`}
    ${
      durationMs !== undefined &&
      spentOn !== undefined &&
      html`<p class="spent">${SPENT_ON[spentOn]}: <strong>${length(durationMs)}</strong></p>
        ${bar(durationMs / longestMs, spentOn)}`
    }
  </li>`
}

function bar(part: number, spentOn: string): Html {
  const width = Math.max(1, Math.round(part * BAR_WIDTH))
  return html`<svg class="bar" viewBox="0 0 ${BAR_WIDTH} 2" preserveAspectRatio="none" aria-hidden="true">
    <rect width="${width}" height="2" data-spent="${spentOn}" />
  </svg>`
}
