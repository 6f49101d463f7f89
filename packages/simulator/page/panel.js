import { clockSpeed, setClock, simulatedNow } from './clock.js'
import { dateOf, durationOf, numberOf, plural, shortNumberOf, timeOf } from './words.js'

const part = (id) => document.getElementById(id)
const toggle = part('panel-toggle')
let shown

toggle.addEventListener('click', () => {
  const isOpen = toggle.getAttribute('aria-expanded') !== 'true'
  toggle.setAttribute('aria-expanded', String(isOpen))
  part('panel').classList.toggle('is-open', isOpen)
})

/** Shows what the simulator told of itself. */
export function showPanel(panel) {
  shown = panel
  setClock(panel.clock)
  showTotals(panel)
  showTokens(panel)
  showLimits(panel.limits)
  showWebhooks(panel.webhooks)
  showPanelTime()
}

/** What moves by itself: the clock and everything that runs out. */
export function showPanelTime() {
  if (shown === undefined) return
  const now = simulatedNow()
  part('clock').textContent = timeOf(now, true)
  part('clock').dateTime = new Date(now).toISOString()
  part('date').textContent = dateOf(now)
  part('speed').textContent = clockSpeed() === 0 ? 'stands still' : `speed × ${numberOf(clockSpeed())}`
  showLives(now)
  showDeliveries(now)
  part('panel-gist').textContent = gist()
}

function showTotals({ totals, faults }) {
  part('total-messages').textContent = shortNumberOf(totals.messages)
  part('total-calls').textContent = shortNumberOf(totals.calls)
  part('total-faults').textContent = shortNumberOf(faults.waiting)
  replace(
    part('faults'),
    faults.next.map(({ label, often }) => row('li', ['fault', label], ['count', often])),
  )
}

function showTokens({ tokens }) {
  replace(part('tokens'), tokens.list.map(tokenRow))
  part('tokens-more').textContent =
    tokens.total > tokens.list.length ? `and ${numberOf(tokens.total - tokens.list.length)} older` : ''
}

function tokenRow(token) {
  const item = row('li', ['fingerprint', token.fingerprint], ['pill', token.state], ['life', ''])
  item.querySelector('.pill').dataset.mood = token.state === 'live' ? 'good' : 'bad'
  item.append(element('span', 'kind', token.isLastUsed ? `${token.type} · last used` : token.type))
  const bar = element('span', 'life-bar', '')
  bar.append(element('span', 'life-left', ''))
  item.append(bar)
  return item
}

function showLives(now) {
  ;[...part('tokens').children].forEach((item, index) => {
    const { state, issuedAt, expiresAt } = shown.tokens.list[index]
    const left = expiresAt === null ? Infinity : expiresAt - now
    const isLive = state === 'live' && left > 0
    item.querySelector('.life').textContent = lifeText(isLive, left, expiresAt)
    const share = left === Infinity ? 1 : left / Math.max(1, expiresAt - issuedAt)
    const bar = item.querySelector('.life-bar')
    bar.hidden = !isLive
    bar.classList.toggle('is-short', share < 0.2)
    // Set through the object model: the page's policy forbids style attributes in its text only.
    bar.firstElementChild.style.inlineSize = `${Math.round(100 * Math.min(1, Math.max(0.02, share)))}%`
  })
}

function lifeText(isLive, left, expiresAt) {
  if (isLive) return left === Infinity ? 'never expires' : `${durationOf(left)} left`
  return expiresAt === null || left > 0 ? '' : `since ${durationOf(-left)}`
}

function showLimits({ throughput, pairs }) {
  const isOn = throughput.limit > 0
  part('throughput-figure').textContent = isOn
    ? `${numberOf(throughput.now)} of ${numberOf(throughput.limit)} per second`
    : 'unlimited'
  part('throughput').hidden = !isOn
  part('throughput').value = isOn ? throughput.now / throughput.limit : 0
  part('pairs-figure').textContent = pairs.isOn ? numberOf(pairs.inDebt) : 'off'
  replace(
    part('pairs'),
    pairs.deepest.map(({ label, debt }) => row('li', ['fault', label], ['count', `${debt.toFixed(1)} owed`])),
  )
}

function showWebhooks({ url, state, mood, reason, totals }) {
  part('webhook-url').textContent = url ?? 'No URL is set'
  part('webhook-state').textContent = state
  part('webhook-state').dataset.mood = mood
  part('webhook-reason').textContent = reason
  replace(
    part('webhook-totals'),
    Object.entries(totals).map(([name, count]) => {
      const group = document.createElement('div')
      group.append(element('dt', '', name), element('dd', '', shortNumberOf(count)))
      return group
    }),
  )
}

function showDeliveries(now) {
  const { deliveries } = shown.webhooks
  replace(
    part('deliveries'),
    deliveries.length === 0
      ? [element('li', 'none', 'Nothing has been sent yet')]
      : deliveries.map((delivery) => deliveryRow(delivery, now)),
  )
}

function deliveryRow({ at, summary, answer, mood, tries, ms, nextTryAt }, now) {
  const item = row('li', ['when', timeOf(at, true)], ['what', breakable(summary)], ['pill', answer])
  item.querySelector('.pill').dataset.mood = mood
  const details = [
    tries > 0 ? `${numberOf(ms)} ms` : '',
    tries > 1 ? plural(tries, 'try', 'tries') : '',
    nextTryAt === undefined ? '' : `next try in ${durationOf(nextTryAt - now)}`,
  ]
  item.append(element('span', 'details', details.filter(Boolean).join(' · ')))
  return item
}

function gist() {
  const { tokens, faults, webhooks } = shown
  const live = tokens.list.filter(({ state }) => state === 'live').length
  return [
    plural(live, 'live token', 'live tokens'),
    webhooks.url === null ? 'no webhooks' : `webhooks ${webhooks.state}`,
    faults.waiting > 0 ? plural(faults.waiting, 'fault', 'faults') : '',
  ]
    .filter(Boolean)
    .join(' · ')
}

function row(tag, ...parts) {
  const item = document.createElement(tag)
  item.append(...parts.map(([name, text]) => element('span', name, text)))
  return item
}

function element(tag, name, text) {
  const made = document.createElement(tag)
  made.className = name
  made.textContent = text
  return made
}

/** Leaves a list alone that reads the same, so that nothing moves under a reader. */
function replace(list, items) {
  const isSame =
    list.children.length === items.length &&
    items.every((item, index) => item.isEqualNode(list.children[index]))
  if (!isSame) list.replaceChildren(...items)
}

/** Lets `message_template_status_update` go over two lines. */
function breakable(text) {
  return text.replaceAll('_', '_\u200b')
}
