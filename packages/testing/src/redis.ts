import { startRedisProcess } from './redis-process.ts'
import type { RedisOptions, RedisServer } from './redis-server.ts'

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
  return startRedisProcess(serverCommand(), options)
}

/**
 * The server to start as a process.
 * @throws Error when there is none: servers that find one another by their addresses are not started in containers.
 */
export function serverCommand(): string {
  const command = process.env['RELAIS_REDIS_SERVER']
  if (command) return command
  const how = 'install redis-server, run the test through `npm test`, or set RELAIS_REDIS_SERVER'
  throw new Error(
    process.env['RELAIS_TEST_REDIS'] === 'container'
      ? `Replicas and clusters run as processes, and only containers are to be had here: ${how}`
      : `No Redis for this test: ${how}`,
  )
}
