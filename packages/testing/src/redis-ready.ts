import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'

/**
 * Waits until the server at this URL answers PING; while it loads its file it does not.
 * @throws Error after `timeoutMs`, without the URL: it may hold a password.
 */
export async function whenReady(url: string, timeoutMs = 15_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await answers(url))) {
    if (Date.now() > deadline) {
      throw new Error(`Redis at ${new URL(url).host} did not answer within ${timeoutMs} ms`)
    }
    await sleep(10)
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new Redis(url, {
    replyMapping: 'legacy',
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
