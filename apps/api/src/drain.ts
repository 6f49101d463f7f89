/**
 * How the listener goes out of service without failing a request. What a client can know, it is told:
 *
 *     asked ─► answers say `Connection: close` ─► DRAIN_MS, or no connection is left ─► listener and idle connections are closed
 *           ─► requests in flight are answered ─► what is left of connections is closed
 *
 * Requests are served all the while. One that is written on a connection at the very moment at which that is closed for being idle gets no
 * answer and is not looked at: its client may repeat it.
 */
import type { Server, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** Clients that send something in this time learn from the answer that they need another connection. */
const DRAIN_MS = 1500

/** A connection that was opened just before the listener was closed has so long to bring its request. */
const LAST_REQUEST_MS = 500

const LOOK_MS = 20

/** @param close shuts the listener, and connections without a request; resolves when all connections are gone */
export function createDrain(server: Server, close: () => Promise<unknown>) {
  const answering = new Set<ServerResponse>()
  let isDraining = false
  server.prependListener('request', (_request, response) => {
    answering.add(response)
    response.once('close', () => answering.delete(response))
    if (isDraining) tellToClose(response)
  })

  /** Resolves when no connection is left. */
  return async (): Promise<void> => {
    isDraining = true
    for (const response of answering) tellToClose(response)
    await until(async () => (await connectionsOf(server)) === 0, DRAIN_MS)
    const closed = close()
    await until(async () => (await connectionsOf(server)) === 0, LAST_REQUEST_MS)
    await until(async () => answering.size === 0)
    server.closeAllConnections()
    await closed
  }
}

function tellToClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close')
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))
}

async function until(holds: () => Promise<boolean>, withinMs = Infinity): Promise<void> {
  const endsAt = performance.now() + withinMs
  while (performance.now() < endsAt && !(await holds())) await sleep(LOOK_MS)
}
