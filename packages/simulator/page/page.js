import { showPanel, showPanelTime } from './panel.js'
import { createPhone } from './phone.js'

/** The page keeps no more phones than the simulator tells of. */
const PHONE_CAP = 24
/** Phones stay where they are for so long after the pointer moved over them. */
const CALM_MS = 1500

const list = document.querySelector('#phones')
const emptyState = document.querySelector('#empty')
const link = document.querySelector('#link')

/** Number -> phone, the one with the newest message last. */
const phones = new Map()
let pointerAt = -Infinity
let arranging

const events = new EventSource('/phones/events')
events.addEventListener('error', () => {
  if (link.dataset.state !== 'full') showLink('lost', 'Connection lost, trying again')
})
events.addEventListener('full', ({ data }) =>
  showLink('full', `${JSON.parse(data).cap} pages are open already, waiting for one to close`),
)
events.addEventListener('phones', ({ data }) => {
  showLink('live', 'Live')
  showAll(JSON.parse(data))
})
events.addEventListener('phone', ({ data }) => showPhone(JSON.parse(data)))
events.addEventListener('panel', ({ data }) => showPanel(JSON.parse(data)))

list.addEventListener('pointermove', () => (pointerAt = performance.now()))
setInterval(() => {
  showPanelTime()
  for (const phone of phones.values()) phone.showTime()
}, 1000)

function showLink(state, text) {
  if (link.dataset.state === state) return
  link.dataset.state = state
  link.textContent = text
}

/** After a lost connection most phones are the same: they stay, and what is typed in them. */
function showAll(views) {
  const numbers = new Set(views.map(({ number }) => number))
  for (const number of phones.keys()) if (!numbers.has(number)) drop(number)
  for (const view of views) showPhone(view)
  emptyState.hidden = phones.size > 0
}

function showPhone(view) {
  emptyState.hidden = true
  const known = phones.get(view.number)
  const phone = known ?? createPhone(view)
  const hasNews = phone.hasNews(view)
  phone.show(view)
  if (known !== undefined && !hasNews) return
  phones.delete(view.number)
  phones.set(view.number, phone)
  if (known === undefined) list.prepend(phone.element)
  else arrange()
  while (phones.size > PHONE_CAP) drop(phones.keys().next().value)
  showEnd(phone)
}

/** A chat can only be scrolled once it is on the page. */
function showEnd({ element }) {
  const chat = element.querySelector('.chat')
  chat.scrollTop = chat.scrollHeight
}

function drop(number) {
  phones.get(number).element.remove()
  phones.delete(number)
}

/** The newest phone comes first, but never moves away under a pointer or the focus. */
function arrange() {
  clearTimeout(arranging)
  if (isInUse()) {
    arranging = setTimeout(arrange, CALM_MS)
    return
  }
  const wanted = [...phones.values()].reverse().map(({ element }) => element)
  wanted.forEach((element, index) => {
    if (list.children[index] !== element) list.insertBefore(element, list.children[index])
  })
}

function isInUse() {
  return (
    performance.now() - pointerAt < CALM_MS || list.contains(document.activeElement?.closest('li') ?? null)
  )
}
