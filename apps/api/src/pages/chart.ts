/** A small chart: a bar a minute, over the last hour. It is drawn here, so it is there without a script. */
import { html, type Html } from './html.ts'
import { number } from './words.ts'

const BAR = 4
const GAP = 1
const HEIGHT = 44

/**
 * @param chart.values one a minute, the oldest first; the last minute has begun
 * @param chart.name what is counted: `sent`
 */
export function chart({ name, values }: { name: string; values: readonly number[] }): Html {
  const most = Math.max(1, ...values)
  const total = values.reduce((sum, value) => sum + value, 0)
  const width = values.length * (BAR + GAP) - GAP
  const bars = values.map((value, i) => {
    const height = value === 0 ? 0 : Math.max(1.5, (value / most) * HEIGHT)
    return html`<rect
      x="${i * (BAR + GAP)}"
      y="${round(HEIGHT - height)}"
      width="${BAR}"
      height="${round(height)}"
      rx="1"
    />`
  })
  const atMost = `at most ${number(Math.max(0, ...values))} a minute`
  const told = `${name}: ${number(total)} within the hour, ${atMost}`
  return html`<figure class="chart" data-name="${name}">
    <figcaption>
      <span class="chart-name">${name}</span>
      <strong>${number(total)}</strong>
      <span class="soft">${atMost}</span>
    </figcaption>
    <svg viewBox="0 0 ${width} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${told}">
      ${bars}
    </svg>
  </figure>`
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10)
}
