const numberFormat = new Intl.NumberFormat('en')
const shortNumberFormat = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

/** What a status means to the person who sent the message. */
export const statusWords = {
  accepted: 'On its way',
  sent: 'Sent',
  delivered: 'Delivered',
  read: 'Read',
  failed: 'Not delivered',
}

/** The switches of a phone: name, and what each does in a word. */
export const switchWords = {
  isOff: { name: 'Off', hint: 'messages wait' },
  hasNoWhatsApp: { name: 'No WhatsApp', hint: 'sends fail' },
  hasBlockedUs: { name: 'Blocked us', hint: 'one tick, no more' },
  hasReceiptsOff: { name: 'Receipts off', hint: 'never “read”' },
}

const profileNotices = {
  'unserved country': 'WhatsApp does not serve this country: messages stay at one tick.',
  'answer lost': 'Delivered, but the sender never got its answer.',
}

/** The sentence at the foot of a phone that cannot be reached, and whether that is bad or only odd. */
export function noticeOf({ switches, profile, entries }) {
  if (switches.hasNoWhatsApp)
    return { mood: 'bad', text: 'No WhatsApp on this number. Nothing arrives here.' }
  if (switches.hasBlockedUs)
    return { mood: 'bad', text: 'This person has blocked the business. Nothing arrives here.' }
  if (!switches.isOff) return { mood: 'odd', text: profileNotices[profile] ?? '' }
  const waiting = entries.filter(({ status }) => status === 'accepted' || status === 'sent').length
  const rest = waiting === 0 ? '' : ` ${plural(waiting, 'message waits', 'messages wait')} for it.`
  return { mood: 'odd', text: `This phone is off${untilText(switches.offUntil)}.${rest}` }
}

function untilText(offUntil) {
  return offUntil === undefined ? '' : ` until ${timeOf(offUntil, true)}`
}

export function timeOf(milliseconds, withSeconds = false) {
  const seconds = withSeconds ? { second: '2-digit' } : {}
  return new Date(milliseconds).toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    ...seconds,
  })
}

export function dateOf(milliseconds) {
  return new Date(milliseconds).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
  })
}

const units = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
]

/** `59 d 23 h`, `4 min 09 s`: the two largest units. */
export function durationOf(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const first = units.findIndex(([, size]) => seconds >= size)
  if (first === -1) return '0 s'
  const [unit, size] = units[first]
  const next = units[first + 1]
  const whole = `${numberOf(Math.floor(seconds / size))} ${unit}`
  return next === undefined ? whole : `${whole} ${Math.floor((seconds % size) / next[1])} ${next[0]}`
}

export function numberOf(value) {
  return numberFormat.format(value)
}

/** `12.4K`: for figures that only matter roughly. */
export function shortNumberOf(value) {
  return value < 10_000 ? numberOf(value) : shortNumberFormat.format(value)
}

export function plural(count, one, many) {
  return `${numberOf(count)} ${count === 1 ? one : many}`
}

/** WhatsApp's *bold*, as elements: text of a message never becomes HTML. */
export function formatted(text) {
  return text.split(/(\*[^*\n]+\*)/).map((piece) => {
    if (!/^\*[^*\n]+\*$/.test(piece)) return piece
    const strong = document.createElement('strong')
    strong.textContent = piece.slice(1, -1)
    return strong
  })
}
