/** A proxy in front of the API that treats requests and answers badly, and keeps account of what the API itself answered. */
import { once } from 'node:events'
import { createServer, request as open, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import type { Scope } from './system.ts'

/** What becomes of a request. `before`: it never gets to the API. `after`: the API has answered, and that is lost. */
export const FAULTS = [
  'reset before',
  'reset during',
  'reset after',
  'silence before',
  'silence after',
  '500 before',
  '500 after',
  '502 page before',
  '502 page after',
  '504 after',
  '503 before',
  '503 with Retry-After before',
  '503 with Retry-After after',
  '429 with Retry-After before',
  'half an answer',
  'half an answer that ends well',
  'slow drip',
  'no HTTP after',
  'page of something else after',
  'nothing after',
  'another shape after',
  'redirect after',
] as const

export type Fault = (typeof FAULTS)[number]

/** The rest gets through. */
const FAULTY_IN_100 = 60

type Upstream = { status: number; headers: IncomingMessage['headers']; body: Buffer }

export async function openFaultyProxy(scope: Scope, deps: { apiUrl: string; seed: number }) {
  const { hostname, port } = new URL(deps.apiUrl)
  const faultOf = faultsBySeed(deps.seed)
  const counts = new Map<Fault | 'none', number>()
  /** By idempotency key: the ids that the API has answered. */
  const ids = new Map<string, Set<string>>()

  const server = createServer((request, response) => {
    response.on('error', () => undefined)
    const chunks: Buffer[] = []
    request.on('error', () => undefined).on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const fault = faultOf()
      counts.set(fault ?? 'none', (counts.get(fault ?? 'none') ?? 0) + 1)
      void treat(request, Buffer.concat(chunks), response, fault)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  scope.onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  async function treat(
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
    fault: Fault | undefined,
  ): Promise<void> {
    if (fault === 'reset during') {
      // On its way already, and nobody is there to hear the answer.
      void forward(request, body).catch(() => undefined)
      return void response.socket?.resetAndDestroy()
    }
    if (fault?.endsWith(' before')) return harm(fault, response)
    const answer = await forward(request, body).catch(() => undefined)
    if (!answer) return void response.socket?.resetAndDestroy()
    if (fault !== undefined) return harm(fault, response, answer)
    response.writeHead(answer.status, answer.headers).end(answer.body)
  }

  function forward(request: IncomingMessage, body: Buffer): Promise<Upstream> {
    return new Promise((resolve, reject) => {
      const { method, url: path, headers } = request
      const sent = open({ hostname, port, method, path, headers }, (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject)
        incoming.on('end', () => {
          const answer = {
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks),
          }
          note(headers['idempotency-key'], answer)
          resolve(answer)
        })
      })
      sent.on('error', reject).end(body)
    })
  }

  function note(key: string | string[] | undefined, { status, body }: Upstream): void {
    if (status !== 202 || typeof key !== 'string') return
    const { id, results = [] } = JSON.parse(body.toString()) as { id?: string; results?: { id?: string }[] }
    const known = ids.get(key) ?? new Set()
    for (const each of [id, ...results.map((result) => result.id)]) if (each !== undefined) known.add(each)
    ids.set(key, known)
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** How often each fault has happened. */
    counts: () => new Map(counts),
    idsOf: (key: string) => [...(ids.get(key) ?? [])],
  }
}

/** The same ones in the same order for the same seed. */
function faultsBySeed(seed: number): () => Fault | undefined {
  const isFaulty = fc.nat({ max: 99 }).map((n) => n < FAULTY_IN_100)
  const drawn = fc.sample(fc.tuple(isFaulty, fc.constantFrom(...FAULTS)), { seed, numRuns: 20_000 })
  let next = 0
  return () => {
    const [isHit, fault] = drawn[next++ % drawn.length] ?? []
    return isHit ? fault : undefined
  }
}

/** Connections that are left open end with the client's patience. @param answer absent: the API was not asked */
function harm(fault: Fault, response: ServerResponse, answer?: Upstream): void {
  const say = (status: number, headers: Record<string, string> = {}) => {
    const problem = {
      type: 'about:blank',
      title: 'Error',
      status,
      detail: 'A fault.',
      code: 'internal_error',
    }
    const type = { 'content-type': 'application/problem+json' }
    response.writeHead(status, { ...type, ...headers }).end(JSON.stringify(problem))
  }
  const { status = 202, body = Buffer.alloc(100, 0x20) } = answer ?? {}
  const half = body.subarray(0, Math.ceil(body.length / 2))
  switch (fault) {
    case 'reset before':
    case 'reset during':
    case 'reset after':
      return void response.socket?.resetAndDestroy()
    case 'silence before':
    case 'silence after':
      return undefined
    case '500 before':
    case '500 after':
      return say(500)
    case '502 page before':
    case '502 page after':
      return void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>')
    case '504 after':
      return say(504)
    case '503 before':
      return say(503)
    case '503 with Retry-After before':
    case '503 with Retry-After after':
      return say(503, { 'retry-after': '0' })
    case '429 with Retry-After before':
      return say(429, { 'retry-after': '0' })
    case 'half an answer':
      response.writeHead(status, {
        'content-type': 'application/json',
        'content-length': String(body.length),
      })
      return void response.write(half, () => response.destroy())
    case 'half an answer that ends well':
      return void response.writeHead(status, { 'content-type': 'application/json' }).end(half)
    case 'slow drip': {
      response.writeHead(status, { 'content-type': 'application/json' })
      let at = 0
      const timer = setInterval(() => response.write(body.subarray(at, ++at)), 100)
      return void response.on('close', () => clearInterval(timer))
    }
    case 'no HTTP after':
      return void response.socket?.end('\0\x01 garbage \xff\r\n\r\n')
    case 'page of something else after':
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>captive portal</html>')
    case 'nothing after':
      return void response.writeHead(202).end()
    case 'another shape after':
      return void response.writeHead(202, { 'content-type': 'application/json' }).end('{"ok":true}')
    case 'redirect after':
      return void response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()
  }
}
