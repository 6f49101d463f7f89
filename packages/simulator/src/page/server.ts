import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Phones } from './phones.ts'

const VIEWER_CAP = 50
const HEARTBEAT_MS = 15_000
const BACKLOG_BYTES = 1_000_000

const files = [
  { path: '/', name: 'page.html', type: 'text/html; charset=utf-8' },
  { path: '/page.css', name: 'page.css', type: 'text/css; charset=utf-8' },
  { path: '/page.js', name: 'page.js', type: 'text/javascript; charset=utf-8' },
  { path: '/icon.svg', name: 'icon.svg', type: 'image/svg+xml' },
]

const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
}

/** The page that shows the recipients' phones, and the stream that keeps it live. At most 50 viewers. */
export async function addPhonesPage(app: FastifyInstance, phones: Phones) {
  for (const { path, name, type } of files) {
    const content = await readFile(new URL(`../../page/${name}`, import.meta.url), 'utf8')
    app.get(path, (_request, reply) => reply.headers(pageHeaders).type(type).send(content))
  }
  const viewers = createViewers(phones)
  app.get('/phones/events', (_request, reply) => {
    if (viewers.areFull()) return reply.code(503).send('too many viewers')
    reply.hijack()
    return viewers.add(reply.raw)
  })
  app.addHook('onClose', () => viewers.close())
  return { refresh: viewers.refresh }
}

function createViewers(phones: Phones) {
  const viewers = new Set<ServerResponse>()
  const heartbeat = setInterval(() => write(': still here\n\n'), HEARTBEAT_MS)
  const unsubscribe = phones.subscribe((message) => write(event('message', message)))

  function write(text: string, to: Iterable<ServerResponse> = viewers): void {
    for (const viewer of to) {
      // A viewer that stopped reading would grow in memory; its browser connects again.
      if (viewer.writableLength > BACKLOG_BYTES) viewer.destroy()
      else viewer.write(text)
    }
  }

  return {
    areFull: () => viewers.size >= VIEWER_CAP,
    add(viewer: ServerResponse): void {
      viewer.writeHead(200, { ...pageHeaders, 'content-type': 'text/event-stream; charset=utf-8' })
      viewers.add(viewer)
      viewer.on('close', () => viewers.delete(viewer))
      write(`retry: 1000\n${event('phones', phones.list())}`, [viewer])
    },
    /** Shows everything anew to every viewer. */
    refresh: () => write(event('phones', phones.list())),
    close(): void {
      clearInterval(heartbeat)
      unsubscribe()
      for (const viewer of viewers) viewer.destroy()
    },
  }
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}
