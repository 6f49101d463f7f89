import { openRedis } from '@relais/core'
import { Redis } from 'ioredis'
import { sharedRedisUrl } from '@relais/testing'
import { expect, it, onTestFinished } from 'vitest'

it('what is asked of Redis in one turn of the event loop is written together, and at once', async () => {
  const redis = openRedis({ kind: 'single', url: sharedRedisUrl() }, 'patient', () => undefined)
  onTestFinished(() => redis.disconnect())
  if (!(redis instanceof Redis)) throw new Error('this is a cluster')
  await redis.exists('any')
  const { stream } = redis
  const before = stream.bytesWritten
  const asked = [redis.exists('one'), redis.exists('two')]
  expect(stream.writableCorked).toBe(1)
  await Promise.resolve().then(() => new Promise(process.nextTick))
  expect(stream.writableCorked).toBe(0)
  expect(stream.bytesWritten).toBeGreaterThan(before)
  expect(await Promise.all(asked)).toEqual([0, 0])
})
