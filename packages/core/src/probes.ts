import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Metrics } from './metrics.ts'

/** Gauges that Redis does not tell in time keep their last value. */
const REFRESH_WITHIN_MS = 500

/**
 * A process's own small server: `/metrics`, `/livez`, `/readyz`, without a key, for inside only.
 *
 * @param options.isReady can the process do its work right now? Answers within a bounded time
 * @param options.beforeScrape brings gauges up to date
 */
export function createProbes(options: {
  metrics: Metrics
  isReady: () => Promise<boolean>
  beforeScrape: () => Promise<void>
}) {
  const server = http.createServer((request, response) => {
    answer(request.url ?? '/').then(
      ({ statusCode, type, body }) => response.writeHead(statusCode, { 'Content-Type': type }).end(body),
      () => response.writeHead(500).end(),
    )
  })
  server.requestTimeout = 5000

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
    switch (new URL(url, 'http://localhost').pathname) {
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
