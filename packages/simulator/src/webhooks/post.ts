import http from 'node:http'
import https from 'node:https'

const TIMEOUT_MS = 5000

/** Posts signed bodies over kept connections. A time-out or anything but 2xx is a failure. */
export function createWebhookPost(deps: { concurrency: number }) {
  const options = { keepAlive: true, maxSockets: deps.concurrency }
  const agents = { 'http:': new http.Agent(options), 'https:': new https.Agent(options) }
  const open = new Set<http.ClientRequest>()

  function post(url: string, body: string, signature: string): Promise<boolean> {
    return new Promise((resolve) => {
      const request = start(new URL(url), body, signature)
      open.add(request)
      const settle = (taken: boolean) => {
        open.delete(request)
        resolve(taken)
      }
      // The whole exchange counts, not only silence on the socket.
      const timer = setTimeout(() => request.destroy(new Error('webhook timed out')), TIMEOUT_MS)
      request.on('close', () => clearTimeout(timer))
      request.on('error', () => settle(false))
      request.on('response', (response) => {
        const statusCode = response.statusCode ?? 0
        response.resume()
        response.on('end', () => settle(statusCode >= 200 && statusCode < 300))
        response.on('error', () => settle(false))
      })
      request.end(body)
    })
  }

  function start(url: URL, body: string, signature: string): http.ClientRequest {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'facebookexternalua',
      'x-hub-signature-256': signature,
    }
    return url.protocol === 'https:'
      ? https.request(url, { method: 'POST', headers, agent: agents['https:'] })
      : http.request(url, { method: 'POST', headers, agent: agents['http:'] })
  }

  function close(): void {
    for (const request of open) request.destroy()
    for (const agent of Object.values(agents)) agent.destroy()
  }

  return { post, close }
}

export type WebhookPost = ReturnType<typeof createWebhookPost>
