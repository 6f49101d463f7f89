import { startRedisProcess } from './redis-process.ts'

export interface RedisOptions {
  /** Keep an append-only file, written at every command. Otherwise all is in memory. */
  persistent?: boolean
  /** Default: a free one. */
  port?: number
  /** Where a persistent server keeps its file. Default: a new temporary folder. A container has its own. */
  dir?: string
  /** More arguments for the server. */
  args?: string[]
}

/** One Redis that a test may treat badly. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Ends it for good; calling it again is harmless. */
  stop(): Promise<void>
  /** SIGKILL: nothing is flushed, no connection is closed politely. */
  kill(): Promise<void>
  /** A server on the same port and folder again, after `kill` or instead of the one that runs. */
  restart(): Promise<void>
  /** Stops its clock: connections stay open and nothing answers. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a Redis of the test's own: a process from RELAIS_REDIS_SERVER, or a container when
 * RELAIS_TEST_REDIS=container. It ends with the test process at the latest.
 * @throws Error when there is neither, or when the server does not come up.
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  if (process.env['RELAIS_TEST_REDIS'] === 'container') {
    // Loaded only when asked for: testcontainers is large, and every test file would pay for it.
    const { startRedisContainer } = await import('./redis-container.ts')
    return startRedisContainer(options)
  }
  const command = process.env['RELAIS_REDIS_SERVER']
  if (!command)
    throw new Error('No Redis for this test: run it through `npm test`, or set RELAIS_REDIS_SERVER')
  return startRedisProcess(command, options)
}
