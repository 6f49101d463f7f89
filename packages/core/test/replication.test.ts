import { createReplication, openRedis, type RedisClient } from '@relais/core'
import { eventually, startRedis } from '@relais/testing'
import { describe, expect, it, onTestFinished } from 'vitest'

/** A primary whose replica the test can freeze. */
async function pair() {
  const primary = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] })
  onTestFinished(() => primary.stop())
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(primary.port)] })
  onTestFinished(() => replica.stop())
  const redis = openRedis({ kind: 'single', url: primary.url }, 'patient', () => undefined)
  onTestFinished(() => redis.disconnect())
  await eventually(
    () => redis.info('replication'),
    (info) => info.includes('state=online'),
  )
  return { redis, replica }
}

/** How often replicas were asked for. */
async function waits(redis: RedisClient): Promise<number> {
  return Number(/cmdstat_wait:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)
}

describe('what is written', () => {
  it('is reached when a replica has it, and not while none answers', async () => {
    const { redis, replica } = await pair()
    const replication = createReplication({ redis, key: 'any', replicas: 1, timeoutMs: 10_000 })
    const hasty = createReplication({ redis, key: 'any', replicas: 1, timeoutMs: 100 })
    await redis.set('a', '1')
    expect(await replication.isReached()).toBe(true)
    await replica.freeze()
    await redis.set('a', '2')
    expect(await hasty.isReached()).toBe(false)
    // Others are told so without a question.
    expect(hasty.isOut()).toBe(true)
    const before = await waits(redis)
    expect(await hasty.isReached()).toBe(false)
    expect(await waits(redis)).toBe(before)
    await replica.thaw()
    await redis.set('a', '3')
    expect(await replication.isReached()).toBe(true)
    const two = createReplication({ redis, key: 'any', replicas: 2, timeoutMs: 50 })
    expect(await two.isReached()).toBe(false)
  })

  it('is asked for once for all who ask together, and only for what was written before', async () => {
    const { redis } = await pair()
    const replication = createReplication({ redis, key: 'any', replicas: 1, timeoutMs: 10_000 })
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        await redis.set(`key ${i}`, '1')
        return replication.isReached()
      }),
    )
    expect(answers.every(Boolean)).toBe(true)
    // One on its way, and one for all who came meanwhile: the fifty were answered together.
    expect(await waits(redis)).toBeLessThan(10)
  })

  it('needs nobody where nobody is waited for', async () => {
    const nothing = { pipeline: () => expect.unreachable() }
    const replication = createReplication({ redis: nothing, key: 'any', replicas: 0, timeoutMs: 1 })
    expect(await replication.isReached()).toBe(true)
  })
})
