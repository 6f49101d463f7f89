// The page keeps no more than the simulator does.
const PHONE_CAP = 24
const MESSAGES_PER_PHONE = 12

const phonesList = document.querySelector('#phones')
const emptyState = document.querySelector('#empty')
const link = document.querySelector('#link')
const announcer = document.querySelector('#announcer')
const phoneTemplate = document.querySelector('#phone-template')
const messageTemplate = document.querySelector('#message-template')

/** Number -> its <li>; message id -> its <li>. */
const phones = new Map()
const bubbles = new Map()

const notices = {
  'phone off': 'This phone is off. WhatsApp keeps the message: one tick, never two.',
  'no WhatsApp': 'No WhatsApp on this number. Nothing is shown to anyone.',
  'unserved country': 'WhatsApp does not serve this country: the message stays at one tick.',
  'answer lost': 'Delivered, but the sender never got its answer.',
}

const statusWords = {
  accepted: 'Accepted, on its way',
  sent: 'Sent',
  delivered: 'Delivered',
  read: 'Read',
  failed: 'Not delivered',
}

const events = new EventSource('/phones/events')
events.addEventListener('open', () => showLink('live', 'Live'))
events.addEventListener('error', () => showLink('lost', 'Simulator out of reach, trying again'))
events.addEventListener('phones', ({ data }) => showAll(JSON.parse(data)))
events.addEventListener('message', ({ data }) => {
  const message = JSON.parse(data)
  const isNew = !bubbles.has(message.id)
  showMessage(message, isNew)
  if (isNew) announcer.textContent = `New message on ${message.number}: ${message.text.replaceAll('*', '')}`
})

showTime()
setInterval(showTime, 10_000)

function showLink(state, text) {
  link.dataset.state = state
  link.textContent = text
}

function showAll(messages) {
  phonesList.replaceChildren()
  phones.clear()
  bubbles.clear()
  emptyState.hidden = messages.length > 0
  for (const message of messages) showMessage(message, false)
}

function showMessage(message, isNew) {
  emptyState.hidden = true
  const phone = phones.get(message.number) ?? addPhone(message)
  const known = bubbles.get(message.id)
  const bubble = known ?? addBubble(phone, message, isNew)
  showStatus(bubble, message)
  showMood(phone, message)
  if (known === undefined) bringForward(phone)
  if (isNewest(bubble)) showEnd(part(phone, '.chat'))
}

function addPhone(message) {
  const phone = phoneTemplate.content.cloneNode(true).firstElementChild
  part(phone, '.number').textContent = message.number
  part(phone, '.profile').textContent = message.profile
  part(phone, '.business-name').textContent = message.business
  part(phone, '.avatar').textContent = message.business.slice(0, 1).toUpperCase()
  part(phone, '.chat').setAttribute('aria-label', `Messages of ${message.business} to ${message.number}`)
  part(phone, '.notice').textContent = notices[message.profile] ?? ''
  part(phone, '.clock').textContent = timeOf(Date.now())
  part(phone, '.phone').dataset.profile = message.profile
  phones.set(message.number, phone)
  phonesList.prepend(phone)
  dropOldPhones()
  return phone
}

function addBubble(phone, message, isNew) {
  const bubble = messageTemplate.content.cloneNode(true).firstElementChild
  bubble.classList.toggle('is-new', isNew)
  const text = part(bubble, '.text')
  text.append(...formatted(message.text))
  if (message.language) text.lang = message.language
  part(bubble, '.footer').textContent = message.footer ?? ''
  const time = part(bubble, 'time')
  time.textContent = timeOf(message.acceptedAt)
  time.dateTime = new Date(message.acceptedAt).toISOString()
  prepareCopy(part(bubble, '.copy'), message)
  bubbles.set(message.id, bubble)
  const chat = part(phone, '.chat')
  chat.append(bubble)
  dropOldBubbles(chat)
  return bubble
}

function showStatus(bubble, message) {
  bubble.dataset.status = message.status
  part(bubble, '.ticks').setAttribute('aria-label', statusWords[message.status] ?? message.status)
  part(bubble, '.copy').disabled = message.status === 'accepted' || message.status === 'sent'
  part(bubble, '.failure').textContent = [message.failure, message.warning].filter(Boolean).join(' · ')
}

function showMood(phone, message) {
  const isOdd = message.profile !== 'online'
  part(phone, '.phone').dataset.mood = message.status === 'failed' ? 'bad' : isOdd ? 'odd' : 'good'
}

function isNewest(bubble) {
  return bubble.nextElementSibling === null
}

function showEnd(chat) {
  chat.scrollTop = chat.scrollHeight
}

/** The newest phone comes first, unless a person is using one: moving it would take the focus away. */
function bringForward(phone) {
  const isFirst = phonesList.firstElementChild === phone
  if (!isFirst && !phone.contains(document.activeElement)) phonesList.prepend(phone)
}

/** WhatsApp's *bold*, as elements. */
function formatted(text) {
  return text.split(/(\*[^*\n]+\*)/).map((piece) => {
    if (!/^\*[^*\n]+\*$/.test(piece)) return piece
    const strong = document.createElement('strong')
    strong.textContent = piece.slice(1, -1)
    return strong
  })
}

function prepareCopy(button, message) {
  button.hidden = message.code === undefined
  if (button.hidden) return
  const label = part(button, '.copy-label')
  label.textContent = message.copyLabel
  label.lang = message.language
  button.addEventListener('click', async () => {
    const isCopied = await copy(message.code)
    announcer.textContent = isCopied ? `Code ${message.code} copied` : 'The browser did not allow copying'
    label.textContent = isCopied ? `✓ ${message.code}` : `✕ ${message.copyLabel}`
    setTimeout(() => (label.textContent = message.copyLabel), 1600)
  })
}

/** The clipboard API exists on secure origins only; loopback is one, a container's address is not. */
async function copy(text) {
  try {
    if (navigator.clipboard === undefined) return copyBySelection(text)
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copyBySelection(text)
  }
}

function copyBySelection(text) {
  const focused = document.activeElement
  const field = document.createElement('textarea')
  field.className = 'unseen'
  field.value = text
  document.body.append(field)
  field.select()
  const isCopied = document.execCommand('copy')
  field.remove()
  focused?.focus()
  return isCopied
}

function dropOldPhones() {
  while (phonesList.children.length > PHONE_CAP) {
    const oldest = phonesList.lastElementChild
    for (const [number, phone] of phones) if (phone === oldest) phones.delete(number)
    for (const bubble of oldest.querySelectorAll('.bubble')) forgetBubble(bubble)
    oldest.remove()
  }
}

function dropOldBubbles(chat) {
  while (chat.children.length > MESSAGES_PER_PHONE) {
    forgetBubble(chat.firstElementChild)
    chat.firstElementChild.remove()
  }
}

function forgetBubble(bubble) {
  for (const [id, known] of bubbles) if (known === bubble) bubbles.delete(id)
}

function showTime() {
  for (const clock of document.querySelectorAll('.clock')) clock.textContent = timeOf(Date.now())
}

function timeOf(milliseconds) {
  return new Date(milliseconds).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
}

function part(element, selector) {
  return element.querySelector(selector)
}
