/**
 * A Meta that answers at once: takes every send, trades and confirms every token, and notes when each message came. With receipts it tells
 * of each message that it was sent and delivered, many in one signed webhook.
 *
 * Environment: PORT. What is below /control is for the bench: `begin` forgets all and sets how it behaves, the rest asks what it saw.
 */
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import { nowMs } from './now.mjs'
import { placeIn } from './recipients.mjs'
import { signature, webhookText } from './webhooks.mjs'

/** Webhooks go out so often, with at most so many updates. */
const RECEIPTS_EVERY_MS = 50
const MOST_UPDATES = 500

/** So long an exchange of tokens takes, and a question about one. */
const TOKEN_ANSWER_MS = 100

const LIFE_SECONDS = 5_184_000
const SCOPES = ['whatsapp_business_messaging', 'whatsapp_business_management']

let run = begin({})

const server = http.createServer((request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
    const url = new URL(request.url, 'http://meta')
    if (request.method === 'POST' && url.pathname.endsWith('/messages')) return take(body, response)
    if (url.pathname.startsWith('/control/')) return control(url.pathname.slice(9), body, response)
    setTimeout(() => answer(response, aboutToken(url)), TOKEN_ANSWER_MS)
  })
})
server.keepAliveTimeout = 600_000
server.listen(Number(process.env.PORT), '127.0.0.1', () => process.stdout.write('ready\n'))

/**
 * @param how.from,most the index of the first message whose arrival is noted, and how many are
 * @param how.times whether the times of all arrivals are noted, in order
 * @param how.keeps whether ids are kept, to make receipts of
 * @param how.receipts { port, path, appSecret } of whoever wants them
 */
function begin(how) {
  const started = { from: 0, most: 0, ...how, taken: 0, allTimes: [], ids: [], updates: [] }
  started.arrivals = new Float64Array(started.most)
  if (how.receipts) {
    started.agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
    started.timer = setInterval(() => tell(started), RECEIPTS_EVERY_MS)
  }
  return started
}

function take(body, response) {
  const at = nowMs()
  const text = body.toString('latin1')
  const place = placeIn(text, run.from)
  if (place !== undefined && place < run.most && run.arrivals[place] === 0) run.arrivals[place] = at
  run.taken += 1
  if (run.times) run.allTimes.push(at)
  const id = `wamid.${randomBytes(32).toString('base64')}`
  if (run.keeps || run.receipts) note(id, text)
  answer(response, {
    messaging_product: 'whatsapp',
    contacts: [{ input: '22177', wa_id: '22177' }],
    messages: [{ id, message_status: 'accepted' }],
  })
}

function note(id, text) {
  const [, own] = /"biz_opaque_callback_data":"([^"]+)"/.exec(text) ?? []
  if (run.keeps) run.ids.push({ id, own })
  if (run.receipts) run.updates.push({ id, own, status: 'sent' }, { id, own, status: 'delivered' })
}

function tell(told) {
  while (told.updates.length > 0) {
    const body = webhookText(told.updates.splice(0, MOST_UPDATES))
    const { port, path, appSecret } = told.receipts
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'x-hub-signature-256': signature(appSecret, body),
    }
    http
      .request({ port, path, method: 'POST', agent: told.agent, headers }, (reply) => reply.resume())
      .on('error', () => {})
      .end(body)
  }
}

function aboutToken({ pathname, searchParams }) {
  if (pathname.endsWith('/oauth/access_token'))
    return {
      access_token: `EAA${randomBytes(24).toString('hex')}`,
      token_type: 'bearer',
      expires_in: LIFE_SECONDS,
    }
  if (pathname.endsWith('/debug_token')) {
    const expiresAt = Math.floor(Date.now() / 1000) + LIFE_SECONDS
    const data = {
      is_valid: true,
      app_id: '138483919580948',
      type: 'SYSTEM_USER',
      expires_at: expiresAt,
      scopes: SCOPES,
    }
    return { data, asked: searchParams.size }
  }
  return {
    id: '106540352242922',
    display_phone_number: '+221 33 800 00 00',
    verified_name: 'Bench',
    data: [],
  }
}

function control(what, body, response) {
  switch (what) {
    case 'begin':
      clearInterval(run.timer)
      run = begin(JSON.parse(body.toString()))
      return answer(response, {})
    case 'taken':
      return answer(response, { taken: run.taken })
    case 'arrivals':
      return response.end(Buffer.from(run.arrivals.buffer))
    case 'times':
      return answer(response, run.allTimes)
    case 'ids':
      return answer(response, run.ids)
    default:
      return response.writeHead(404).end()
  }
}

function answer(response, body) {
  const text = JSON.stringify(body)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}
