/**
 * Does the time that a wrong key or signature takes say anything about the right one? `node bench/timing.mjs [rounds]`, after
 * `npm run build`; ten seconds. Exits with 1 if it does.
 *
 * Method (after dudect, Reparaz et al., 2017): of two classes of guesses one is drawn at random for each measurement, so that whatever
 * the machine does hits both; each measurement is a batch of calls in one process, without network, which is far more than anybody
 * outside can resolve. The slowest tenth of all (interrupts, collections of garbage) is left out. This is done in rounds; t says
 * whether the means of the classes differ over all rounds: above 4.5 in absolute value it
 * would be no accident. "control" is a comparison that stops at the first difference: it must be found, else this finds nothing.
 */
import { createHmac, randomBytes, randomInt } from 'node:crypto'
import { createCallers } from '../apps/api/dist/callers.js'
import {
  APP_SCOPES,
  digestOfKey,
  isSignedByMeta,
  checksumOf,
  makeApiKey,
  readApiKey,
  Secret,
} from '../packages/core/dist/index.js'

const ROUNDS = Number(process.argv[2] ?? 40)
const SAMPLES = 2000
const CALLS_A_SAMPLE = 8
const POOL = 1024
const SUSPICIOUS_T = 4.5

/** What is called, and two kinds of guesses: those that are nearly right, and those that are nearly another text of the same kind. */
const rows = [
  ['control: stops at the first difference', controlRow],
  ['key of the environment: nearly right or quite wrong', configuredRow],
  ['made key: nearly right or quite wrong', madeRow],
  ['signature: nearly right or quite wrong', () => signatureRow(endsLike)],
  ['signature: right or wrong', () => signatureRow((text) => () => text)],
]

let isSuspicious = false
for (const [what, draw] of rows) {
  const isControl = what.startsWith('control')
  const { t, differenceNs, meanNs } = await compare(draw)
  const isFound = Math.abs(t) >= SUSPICIOUS_T
  if (isFound !== isControl) isSuspicious = true
  say(
    `${what.padEnd(68)} t = ${t.toFixed(2).padStart(8)}   difference ${differenceNs.toFixed(1)} of ${Math.round(meanNs)} ns a call`,
  )
}
say(isSuspicious ? 'NOT as it should be' : `no |t| of ${SUSPICIOUS_T} or more but the control's`)
process.exit(isSuspicious ? 1 : 0)

/**
 * In rounds, each with secrets of its own: where they lie in memory, and what a processor learns of a text that it sees often, makes a
 * difference too, and is drawn anew each time.
 */
async function compare(draw) {
  await round(await draw())
  const means = []
  for (let i = 0; i < ROUNDS; i += 1) means.push(await round(await draw()))
  const { mean, variance } = moments(means.map(([one, other]) => one - other))
  return { t: mean / Math.sqrt(variance / ROUNDS), differenceNs: mean, meanNs: moments(means.flat()).mean }
}

/** The mean of each class, in ns a call. The guesses are made before anything is timed. */
async function round({ call, classes }) {
  const pools = [[], []]
  for (let i = 0; i < POOL; i += 1) {
    for (const [which, make] of classes.entries()) pools[which].push(Buffer.from(make()).toString('latin1'))
  }
  const times = [[], []]
  for (let i = 0; i < SAMPLES; i += 1) {
    const which = randomInt(2)
    const from = randomInt(POOL - CALLS_A_SAMPLE)
    const guesses = pools[which].slice(from, from + CALLS_A_SAMPLE)
    const startedAt = process.hrtime.bigint()
    for (const guess of guesses) await call(guess)
    times[which].push(Number(process.hrtime.bigint() - startedAt) / CALLS_A_SAMPLE)
  }
  const limit = times.flat().toSorted((a, b) => a - b)[Math.floor(SAMPLES * 0.9)]
  return times.map((all) => moments(all.filter((ns) => ns <= limit)).mean)
}

function moments(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return { mean, variance }
}

function controlRow() {
  const secret = hex(64)
  const call = (guess) => {
    for (let i = 0; i < 400 && guess[i % 56] === secret[i % 56]; i += 1);
  }
  return { call, classes: [endsLike(secret), endsLike(hex(64))] }
}

async function configuredRow() {
  const configured = Array.from({ length: 10 }, () => random(32))
  const callers = await callersWith(configured)
  return { call: callers.identify, classes: [endsLike(configured[4]), endsLike(random(32))] }
}

async function madeRow() {
  const [made, other] = [makeApiKey('rk_live'), makeApiKey('rk_live')]
  const callers = await callersWith([], made)
  return { call: callers.identify, classes: [made, other].map(({ text }) => keyLike(made.id, text)) }
}

function signatureRow(guessesLike) {
  const body = randomBytes(800)
  const appSecret = new Secret(hex(32))
  const right = createHmac('sha256', appSecret.reveal()).update(body).digest('hex')
  const call = (guess) => isSignedByMeta(body, `sha256=${guess}`, [appSecret])
  return { call, classes: [guessesLike(right), guessesLike(hex(64))] }
}

/** Guesses that begin like a text and end at random. */
function endsLike(text) {
  const tail = /^[0-9a-f]+$/.test(text) ? hex : random
  return () => text.slice(0, -8) + tail(8)
}

/** Keys with this id, a secret that begins like that of this key, and a checksum that fits. */
function keyLike(id, key) {
  const start = key.reveal().split('_')[3].slice(0, -8)
  return () => {
    const body = `rk_live_${id}_${start}${random(64).replaceAll(/[-_]/g, '').slice(0, 8)}`
    const guess = `${body}_${checksumOf(body)}`
    if (!readApiKey(guess)) throw new Error('this is no key')
    return guess
  }
}

async function callersWith(configured, made) {
  const callers = createCallers({
    apps: configured.map((key, i) => ({ name: `app${i}`, sha256: digestOfKey(key), isShort: false })),
    operators: [],
    store: {
      version: async () => 'v',
      read: async () => ({ version: 'v', records: recordsOf(made), unreadable: 0 }),
    },
    onError: fail,
    onUnreadable: fail,
  })
  await callers.look()
  return callers
}

function recordsOf(made) {
  if (!made) return []
  const sha256 = digestOfKey(made.text.reveal()).toString('base64url')
  return [
    { id: made.id, kind: 'app', name: 'made', mode: 'live', scopes: APP_SCOPES, sha256, expiresAt: Infinity },
  ]
}

function hex(length) {
  return randomBytes(length).toString('hex').slice(0, length)
}

function random(length) {
  return randomBytes(length).toString('base64url').slice(0, length)
}

function fail(error) {
  throw error
}

function say(line) {
  process.stdout.write(`${line}\n`)
}
