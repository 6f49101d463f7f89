import http from 'node:http'
import https from 'node:https'
import type { WebhookOutcome } from './delivery-log.ts'

/** The longest answer to a verification that is looked at. */
const CHALLENGE_ANSWER_BYTES = 1000

/**
 * Calls webhooks over kept connections. The whole exchange must fit into `timeoutMs` of real time, not only the
 * silence on the socket.
 */
export function createWebhookPost(deps: { concurrency: number; timeoutMs: number }) {
  const options = { keepAlive: true, maxSockets: deps.concurrency }
  const agents = { 'http:': new http.Agent(options), 'https:': new https.Agent(options) }
  const open = new Set<http.ClientRequest>()

  function exchange(
    url: string,
    init: http.RequestOptions,
    body?: string,
  ): Promise<{ outcome: WebhookOutcome; text: string }> {
    return new Promise((resolve) => {
      const request = start(new URL(url), init)
      let isLate = false
      open.add(request)
      const settle = (outcome: WebhookOutcome, text = '') => {
        open.delete(request)
        clearTimeout(timer)
        resolve({ outcome, text })
      }
      const timer = setTimeout(() => {
        isLate = true
        request.destroy()
      }, deps.timeoutMs)
      const fail = (error: NodeJS.ErrnoException) => settle(isLate ? 'timeout' : failureOf(error))
      request.on('error', fail)
      request.on('response', (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          if (text.length < CHALLENGE_ANSWER_BYTES) text += chunk
        })
        response.on('end', () => settle(response.statusCode ?? 0, text))
        response.on('error', fail)
      })
      request.end(body)
    })
  }

  function start(url: URL, init: http.RequestOptions): http.ClientRequest {
    return url.protocol === 'https:'
      ? https.request(url, { ...init, agent: agents['https:'] })
      : http.request(url, { ...init, agent: agents['http:'] })
  }

  return {
    /** Posts a body; without a signature the header is missing. */
    async post(url: string, body: string, signature: string | undefined): Promise<WebhookOutcome> {
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'facebookexternalua',
        ...(signature === undefined ? {} : { 'x-hub-signature-256': signature }),
      }
      return (await exchange(url, { method: 'POST', headers }, body)).outcome
    },
    get: (url: string) => exchange(url, { method: 'GET', headers: { 'user-agent': 'facebookplatform/1.0' } }),
    close(): void {
      for (const request of open) request.destroy()
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

export type WebhookPost = ReturnType<typeof createWebhookPost>

const unreachable = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

function failureOf({ code }: NodeJS.ErrnoException): WebhookOutcome {
  return unreachable.has(code ?? '') ? 'refused' : 'reset'
}
