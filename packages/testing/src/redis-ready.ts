import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'

/**
 * Waits until the server on this port of the host answers PING; while it loads its file it does not.
 * @throws Error after `timeoutMs`.
 */
export async function whenReady(port: number, host = '127.0.0.1', timeoutMs = 15_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await answers(port, host))) {
    if (Date.now() > deadline) throw new Error(`Redis on port ${port} did not answer within ${timeoutMs} ms`)
    await sleep(10)
  }
}

async function answers(port: number, host: string): Promise<boolean> {
  const client = new Redis({
    port,
    host,
    lazyConnect: true,
    enableReadyCheck: false,
    connectTimeout: 1000,
    commandTimeout: 1000,
    retryStrategy: () => null,
  })
  client.on('error', () => {}) // refused connections are what we wait to end
  try {
    await client.connect()
    return (await client.ping()) === 'PONG'
  } catch {
    return false
  } finally {
    client.disconnect()
  }
}
