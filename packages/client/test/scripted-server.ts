/** A server that answers as a test tells it to, request by request. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export type Asked = { method: string; path: string; headers: IncomingHttpHeaders; body: string }

/** Writes an answer, or none. */
export type Act = (response: ServerResponse) => void

export function answer(status: number, body: unknown, headers: Record<string, string> = {}): Act {
  const type = status >= 400 ? 'application/problem+json' : 'application/json'
  return (response) =>
    response.writeHead(status, { 'content-type': type, ...headers }).end(JSON.stringify(body))
}

export function problem(status: number, code: string, more: object = {}): object {
  return { type: 'about:blank', title: 'Error', status, code, detail: `because of ${code}`, ...more }
}

/** Every way in which an answer can fail to be one. None of them lasts longer than the test. */
export const FAULTS: Record<string, Act> = {
  'a reset': (response) => void response.socket?.resetAndDestroy(),
  silence: () => undefined,
  'half an answer': (response) => {
    response
      .writeHead(202, { 'content-type': 'application/json', 'content-length': '100' })
      .write('{"id":"msg_')
    setTimeout(() => response.destroy(), 5)
  },
  'half an answer that ends well': (response) => void response.writeHead(202).end('{"id":"msg_'),
  'a slow drip': (response) => {
    response.writeHead(202)
    const timer = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(timer))
  },
  'no HTTP': (response) => void response.socket?.end('\0\x01 garbage \xff\r\n\r\n'),
  'a page of something else': (response) => void response.writeHead(200).end('<html>captive portal</html>'),
  'an answer without a body': (response) => void response.writeHead(202).end(),
  'an answer of another shape': answer(202, { ok: true }),
  'a redirect': (response) => void response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
  'more than an answer has': (response) =>
    void response.writeHead(202).end(Buffer.alloc(9 * 1024 * 1024, 0x20)),
  'a 408': answer(408, problem(408, 'bad_request')),
  'a 500': answer(500, problem(500, 'internal_error')),
  'a 502 of a proxy': (response) => void response.writeHead(502).end('<h1>Bad Gateway</h1>'),
  'a 503': answer(503, problem(503, 'queue_unavailable')),
  'a 503 that says when': answer(503, problem(503, 'queue_unavailable'), { 'retry-after': '0' }),
  'a 429 that says when': answer(429, problem(429, 'app_limited'), { 'retry-after': '0' }),
}

/** The nth request gets the nth act; the last one stands for all that follow. It closes with the test. */
export async function serve(...acts: Act[]): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      asked.push({ method, path, headers, body: Buffer.concat(chunks).toString() })
      acts[Math.min(asked.length, acts.length) - 1]?.(response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}
