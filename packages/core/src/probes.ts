import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Metrics } from './metrics.ts'

/** A request comes at once or not at all. */
const REQUEST_MS = 5000

/** Gauges that Redis does not tell in time keep their last value. */
const REFRESH_WITHIN_MS = 500

/**
 * A process's own small server: `/metrics`, `/livez`, `/readyz`, without a key, for inside only.
 *
 * @param options.isReady can the process do its work right now? Answers within a bounded time
 * @param options.beforeScrape brings gauges up to date
 * @param options.requestMs from the first byte to the last of a request
 */
export function createProbes(options: {
  metrics: Metrics
  isReady: () => Promise<boolean>
  beforeScrape: () => Promise<void>
  requestMs?: number
}) {
  const { requestMs = REQUEST_MS } = options
  const timeouts = { requestTimeout: requestMs, headersTimeout: requestMs }
  const checks = { connectionsCheckingInterval: requestMs / 2 }
  const server = http.createServer({ ...timeouts, ...checks }, (request, response) => {
    response.setHeader('X-Content-Type-Options', 'nosniff')
    answer(request.url ?? '/').then(
      ({ statusCode, type, body }) => response.writeHead(statusCode, { 'Content-Type': type }).end(body),
      () => response.writeHead(500).end(),
    )
  })
  // Whoever does not read the answer, or never asks for another.
  server.setTimeout(2 * requestMs)

  return {
    /** Rejects with Node's error if the port is taken. */
    listen: (port: number, host: string): Promise<void> =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, resolve)
      }),

    close(): Promise<void> {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }

  async function answer(url: string) {
    switch (url.split('?')[0]) {
      case '/livez':
        return json(200, { status: 'ok' })
      case '/readyz':
        return (await options.isReady()) ? json(200, { status: 'ok' }) : json(503, { status: 'unavailable' })
      case '/metrics':
        await Promise.race([options.beforeScrape().catch(() => undefined), sleep(REFRESH_WITHIN_MS)])
        return {
          statusCode: 200,
          type: options.metrics.registry.contentType,
          body: await options.metrics.registry.metrics(),
        }
      default:
        return json(404, { status: 'not found' })
    }
  }
}

function json(statusCode: number, body: unknown) {
  return { statusCode, type: 'application/json', body: JSON.stringify(body) }
}
