// Keeps the page up to date: the server sends the parts that have changed, as they are to be shown. Without a script the page is as it was loaded.

const live = document.querySelector('#live')
const parts = document.querySelectorAll('[data-part]')
let events

function show(state, text) {
  live.hidden = false
  live.dataset.state = state
  if (live.textContent !== text) live.textContent = text
}

/** What is being used is left alone: a part with the focus in it, or with text that is selected. */
function isInUse(element) {
  const selection = getSelection()
  const isSelected = selection !== null && !selection.isCollapsed && selection.containsNode(element, true)
  return isSelected || (element !== document.activeElement && element.contains(document.activeElement))
}

const waiting = new Map()

function put(id, text) {
  const element = document.getElementById(id)
  if (element === null || isInUse(element)) {
    waiting.set(id, text)
    return
  }
  waiting.delete(id)
  // Written by our own server, where everything that is not its own is escaped.
  element.innerHTML = text
}

function listen() {
  events = new EventSource('/admin/events')
  events.addEventListener('parts', ({ data }) => {
    show('live', 'Live')
    for (const [id, text] of waiting) put(id, text)
    for (const [id, text] of Object.entries(JSON.parse(data))) put(id, text)
  })
  events.addEventListener('unknown', () => show('lost', 'Redis does not answer'))
  events.addEventListener('error', () => show('lost', 'Connection lost, trying again'))
}

if (parts.length > 0) {
  listen()
  // A page that nobody sees asks for nothing.
  document.addEventListener('visibilitychange', () => {
    events.close()
    if (!document.hidden) listen()
  })
}
