import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as it came in. */
export type Received = { headers: IncomingHttpHeaders; body: string; path: string }

/** An HTTP server for others to post to. */
export interface Receiver {
  /** Where it listens. */
  readonly url: string
  /** All requests so far, in the order in which they were whole. */
  received(): Received[]
  /** From now on it answers with this status, or not at all; what hangs is answered once it is told a status. */
  answer(how: number | 'hangs', headers?: Record<string, string>): void
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts one on 127.0.0.1 that answers 204. */
export async function startReceiver(): Promise<Receiver> {
  const all: Received[] = []
  const hanging = new Set<ServerResponse>()
  let status: number | 'hangs' = 204
  let answerHeaders: Record<string, string> = {}
  const reply = (response: ServerResponse) => {
    if (status === 'hangs') hanging.add(response)
    else response.writeHead(status, answerHeaders).end()
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { headers, url = '' } = request
      all.push({ headers, body: Buffer.concat(chunks).toString('utf8'), path: url })
      reply(response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    server.close()
    if (server.listening) await once(server, 'close')
  }
  return {
    url: `http://127.0.0.1:${port}`,
    received: () => [...all],
    answer(how, headers = {}) {
      status = how
      answerHeaders = headers
      const waiting = [...hanging]
      hanging.clear()
      waiting.forEach(reply)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
