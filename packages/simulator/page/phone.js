import { act } from './actions.js'
import { announce, announceNow } from './announcer.js'
import { simulatedNow } from './clock.js'
import { createBubble } from './message.js'
import { noticeOf, switchWords, timeOf } from './words.js'

const phoneTemplate = document.querySelector('#phone-template')
const switchTemplate = document.querySelector('#switch-template')

/** One phone on the page: `show` brings it up to date, `hasNews` says whether it would bring a message. */
export function createPhone(first) {
  const element = phoneTemplate.content.cloneNode(true).firstElementChild
  const part = (selector) => element.querySelector(selector)
  const bubbles = new Map()
  const switches = new Map()
  const { number, label } = first
  let isKnown = false

  function fill() {
    part('.number').textContent = label
    part('.business-name').textContent = first.business
    part('.avatar').textContent = first.business.slice(0, 1).toUpperCase()
    part('.chat').setAttribute('aria-label', `Messages of ${first.business} to ${label}`)
    part('.switches').setAttribute('aria-label', `Switches of ${label}`)
    part('.composer input').setAttribute('aria-label', `Reply from ${label}`)
    part('.switches').append(...Object.keys(switchWords).map(createSwitch))
    part('.composer').addEventListener('submit', reply)
    showTime()
  }

  function createSwitch(name) {
    const button = switchTemplate.content.cloneNode(true).firstElementChild
    button.querySelector('.switch-name').textContent = switchWords[name].name
    button.querySelector('.switch-hint').textContent = switchWords[name].hint
    button.addEventListener('click', () => flip(name, button))
    switches.set(name, button)
    return button
  }

  /** Shown at once, taken back if the simulator refuses. */
  async function flip(name, button) {
    const isOn = button.getAttribute('aria-checked') !== 'true'
    button.setAttribute('aria-checked', String(isOn))
    const complaint = await act('/phones/switches', { number, [name]: isOn })
    if (complaint !== undefined) button.setAttribute('aria-checked', String(!isOn))
    complain(complaint)
  }

  async function reply(event) {
    event.preventDefault()
    const field = part('.composer input')
    const text = field.value
    if (text.trim() === '') return
    field.value = ''
    const complaint = await act('/phones/reply', { number, text })
    if (complaint !== undefined) field.value ||= text
    complain(complaint)
    if (complaint === undefined) announceNow('Reply sent')
  }

  function complain(complaint = '') {
    part('.complaint').textContent = complaint
  }

  function show(phone) {
    const notice = noticeOf(phone)
    showState(phone, notice)
    const chat = part('.chat')
    const wasAtEnd = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 40
    const grew = showEntries(phone)
    if (grew || wasAtEnd) chat.scrollTop = chat.scrollHeight
    isKnown = true
  }

  function showState({ switches: states, profile }, { mood, text }) {
    for (const [name, button] of switches) button.setAttribute('aria-checked', String(states[name]))
    Object.assign(part('.phone').dataset, { off: states.isOff, none: states.hasNoWhatsApp, mood })
    part('.profile').textContent = profile
    part('.profile').dataset.mood = profile === 'online' ? 'good' : mood
    part('.notice').textContent = text
    const canReply = canActOn(states)
    for (const control of part('.composer').elements) control.disabled = !canReply
  }

  function showEntries(phone) {
    const state = { canAct: canActOn(phone.switches), waitingText: waitingText(phone.switches) }
    const ids = new Set(phone.entries.map(({ id }) => id))
    const isNew = (entry) => !bubbles.has(entry.id)
    const grew = phone.entries.some(isNew)
    for (const entry of phone.entries) showEntry(entry, state)
    for (const [id, bubble] of bubbles) if (!ids.has(id)) forget(id, bubble)
    return grew
  }

  function showEntry(entry, state) {
    const known = bubbles.get(entry.id)
    const bubble = known ?? createBubble(entry, complain)
    const before = bubble.statusOf()
    bubble.show(entry, state)
    if (known === undefined) {
      bubbles.set(entry.id, bubble)
      bubble.element.classList.toggle('is-new', isKnown || entry.at > simulatedNow() - 2000)
      part('.chat').append(bubble.element)
    }
    if (entry.kind !== 'reply') tell(entry, before)
  }

  function tell(entry, before) {
    if (before === undefined && isFresh(entry)) announce('message', `New message on ${label}`)
    if (before === undefined || before === entry.status) return
    if (entry.status === 'delivered') announce('delivered', `Delivered on ${label}`)
    if (entry.status === 'failed') announce('failed', `Not delivered to ${label}: ${entry.failure ?? ''}`)
  }

  function isFresh(entry) {
    return isKnown || entry.status === 'accepted'
  }

  function forget(id, bubble) {
    bubbles.delete(id)
    bubble.element.remove()
  }

  function showTime() {
    part('.bar .clock').textContent = timeOf(simulatedNow())
  }

  fill()
  return {
    element,
    show,
    showTime,
    hasNews: (phone) => phone.entries.some(({ id }) => !bubbles.has(id)),
  }
}

function canActOn({ isOff, hasNoWhatsApp, hasBlockedUs }) {
  return !isOff && !hasNoWhatsApp && !hasBlockedUs
}

function waitingText({ isOff, hasBlockedUs }) {
  if (hasBlockedUs) return 'Held by WhatsApp: blocked'
  return isOff ? 'Waits at WhatsApp' : ''
}
