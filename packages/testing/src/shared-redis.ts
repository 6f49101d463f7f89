import { randomBytes } from 'node:crypto'

/**
 * The one Redis of this test run: REDIS_URL, or the server that the global set-up started. Others use it at the
 * same time: keep to your own prefix, and neither flush nor stop it.
 * @throws Error outside a run of the root's vitest.config.ts.
 */
export function sharedRedisUrl(): string {
  const url = process.env['REDIS_URL'] || process.env['RELAIS_TEST_REDIS_URL']
  if (!url) throw new Error('No shared Redis: run the tests with the vitest.config.ts of the root')
  return url
}

/** A key prefix that no other test has. It holds no character that is special in a Redis pattern. */
export function uniquePrefix(name = 'test'): string {
  return `${name}-${randomBytes(6).toString('hex')}`
}
