import { createPacing } from '@relais/core'
import { describe, expect, it } from 'vitest'
import { redisFixture } from './redis-fixture.ts'

const sender = { phoneNumberId: '106540352242922', ratePerSecond: 80 }

describe('the pace of a sender', () => {
  it('hands out slots that are evenly spaced, however many ask at once', async () => {
    const { redis, keys } = redisFixture()
    const pacings = [createPacing({ redis, keys }), createPacing({ redis, keys })]
    const startedAt = Date.now()
    const slots = await Promise.all(
      Array.from({ length: 100 }, () => pacings.map((pacing) => pacing.reserve(sender, 60_000))).flat(),
    )
    expect(slots.every(({ taken }) => taken)).toBe(true)
    // 200 slots at 80/s: the last one is 199 gaps of 12.5 ms after the first, less what passed while asking.
    const waits = slots.map(({ waitMs }) => waitMs).toSorted((a, b) => a - b)
    const askedForMs = Date.now() - startedAt
    expect(waits.at(-1)).toBeGreaterThan(199 * 12.5 - askedForMs - 50)
    expect(waits.at(-1)).toBeLessThanOrEqual(199 * 12.5 + 50)
  })

  it('a lone message does not wait', async () => {
    const { redis, keys } = redisFixture()
    expect(await createPacing({ redis, keys }).reserve(sender, 1000)).toEqual({ taken: true, waitMs: 0 })
  })

  it('takes no slot that is too far away', async () => {
    const { redis, keys } = redisFixture()
    const pacing = createPacing({ redis, keys })
    const slow = { ...sender, ratePerSecond: 0.01 }
    await pacing.reserve(slow, 0)
    const refused = await pacing.reserve(slow, 1000)
    expect(refused.taken).toBe(false)
    expect(refused.waitMs).toBeGreaterThan(1000)
    const next = await pacing.reserve(slow, 200_000)
    expect(next).toMatchObject({ taken: true })
    expect(next.waitMs).toBeLessThanOrEqual(100_000)
  })

  it('a rate of 0 means no pacing, but a pause holds all the same', async () => {
    const { redis, keys } = redisFixture()
    const pacing = createPacing({ redis, keys })
    const free = { ...sender, ratePerSecond: 0 }
    for (let i = 0; i < 50; i += 1) expect((await pacing.reserve(free, 0)).taken).toBe(true)
    await pacing.pause(free, 30_000)
    expect(await pacing.reserve(free, 1000)).toMatchObject({ taken: false })
  })

  it('a pause is for one sender, and a shorter one does not end it', async () => {
    const { redis, keys } = redisFixture()
    const pacing = createPacing({ redis, keys })
    await pacing.pause(sender, 30_000)
    await pacing.pause(sender, 1000)
    expect((await pacing.reserve(sender, 0)).waitMs).toBeGreaterThan(20_000)
    expect(await pacing.reserve({ ...sender, phoneNumberId: 'another' }, 0)).toMatchObject({ taken: true })
  })

  it('leaves nothing behind: its key expires', async () => {
    const { redis, keys } = redisFixture()
    await createPacing({ redis, keys }).reserve(sender, 0)
    expect(await redis.pttl(keys.pace(sender.phoneNumberId))).toBeLessThan(1000)
  })
})
