import { plural } from './words.js'

const GAP_MS = 1500
/** More than this many at once are only counted. */
const SPOKEN = 2

const region = document.querySelector('#announcer')
let waiting = []
let timer

/** Says something to those who listen to the page. What comes in a flood is summed up by `kind`. */
export function announce(kind, sentence) {
  waiting.push({ kind, sentence })
  timer ??= setTimeout(speak, GAP_MS)
}

/** Says something at once: the answer to what a person just did. */
export function announceNow(sentence) {
  region.textContent = sentence
}

function speak() {
  timer = undefined
  region.textContent =
    waiting.length <= SPOKEN ? waiting.map(({ sentence }) => sentence).join('. ') : summary(waiting)
  waiting = []
}

const kinds = {
  message: ['new message', 'new messages'],
  delivered: ['message delivered', 'messages delivered'],
  failed: ['message not delivered', 'messages not delivered'],
}

function summary(all) {
  return Object.entries(kinds)
    .map(([kind, words]) => [all.filter((one) => one.kind === kind).length, words])
    .filter(([count]) => count > 0)
    .map(([count, words]) => plural(count, ...words))
    .join(', ')
}
