import { createPauses } from '@relais/core'
import { describe, expect, it } from 'vitest'
import { redisFixture } from './redis-fixture.ts'

const template = { name: 'otp_login', language: 'fr' }
const why = { reason: 'sender_blocked', detail: '368 Temporarily blocked' } as const

function setup() {
  const { redis, keys } = redisFixture()
  const startedAt = Date.now()
  const clock = { aheadMs: 0 }
  const told: string[] = []
  /** One worker. */
  const newPauses = () =>
    createPauses({
      redis,
      keys,
      senderId: '106540352242922',
      now: () => startedAt + clock.aheadMs,
      onChange: (what, pause) => told.push(`${what} ${pause ? 'paused' : 'resumed'}`),
    })
  return { clock, told, newPauses, redis, keys }
}

describe('a pause', () => {
  it('of the sender holds for every worker within a second, and for every template', async () => {
    const { newPauses, clock } = setup()
    const [one, other] = [newPauses(), newPauses()]
    expect(await other.check(template)).toBeUndefined()
    await one.begin('sender', why)
    clock.aheadMs += 1000
    expect(await other.check(template)).toMatchObject(why)
    expect(await other.check(undefined)).toMatchObject({ what: 'sender', probes: 0 })
  })

  it('of a template holds for that one in that language', async () => {
    const { newPauses } = setup()
    const pauses = newPauses()
    await pauses.begin(template, { reason: 'template_rejected', detail: '132015' })
    expect(await pauses.check(template)).toMatchObject({ what: 'template otp_login fr' })
    expect(await pauses.check({ ...template, language: 'en' })).toBeUndefined()
    expect(await pauses.check(undefined)).toBeUndefined()
  })

  it('lets one message of all workers through at growing intervals', async () => {
    const { newPauses, clock } = setup()
    const workers = Array.from({ length: 5 }, newPauses)
    await workers[0]?.begin('sender', why)
    const probes: number[] = []
    for (let second = 0; second <= 300; second += 5) {
      clock.aheadMs = second * 1000
      const checks = await Promise.all(workers.map((pauses) => pauses.check(template, 'as a probe')))
      const through = checks.filter((pause) => pause === undefined).length
      expect(through).toBeLessThanOrEqual(1)
      if (through === 0) continue
      probes.push(second)
      await workers[1]?.begin('sender', why)
    }
    expect(probes).toEqual([5, 15, 35, 75, 155])
  })

  it('ends with the first message that Meta takes, and is told of once', async () => {
    const { newPauses, clock, told } = setup()
    const [one, other] = [newPauses(), newPauses()]
    await one.begin('sender', why)
    await one.begin('sender', why)
    clock.aheadMs += 1000
    await other.all()
    await other.end('sender')
    await other.end('sender')
    clock.aheadMs += 1000
    expect(await one.check(template)).toBeUndefined()
    expect(told).toEqual(['sender paused', 'sender resumed'])
  })

  it('costs one call to Redis a second, however many messages there are', async () => {
    const { newPauses, redis, keys } = setup()
    const pauses = newPauses()
    await pauses.check(template)
    await redis.hset(keys.pauses('106540352242922'), 'sender', '{"probeAt":"0"}')
    for (let i = 0; i < 100; i += 1) expect(await pauses.check(template)).toBeUndefined()
  })

  it('is forgotten after a week without a word', async () => {
    const { newPauses, redis, keys } = setup()
    await newPauses().begin('sender', why)
    expect(await redis.pttl(keys.pauses('106540352242922'))).toBeGreaterThan(6 * 24 * 3600_000)
  })
})
