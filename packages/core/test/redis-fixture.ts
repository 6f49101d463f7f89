import { openRedis, createKeys } from '@relais/core'
import { sharedRedisUrl, uniquePrefix } from '@relais/testing'
import { onTestFinished } from 'vitest'

/** A connection and keys of the test's own, closed with the test. */
export function redisFixture() {
  const redis = openRedis({ kind: 'single', url: sharedRedisUrl() }, 'patient', () => undefined)
  const keys = createKeys(uniquePrefix())
  onTestFinished(() => redis.disconnect())
  return { redis, keys }
}
