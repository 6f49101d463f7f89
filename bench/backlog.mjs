/**
 * What a backlog costs: `node bench/backlog.mjs [messages]`, after `npm run build`. The default is 1,000,000: about six minutes, 3 GB.
 *
 * One API, one worker, a Redis of their own and an instant Meta, all on this machine. Acceptance (one message a request, 50 connections)
 * and drain (no pace, no receipts) are measured on an empty queue, behind the backlog, and on an empty queue again: what rounds of one kind
 * differ by is the noise of the machine. Memory is that of Redis, by `used_memory`.
 */
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import { createSimulator } from '../packages/simulator/dist/index.js'
import { eventually, freePort, startNode, startRedis } from '../packages/testing/dist/index.js'
import { findRedisServer, testEnvironment } from '../scripts/redis.mjs'
import { askRedis } from '../scripts/resp.mjs'

const BACKLOG = Number(process.argv[2] ?? 1_000_000)
const MEASURED = 30_000
const CONNECTIONS = 50
const BATCH = 1000
const BATCHES_AT_ONCE = 4

const apiKey = randomBytes(12).toString('hex')
const none = { min: 0, max: 0 }
const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS })
let next = 0

Object.assign(process.env, testEnvironment(await findRedisServer()))
const redis = await startRedis()
const simulator = await createSimulator({
  phoneNumberId: '106540352242922',
  businessId: '102290129340398',
  appId: '138483919580948',
  accessToken: 'EAAbenchtoken',
  appSecret: '0123456789abcdef',
  pairLimit: false,
  throughputPerSecond: 0,
  timing: { answer: none, sent: none, delivered: none, read: none },
})
const port = await freePort()
const env = {
  PORT: String(port),
  METRICS_PORT: '0',
  REDIS_URL: redis.url,
  API_KEYS: `wallet:${apiKey}`,
  OPS_KEYS: `awa:${randomBytes(12).toString('hex')}`,
  ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
  WHATSAPP_PHONE_NUMBER_ID: '106540352242922',
  WHATSAPP_ACCESS_TOKEN: 'EAAbenchtoken',
  WHATSAPP_API_BASE_URL: simulator.graphUrl,
  APP_MAX_WAITING: '0',
  OTP_TTL_SECONDS: '900',
  SEND_RATE_PER_SECOND: '0',
  LOG_LEVEL: 'warn',
}
const api = startNode('apps/api/dist/main.js', env)
await eventually(isReady, (ready) => ready, { timeoutMs: 30_000, what: 'the API' })

const empty = [await round('empty queue'), await round('empty queue')]
const base = await usedBytes()
const filled = await fill(BACKLOG)
say(`backlog of ${BACKLOG}: filled at ${filled} messages/s in batches of ${BATCH}`)
say(`memory: ${Math.round(((await usedBytes()) - base) / BACKLOG)} bytes a waiting message`)
const behind = [await round('behind it'), await round('behind it'), await round('behind it')]
await askRedis(redis.port, ['FLUSHALL'], 120_000)
await eventually(isReady, (ready) => ready, { timeoutMs: 60_000, what: 'the API' })
empty.push(await round('empty again'), await round('empty again'))
for (const what of ['accepted', 'drained']) {
  say(
    `${what}: ${(median(behind, what) / median(empty, what)).toFixed(2)} of an empty queue's rate (medians)`,
  )
}
await api.kill()
await simulator.close()
await redis.stop()
process.exit(0)

/** Messages a second, taken in and sent. */
async function round(name) {
  const accepted = await accept(MEASURED)
  const drained = await drain(MEASURED * 0.8)
  say(`${name}: ${accepted} accepted/s, ${drained} sent/s`)
  return { accepted, drained }
}

function median(rounds, what) {
  const sorted = rounds.map((each) => each[what]).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

async function accept(count) {
  const one = () => post('/api/messages', message())
  await inParallel(CONNECTIONS, 500, one)
  return rate(count, () => inParallel(CONNECTIONS, count, one))
}

async function fill(count) {
  const batch = () => post('/api/messages/batch', { messages: Array.from({ length: BATCH }, message) })
  return rate(count, () => inParallel(BATCHES_AT_ONCE, count / BATCH, batch))
}

/** From a moment when the worker is warm. */
async function drain(count) {
  const worker = startNode('apps/worker/dist/main.js', env)
  const sent = () => simulator.state().messages
  const start = sent()
  const reaches = (total) =>
    eventually(sent, (now) => now - start >= total, { timeoutMs: 120_000, everyMs: 5, what: 'sends' })
  await reaches(count / 5)
  const from = sent()
  const perSecond = await rate(undefined, async () => {
    await reaches(count)
    return sent() - from
  })
  await worker.stop()
  return perSecond
}

/** @param count how many are done; what `work` answers if undefined */
async function rate(count, work) {
  const startedAt = performance.now()
  const done = await work()
  return Math.round((count ?? done) / ((performance.now() - startedAt) / 1000))
}

async function inParallel(lanes, count, work) {
  let left = count
  const lane = async () => {
    while (left > 0) {
      left -= 1
      await work()
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

/** Each to a number of its own; endings below 1000 mean something to the simulator. */
function message() {
  next += 1
  const to = `+22177${String(Math.floor(next / 9000)).padStart(3, '0')}${1000 + (next % 9000)}`
  return { to, type: 'otp', code: String(100_000 + (next % 900_000)) }
}

function post(path, body) {
  const text = JSON.stringify(body)
  const headers = {
    authorization: `Bearer ${apiKey}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  }
  return new Promise((resolve, reject) => {
    const request = http.request({ port, path, method: 'POST', agent, headers }, (answer) => {
      answer.resume().on('end', () => {
        if (answer.statusCode === 202) resolve()
        else reject(new Error(`${path} answered ${answer.statusCode}`))
      })
    })
    request.on('error', reject)
    request.end(text)
  })
}

async function isReady() {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  )
}

async function usedBytes() {
  const info = await askRedis(redis.port, ['INFO', 'memory'], 10_000)
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1])
}

function say(line) {
  process.stdout.write(`${line}\n`)
}
