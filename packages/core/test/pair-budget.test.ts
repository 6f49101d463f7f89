import { createClaims, createMessageStore, createPacing, createPairBudget } from '@relais/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encryptionKeys, newMessage } from './message-fixture.ts'
import { redisFixture } from './redis-fixture.ts'

const awa = '+221771234567'
const START = 1_790_000_000_000

function fixture() {
  const { redis, keys } = redisFixture()
  const clock = { ms: START }
  const sender = { phoneNumberId: '106540352242922', ratePerSecond: 0 }
  const store = createMessageStore({ redis, keys, encryptionKeys })
  const pacing = createPacing({ redis, keys, nowMicros: () => clock.ms * 1000 })
  const claims = createClaims({ redis, keys, pacing })
  const { close } = createPairBudget({ redis, keys, senderId: sender.phoneNumberId, now: () => clock.ms })
  let messages = 0

  /** Claims a new message to this recipient. Answers 0, or for how long it has to wait. */
  async function take(to: string): Promise<number> {
    const id = `msg_${(messages += 1)}`
    await store.create(newMessage({ id, to }), 'sealed')
    const ask = { kind: 'message', id, from: 'queued', priority: 1 } as const
    const [answer] = (await claims.take(sender, [ask])).answers
    if (answer?.kind === 'paired') return answer.waitMs
    expect(answer?.kind).toBe('claimed')
    return 0
  }

  return { redis, keys, clock, budget: { take, close } }
}

/** Meta's rule as far as it is told: 45 within 6 s, then nothing until the debt, one message per 6 s, is paid back. */
function meta() {
  const pair = { debt: 0, at: 0, window: -Infinity, count: 0 }
  return (at: number): boolean => {
    pair.debt = Math.max(0, pair.debt - (at - pair.at) / 6000)
    pair.at = at
    const isInWindow = at - pair.window < 6000
    if (isInWindow ? pair.count >= 45 : pair.debt >= 1) return false
    if (!isInWindow) Object.assign(pair, { window: at, count: 0 })
    pair.count += 1
    pair.debt += 1
    return true
  }
}

describe('the budget of a recipient', () => {
  it('lets a person ask for a code again, now and then', async () => {
    const { budget, clock } = fixture()
    for (const atMs of [0, 10_000, 12_000, 25_000, 40_000, 41_000, 50_000]) {
      clock.ms = START + atMs
      expect(await budget.take(awa)).toBe(0)
    }
  })

  it('lets forty go at once, then one in six seconds when those are paid back', async () => {
    const { budget, clock } = fixture()
    for (let i = 0; i < 40; i += 1) expect(await budget.take(awa)).toBe(0)
    const wait = await budget.take(awa)
    expect(wait).toBe(234_251)
    clock.ms += wait - 1
    expect(await budget.take(awa)).toBeGreaterThan(0)
    clock.ms += 1
    expect(await budget.take(awa)).toBe(0)
  })

  it('tells each of those it sends away a time of its own', async () => {
    const { budget } = fixture()
    for (let i = 0; i < 40; i += 1) await budget.take(awa)
    const waits = [await budget.take(awa), await budget.take(awa), await budget.take(awa)]
    expect(waits).toEqual([234_251, 240_251, 246_251])
  })

  it('is one for each recipient', async () => {
    const { budget } = fixture()
    await budget.close(awa, 60_000)
    expect(await budget.take(awa)).toBeGreaterThan(0)
    expect(await budget.take('+221771234568')).toBe(0)
  })

  it('stays closed for as long as Meta wants it, and opens without a burst', async () => {
    const { budget, clock } = fixture()
    await budget.take(awa)
    await budget.close(awa, 16_000)
    expect(await budget.take(awa)).toBe(16_000)
    clock.ms += 16_000
    expect(await budget.take(awa)).toBe(0)
    clock.ms += 5500
    expect(await budget.take(awa)).toBeGreaterThan(0)
  })

  it('keeps no number, and nothing for long', async () => {
    const { redis, keys, budget } = fixture()
    await budget.take(awa)
    const [key = ''] = await redis.keys(keys.pair('106540352242922', '*'))
    expect(key).not.toContain('77123')
    expect(JSON.stringify(await redis.hgetall(key))).not.toContain('77123')
    expect(await redis.pttl(key)).toBeLessThanOrEqual(8000)
  })

  it('lets nothing through that Meta refuses, though all of it arrives a little late', async () => {
    const asking = fc.record({ afterMs: fc.integer({ min: 0, max: 9000 }), lateMs: fc.nat(120) })
    await fc.assert(
      fc.asyncProperty(fc.array(asking, { maxLength: 120 }), async (askings) => {
        const { budget, clock } = fixture()
        const isTaken = meta()
        for (const { afterMs, lateMs } of askings) {
          clock.ms += afterMs
          if ((await budget.take(awa)) === 0) expect(isTaken(clock.ms + lateMs)).toBe(true)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('those who come back when they were told are let through', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), async (count) => {
        const { budget, clock } = fixture()
        const due = Array.from({ length: count }, () => START)
        let tries = 0
        while (due.length > 0) {
          clock.ms = Math.max(clock.ms, due.toSorted((a, b) => a - b)[0] ?? 0)
          due.splice(due.indexOf(Math.min(...due)), 1)
          const wait = await budget.take(awa)
          tries += 1
          if (wait > 0) due.push(clock.ms + wait)
        }
        // Forty go at once, all others are sent away once.
        expect(tries).toBe(count + Math.max(0, count - 40))
      }),
      { numRuns: 20 },
    )
  })
})
