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
  const command = process.env['RELAIS_REDIS_SERVER']
  if (!command)
    throw new Error('No Redis for this test: run it through `npm test`, or set RELAIS_REDIS_SERVER')
  return startRedisProcess(command, options)
}
