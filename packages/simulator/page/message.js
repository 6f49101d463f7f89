import { act, copy } from './actions.js'
import { announceNow } from './announcer.js'
import { formatted, statusWords, timeOf } from './words.js'

const COPIED_MS = 1600
const template = document.querySelector('#message-template')

/** One entry of a chat: a message of the business, or what the person answered. */
export function createBubble(entry, complain) {
  const element = template.content.cloneNode(true).firstElementChild
  const part = (selector) => element.querySelector(selector)
  const isReply = entry.kind === 'reply'
  let isDenying = false

  function fill() {
    element.classList.toggle('is-reply', isReply)
    const text = part('.text')
    text.append(...formatted(entry.text))
    if (entry.language) text.lang = part('.footer').lang = part('.copy-label').lang = entry.language
    part('.footer').textContent = entry.footer ?? ''
    const time = part('time')
    time.textContent = timeOf(entry.at)
    time.dateTime = new Date(entry.at).toISOString()
    part('.copy').hidden = part('.deny').hidden = entry.code === undefined
    part('.denied').hidden = true
    part('.copy-label').textContent = entry.copyLabel ?? ''
    part('.copy').addEventListener('click', copyCode)
    part('.deny').addEventListener('click', deny)
  }

  async function copyCode() {
    const label = part('.copy-label')
    const isCopied = await copy(entry.code)
    announceNow(isCopied ? `Code ${entry.code} copied` : 'The browser did not allow copying')
    label.textContent = isCopied ? `✓ ${entry.code}` : `✕ ${entry.copyLabel}`
    setTimeout(() => (label.textContent = entry.copyLabel), COPIED_MS)
  }

  async function deny() {
    // A disabled button would lose the focus.
    if (isDenying) return
    isDenying = true
    const complaint = await act('/phones/did-not-request', { messageId: entry.id })
    isDenying = false
    complain(complaint)
    if (complaint === undefined) announceNow('Reported: this code was not requested')
  }

  /** Shows the state of the message; `phone` says what can be done with it. */
  function show(next, { canAct, waitingText }) {
    if (isReply) return
    const hasArrived = next.status === 'delivered' || next.status === 'read'
    element.dataset.status = next.status
    part('.status').textContent = statusWords[next.status] ?? next.status
    part('.waiting').textContent = hasArrived || next.status === 'failed' ? '' : waitingText
    part('.copy').disabled = !hasArrived
    showDenial(next, hasArrived && canAct)
    part('.failure').textContent = next.failure ?? ''
    part('.warning').textContent = next.warning ?? ''
  }

  function showDenial(next, canDeny) {
    if (next.code === undefined) return
    const button = part('.deny')
    const hadFocus = document.activeElement === button
    button.hidden = next.isDenied
    button.disabled = !canDeny
    part('.denied').hidden = !next.isDenied
    // The button is gone: the focus stays in the message.
    if (next.isDenied && hadFocus) part('.copy').focus()
  }

  fill()
  return { element, show, statusOf: () => element.dataset.status }
}
