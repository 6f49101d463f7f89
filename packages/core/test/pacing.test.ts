import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { redisFixture } from './redis-fixture.ts'
import { pacingWithSlots, type PacingWithSlots } from './slots-fixture.ts'

const sender = { phoneNumberId: '106540352242922', ratePerSecond: 80 }
const START = 1_790_000_000_000_000

/** Pacings of several workers with a clock of the test's own, in microseconds. */
function fixture(count = 1) {
  const { redis, keys } = redisFixture()
  const clock = { micros: START }
  const pacings = Array.from({ length: count }, () =>
    pacingWithSlots({ redis, keys, nowMicros: () => clock.micros }),
  )
  const pass = (ms: number) => void (clock.micros += Math.round(ms * 1000))
  return { redis, keys, clock, pass, pacings, pacing: pacings[0] as PacingWithSlots }
}

type Fixture = ReturnType<typeof fixture>

/** Takes every slot for so long; answers when they are, in milliseconds from the start. */
async function backlog({ pacing, clock, pass }: Fixture, forMs: number, from = sender): Promise<number[]> {
  const taken: number[] = []
  const until = clock.micros + forMs * 1000
  while (clock.micros < until) {
    const { slotsMs, nextMs } = await pacing.draw(from, 50)
    taken.push(...slotsMs.map((slotMs) => (clock.micros - START) / 1000 + slotMs))
    pass(Math.max(1, nextMs))
  }
  return taken
}

/** The most slots that any window of this width holds. */
function most(slots: number[], windowMs: number): number {
  const counts = slots.map((from) => slots.filter((at) => at >= from && at < from + windowMs).length)
  return Math.max(0, ...counts)
}

describe('the pace of a sender', () => {
  it('is held with a backlog, but for the 50 ms that it may be behind at the start', async () => {
    const slots = await backlog(fixture(), 10_000)
    const after = slots.filter((at) => at >= 1000 && at < 9000)
    expect(after.length).toBeGreaterThanOrEqual(8 * 80)
    expect(after.length).toBeLessThanOrEqual(8 * 80 * 1.02)
    expect(most(slots, 1000)).toBeLessThanOrEqual(83)
  })

  it('is one for all workers: however they ask, no second holds 5 % more and no ten seconds 2 %', async () => {
    const asking = fc.record({
      worker: fc.nat(2),
      most: fc.integer({ min: 1, max: 50 }),
      unused: fc.nat(3),
      afterMs: fc.integer({ min: 0, max: 600 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(asking, { minLength: 20, maxLength: 60 }), async (askings) => {
        const { pacings, clock, pass } = fixture(3)
        const used: number[] = []
        const held = pacings.map(() => [] as number[])
        for (const { worker, most: wanted, unused, afterMs } of askings) {
          pass(afterMs)
          // A worker gives back only what it had, and what it gives back is not used.
          const back = held[worker]?.splice(0, unused) ?? []
          for (const slot of back) used.splice(used.indexOf(slot), 1)
          const { slotsMs } = (await pacings[worker]?.draw(sender, wanted, back.length)) ?? { slotsMs: [] }
          const slots = slotsMs.map((slotMs) => clock.micros / 1000 + slotMs)
          used.push(...slots)
          held[worker] = slots
        }
        expect(most(used, 1000)).toBeLessThanOrEqual(80 * 1.05)
        expect(most(used, 10_000)).toBeLessThanOrEqual(800 * 1.02)
      }),
      { numRuns: 30 },
    )
  })

  it('a lone message does not wait', async () => {
    const { pacing } = fixture()
    expect(await pacing.draw(sender, 1)).toEqual({ slotsMs: [0], nextMs: 0 })
  })

  it('hands out no slot that is far away, and says when to ask again', async () => {
    const { pacing, pass } = fixture()
    const { slotsMs, nextMs } = await pacing.draw(sender, 50)
    expect(slotsMs.length).toBeLessThan(30)
    expect(Math.max(...slotsMs)).toBeLessThanOrEqual(150)
    pass(nextMs)
    expect((await pacing.draw(sender, 1)).slotsMs).toHaveLength(1)
  })

  it('slots that nobody used are made up for, a little faster than the pace', async () => {
    const system = fixture()
    await backlog(system, 8000)
    const lost = (await system.pacing.draw(sender, 0, 4)).slotsMs
    expect(lost).toEqual([])
    // Those of the next 150 ms are handed out already.
    const from = (system.clock.micros - START) / 1000 + 150
    const slots = (await backlog(system, 6000)).map((at) => at - from)
    expect(slots.filter((at) => at < 5000).length).toBeGreaterThanOrEqual(5 * 80 + 3)
    expect(most(slots, 1000)).toBeLessThanOrEqual(83)
  })

  it('is bounded by what Meta allows the number, and a lower one stays', async () => {
    const { pacing } = fixture()
    pacing.setCeiling(20)
    expect((await pacing.state(sender)).ratePerSecond).toBe(20)
    expect((await pacing.state({ ...sender, ratePerSecond: 5 })).ratePerSecond).toBe(5)
  })

  it('a rate of 0 means no pacing', async () => {
    const { pacing } = fixture()
    const free = { ...sender, ratePerSecond: 0 }
    for (let i = 0; i < 5; i += 1) expect((await pacing.draw(free, 50)).slotsMs).toEqual(Array(50).fill(0))
    expect(await pacing.state(free)).toEqual({ ratePerSecond: 0, pausedForMs: 0 })
  })

  it('goes by the clock of Redis, and leaves nothing behind: its key expires', async () => {
    const { redis, keys } = redisFixture()
    const pacing = pacingWithSlots({ redis, keys })
    const asked = await Promise.all(Array.from({ length: 10 }, () => pacing.draw(sender, 1)))
    const waits = asked.flatMap(({ slotsMs }) => slotsMs).toSorted((a, b) => a - b)
    expect(waits[0]).toBe(0)
    expect(await redis.pttl(keys.pace(sender.phoneNumberId))).toBeGreaterThan(0)
  })
})

describe('"slow down" from Meta', () => {
  const now = { sentMsAgo: 0, reason: '130429 Rate limit hit' }

  it('halves the pace for all workers and stops them for a second', async () => {
    const { pacings, pass } = fixture(2)
    expect(await pacings[0]?.slowDown(sender, now)).toEqual({ ratePerSecond: 40, pauseMs: 1000 })
    expect(await pacings[1]?.draw(sender, 10)).toEqual({ slotsMs: [], nextMs: 850 })
    expect(await pacings[1]?.state(sender)).toEqual({
      ratePerSecond: 40,
      pausedForMs: 1000,
      slowed: { since: START / 1000, reason: now.reason },
    })
    pass(1000)
    const slots = await pacings[1]?.draw(sender, 50)
    expect(slots?.slotsMs.length).toBeLessThan(13)
  })

  it('is one cut, however many of the messages that were under way are refused', async () => {
    const { pacing, pass } = fixture()
    expect(await pacing.slowDown(sender, now)).toBeDefined()
    pass(300)
    expect(await pacing.slowDown(sender, { ...now, sentMsAgo: 200 })).toBeUndefined()
    pass(2000)
    expect(await pacing.slowDown(sender, { ...now, sentMsAgo: 2400 })).toBeUndefined()
    expect(await pacing.slowDown(sender, { ...now, sentMsAgo: 100 })).toMatchObject({ pauseMs: 2000 })
  })

  it('is for one sender', async () => {
    const { pacing } = fixture()
    await pacing.slowDown(sender, now)
    expect((await pacing.draw({ ...sender, phoneNumberId: 'another' }, 1)).slotsMs).toEqual([0])
  })

  it('holds for a sender without a pace as well, until it has recovered', async () => {
    const { pacing, pass } = fixture()
    const free = { ...sender, ratePerSecond: 0 }
    await pacing.slowDown(free, now)
    expect((await pacing.state(free)).ratePerSecond).toBe(40)
    pass(60_000)
    expect((await pacing.draw(free, 50)).slotsMs).toEqual(Array(50).fill(0))
    expect(await pacing.state(free)).toEqual({ ratePerSecond: 0, pausedForMs: 0 })
  })

  it('is followed by 90 % of the pace within a minute, however often it was said before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 12 }), async (gaps) => {
        const { pacing, pass } = fixture()
        let before = 80
        for (const gapMs of gaps) {
          pass(gapMs)
          const cut = await pacing.slowDown(sender, now)
          const { ratePerSecond } = await pacing.state(sender)
          expect(ratePerSecond).toBeGreaterThanOrEqual(1)
          if (cut) expect(ratePerSecond).toBeLessThan(80)
          before = ratePerSecond
        }
        expect(before).toBeLessThanOrEqual(80)
        pass(60_000)
        expect((await pacing.state(sender)).ratePerSecond).toBeGreaterThanOrEqual(72)
        await pacing.draw(sender, 1)
        pass(20_000)
        expect(await pacing.state(sender)).toEqual({ ratePerSecond: 80, pausedForMs: 0 })
      }),
      { numRuns: 30 },
    )
  })

  it('leads to just under a limit that stays, without swinging far', async () => {
    const system = fixture()
    const { pacing, clock, pass } = system
    // Meta allows 30 a second, with a bucket of one second.
    const bucket = { left: 30, at: clock.micros }
    const taken: number[] = []
    let refused = 0
    while (clock.micros - START < 120_000_000) {
      const { slotsMs, nextMs } = await pacing.draw(sender, 50)
      for (const slotMs of slotsMs) {
        const at = clock.micros + slotMs * 1000
        bucket.left = Math.min(30, bucket.left + ((at - bucket.at) / 1_000_000) * 30)
        bucket.at = at
        if (bucket.left < 1) {
          refused += 1
          await pacing.slowDown(sender, now)
        } else {
          bucket.left -= 1
          taken.push((at - START) / 1000)
        }
      }
      pass(Math.max(10, nextMs))
    }
    const settled = taken.filter((at) => at > 20_000)
    expect(settled.length).toBeGreaterThan(100 * 30 * 0.7)
    expect(refused).toBeLessThan(taken.length * 0.05)
  })
})
