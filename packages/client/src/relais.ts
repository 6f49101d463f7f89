/** The client: what an app asks of Relais. */
import type { AcceptedMessage, Message, MessageRequest } from './api-types.ts'
import { isObject } from './answer.ts'
import { createCaller, type Call, type CallOptions, type Fetch } from './call.ts'
import { keyedBy, type SendOptions } from './options.ts'
import { createSendMany, type SendResult } from './send-many.ts'
import { createVerifications, type Verifications } from './verifications.ts'
import { createWaitFor, type WaitOptions } from './wait-for.ts'

export type RelaisOptions = {
  /** Where the API is: `https://relais.example.com`. */
  url: string
  /** The app's key. It goes to this URL only, and into no error. */
  key: string
  /** The deadline of a call, retries included; 30,000 unless given. */
  timeoutMs?: number
  /** The most one try of a call may take; 10,000 unless given. */
  tryTimeoutMs?: number
  /** How many tries may follow the first, within the deadline; 8 unless given. */
  retries?: number
  /** Instead of the platform's. */
  fetch?: Fetch
}

export type Relais = {
  /**
   * Sends a message. When this resolves the message is durable and reaches one end, once.
   *
   * Rejects with a `ProblemError` when the server says why not, and with a `TimeoutError` or a `NetworkError` when nothing is known:
   * the same call with the error's `idempotencyKey` then finds out, and never sends twice.
   */
  send(message: MessageRequest, options?: SendOptions): Promise<AcceptedMessage>

  /**
   * Sends any number of messages, in batches of a thousand. One that fails harms no other: the results are in the order of the messages.
   * The deadline is that of each batch. The same list with the same `idempotencyKey`, of up to 100 characters, is sent once.
   */
  sendMany(messages: readonly MessageRequest[], options?: SendOptions): Promise<SendResult[]>

  /** What became of a message; never its code. */
  message(id: string, options?: CallOptions): Promise<Message>

  /** Waits until a message has come to one of these states or to its end: look at its `status`. Rejects with a `WaitTimeoutError`. */
  waitFor(id: string, options?: WaitOptions): Promise<Message>

  /** Takes back what is not sent yet. Rejects with a `ProblemError` `already_sent` or `already_ended`. */
  cancel(id: string, options?: CallOptions): Promise<Message>

  /** The person typed the code: nothing more is sent, and no fallback starts. */
  used(id: string, options?: CallOptions): Promise<Message>

  verifications: Verifications
}

const MOST_MS = 2 ** 31 - 1

/** Makes a client. It keeps nothing open. Throws a `TypeError` for options that can never work. */
export function createRelais(options: RelaisOptions): Relais {
  const { key, timeoutMs = 30_000, tryTimeoutMs = 10_000, retries = 8 } = options
  requireNumber('timeoutMs', timeoutMs, 1, MOST_MS)
  requireNumber('tryTimeoutMs', tryTimeoutMs, 1, MOST_MS)
  requireNumber('retries', retries, 0, 100)
  // The platform's own complaint would repeat the key.
  if (!/^[\x21-\x7E]+$/.test(key)) throw new TypeError('key must be visible ASCII characters without spaces')
  const url = baseOf(options.url)
  const fetch: Fetch = options.fetch ?? ((to, init) => globalThis.fetch(to, init))
  const call = createCaller({ url, key, timeoutMs, tryTimeoutMs, retries, fetch })

  const about = (method: Call['method'], id: string, more = ''): Call => ({
    method,
    path: `/api/messages/${encodeURIComponent(id)}${more}`,
    isExpected: isAboutMessage,
  })
  const message: Relais['message'] = (id, how) => call(about('GET', id), how)

  return {
    send: (body, how) =>
      call({ method: 'POST', path: '/api/messages', body, isExpected: isAboutMessage, ...keyedBy(how) }, how),
    sendMany: createSendMany({ call, apiKey: key, timeoutMs }),
    message,
    waitFor: createWaitFor(message),
    // Relais answers a repeat of these two like the first.
    cancel: (id, how) => call(about('DELETE', id), how),
    used: (id, how) => call(about('POST', id, '/used'), how),
    verifications: createVerifications(call),
  }
}

function isAboutMessage(body: unknown): boolean {
  return isObject(body) && typeof body['id'] === 'string' && typeof body['status'] === 'string'
}

function baseOf(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined
  const isGood = url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
  if (!isGood) throw new TypeError('url must be that of the API, such as https://relais.example.com')
  return (url.origin + url.pathname).replace(/\/+$/, '')
}

function requireNumber(name: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most)) throw new TypeError(`${name} must be from ${least} to ${most}`)
}
