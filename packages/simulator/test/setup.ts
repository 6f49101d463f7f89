import { createHmac } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished } from 'vitest'
import { answerFaults } from '../src/conformance/index.ts'
import { createSimulator, type SimulatorOptions } from '../src/index.ts'
import { operationOf } from './operation-of.ts'

export const identity = {
  phoneNumberId: '106540352242922',
  accessToken: 'first-token',
  appId: '138483919580948',
  appSecret: 'app-secret',
  businessId: '102290129340398',
}

const now = { min: 0, max: 0 }
export const quick = { answer: now, sent: now, delivered: now, read: now }

/** What tests look at in an answer; which part is there depends on the call. */
type GraphBody = {
  error: {
    message: string
    type: string
    code: number
    error_subcode?: number
    error_data: { details: string }
    fbtrace_id: string
  }
  contacts: object[]
  messages: [{ id: string }]
  access_token: string
  data: { is_valid: boolean; issued_at: number; expires_at: number; scopes: string[] }
  health_status: { can_send_message: string }
  throughput: object
}

export type Answer = { statusCode: number; headers: Headers; body: GraphBody }

/** A simulator that closes itself, with all delays at zero unless asked otherwise. */
export async function setup(options: Partial<SimulatorOptions> = {}) {
  const simulator = await createSimulator({ ...identity, timing: quick, ...options })
  onTestFinished(() => simulator.close())
  return { simulator, ...createClient(simulator.graphUrl) }
}

/** Where the clock of `settling` stands. */
export const standsAt = Date.parse('2026-11-22T18:00:00Z')

/** A simulator with a receiver for its webhooks, a clock that stands still, and the same dice each time. */
export async function settling(options: Partial<SimulatorOptions> = {}) {
  const receiver = await createReceiver()
  const clock = { startAt: standsAt, speed: 0 }
  const bundle = await setup({ webhookUrl: receiver.url, clock, seed: 1, ...options })
  const { simulator } = bundle
  return {
    ...bundle,
    receiver,
    /** Lets a second pass, and waits until all that leaves in it was taken. */
    async settle() {
      simulator.clock.advance(1000)
      await eventually(
        () => simulator.state().webhook,
        ({ waiting }) => waiting === 0,
      )
    },
  }
}

export function createClient(graphUrl: string) {
  type Call = { method?: string; body?: string; token?: string | null }

  async function call(path: string, { token = identity.accessToken, ...init }: Call = {}): Promise<Answer> {
    const headers = {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(init.body === undefined ? {} : { 'content-type': typeOf(init.body) }),
    }
    const response = await fetch(`${graphUrl}${path}`, { ...init, headers })
    const text = await response.text()
    const body = JSON.parse(text) as GraphBody
    checkAnswer(init.method ?? 'GET', path, response, text)
    return { statusCode: response.status, headers: response.headers, body }
  }

  const messagesPath = `/v26.0/${identity.phoneNumberId}/messages`
  return {
    get: (path: string, token?: string | null) => call(path, token === undefined ? {} : { token }),
    post: (path: string, body: string, token?: string | null) =>
      call(path, { method: 'POST', body, ...(token === undefined ? {} : { token }) }),
    remove: (path: string, token?: string | null) =>
      call(path, { method: 'DELETE', ...(token === undefined ? {} : { token }) }),
    send: (body: object, token?: string | null) =>
      call(messagesPath, {
        method: 'POST',
        body: JSON.stringify(body),
        ...(token === undefined ? {} : { token }),
      }),
    exchange: (token: string, changes: Record<string, string> = {}) => {
      const query = new URLSearchParams({
        grant_type: 'fb_exchange_token',
        client_id: identity.appId,
        client_secret: identity.appSecret,
        fb_exchange_token: token,
        ...changes,
      })
      return call(`/v26.0/oauth/access_token?${query}`, { token: null })
    },
    inspect: (token: string) =>
      call(`/v26.0/debug_token?input_token=${encodeURIComponent(token)}`, {
        token: `${identity.appId}|${identity.appSecret}`,
      }),
  }
}

/** Forms are `name=value&...`; everything else calls itself JSON. */
function typeOf(body: string): string {
  return /^\w+=/.test(body) ? 'application/x-www-form-urlencoded' : 'application/json'
}

/** Whatever a test is about: what it is answered is as Meta's documentation says. */
function checkAnswer(method: string, path: string, response: Response, body: string): void {
  const operation = operationOf(method, path, identity.businessId)
  if (operation === undefined) return
  const headers = Object.fromEntries(response.headers)
  const faults = answerFaults(operation, { statusCode: response.status, headers, body })
  expect(faults, `${method} ${path}: ${body}`).toEqual([])
}

export const online = '+221771234567'

/** A one-time code, as the delivery client sends it. */
export function codeFor(to: string, code = '482913', changes: object = {}) {
  return {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to,
    type: 'template',
    biz_opaque_callback_data: 'msg_1',
    template: template('otp_login', 'fr', [body(code), button(code)]),
    ...changes,
  }
}

export function textFor(to: string, text = 'Bonjour') {
  return { messaging_product: 'whatsapp', to, type: 'text', text: { body: text } }
}

export function template(name: string, language: string, components: object[]) {
  return { name, language: { code: language }, components }
}

export function body(...texts: string[]) {
  return { type: 'body', parameters: texts.map((text) => ({ type: 'text', text })) }
}

export function button(text: string) {
  return { type: 'button', sub_type: 'url', index: '0', parameters: [{ type: 'text', text }] }
}

/** A template for codes, as Meta's documentation makes it. */
export const codeTemplate = {
  name: 'verification_code',
  language: 'en_US',
  category: 'AUTHENTICATION',
  message_send_ttl_seconds: 300,
  components: [
    { type: 'BODY', add_security_recommendation: true },
    { type: 'FOOTER', code_expiration_minutes: 5 },
    { type: 'BUTTONS', buttons: [{ type: 'OTP', otp_type: 'COPY_CODE', text: 'Copy code' }] },
  ],
}

/** Reads again and again until it holds, for at most ten seconds. */
export async function eventually<T>(read: () => T | Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 10_000
  for (;;) {
    const value = await read()
    if (holds(value)) return value
    if (Date.now() > deadline) throw new Error(`never held, last seen: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

type Webhook = { raw: Buffer; body: WebhookValue; isSigned: boolean; status: WebhookStatus }

type WebhookValue = { statuses: WebhookStatus[]; messages?: WebhookInbound[]; contacts?: object[] }

type WebhookInbound = { id: string; from: string; type: string }

type WebhookStatus = { id: string; status: string; timestamp: string; pricing?: object; errors?: object[] }

/** What came over the wire, whatever it is about. */
export type WebhookRequest = {
  method: string
  url: URL
  signature: string | undefined
  isSigned: boolean
  raw: Buffer
  entry: { id: string; time?: number; changes: { field: string; value: WebhookValue }[] }[]
}

/**
 * A webhook endpoint that keeps what it gets; `statusCodeOf` decides the answer of the nth POST, from 0: no answer at
 * all when it gives 0. A GET is answered with its challenge by default.
 */
export async function createReceiver(
  statusCodeOf: (nth: number) => number = () => 200,
  answerChallenge = (query: URLSearchParams) => query.get('hub.challenge') ?? '',
) {
  const webhooks: Webhook[] = []
  const requests: WebhookRequest[] = []
  let posts = 0
  const server = http.createServer((request, response) => void take(request, response))

  async function take(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://receiver')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const raw = Buffer.concat(chunks)
    const received = read(request, url, raw)
    requests.push(received)
    if (request.method === 'GET') {
      const challenge = answerChallenge(url.searchParams)
      return void response.writeHead(challenge === '' ? 403 : 200).end(challenge)
    }
    for (const { changes } of received.entry)
      for (const { value } of changes)
        for (const status of value.statuses ?? [])
          webhooks.push({ raw, body: value, isSigned: received.isSigned, status })
    const statusCode = statusCodeOf(posts++)
    if (statusCode !== 0) response.writeHead(statusCode).end()
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/webhooks/whatsapp`
  return {
    url,
    webhooks,
    requests,
    /** Every change of every POST so far. */
    changes: () => requests.flatMap(({ entry }) => entry.flatMap(({ changes }) => changes)),
    statuses: () => webhooks.map(({ status }) => status.status),
    posts: () => posts,
  }
}

function read(request: http.IncomingMessage, url: URL, raw: Buffer): WebhookRequest {
  const expected = createHmac('sha256', identity.appSecret).update(raw).digest('hex')
  const signature = request.headers['x-hub-signature-256']?.toString()
  const payload = raw.length === 0 ? {} : (JSON.parse(raw.toString('utf8')) as object)
  return {
    method: request.method ?? '',
    url,
    signature,
    isSigned: signature === `sha256=${expected}`,
    raw,
    entry: [],
    ...payload,
  }
}
