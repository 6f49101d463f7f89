import { expect, it } from 'vitest'
import { html } from './html.ts'

const HOSTILE = `<script>alert("1")</script>'&`

it('what goes into a page is escaped, in texts and in attributes', () => {
  const escaped = '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;'
  expect(html`<p title="${HOSTILE}">${HOSTILE}</p>`.text).toBe(`<p title="${escaped}">${escaped}</p>`)
})

it('pieces of a page go into others as they are, also many of them', () => {
  const rows = ['a', '<b>'].map((name) => html`<i>${name}</i>`)
  expect(html`<p>${rows}</p>`.text).toBe('<p><i>a</i><i>&lt;b&gt;</i></p>')
})

it('nothing is shown for what is not there, and zero is', () => {
  expect(html`${undefined}${null}${false}${0}${''}`.text).toBe('0')
})
