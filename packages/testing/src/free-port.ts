import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports that a system gives to outgoing connections (Linux from 32,768 on, others from 49,152): none of those takes it before the test
 * does. The same holds for the port 10,000 above it, by which nodes of a Redis cluster speak with each other, and which is nobody else's.
 */
const PORTS = { first: 10_000, last: 20_000 }

const MOST_TRIES = 100

/** A TCP port that was free on 127.0.0.1 a moment ago. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const port = randomInt(PORTS.first, PORTS.last)
    if (await isFree(port)) return port
  }
  throw new Error(`none of ${MOST_TRIES} ports was free`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
