/** How pages say moments, spans and numbers. */
import { span } from '@relais/core'
import { html, type Html } from './html.ts'

/** How long ago, or in how long, something is. */
export function fromNow(at: number, now: number): Html {
  const iso = new Date(at).toISOString()
  const words = at <= now ? `${span(now - at)} ago` : `in ${span(at - now)}`
  return html`<time datetime="${iso}" title="${iso}">${words}</time>`
}

/** `12,345` */
export function number(value: number): string {
  return value.toLocaleString('en-US')
}

/** `1 message`, `2 messages` */
export function plural(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** `312 MB` */
export function bytes(value: number): string {
  return value < 10 * 1024 * 1024
    ? `${(value / 1024 / 1024).toFixed(1)} MB`
    : `${number(Math.round(value / 1024 / 1024))} MB`
}

/** Words of ours in which commands and names stand between backticks, as in the documents. */
export function prose(text: string): Html {
  return html`${text.split('`').map((piece, i) => (i % 2 === 1 ? html`<code>${piece}</code>` : piece))}`
}
