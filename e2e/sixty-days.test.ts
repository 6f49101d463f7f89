import { describe, it } from 'vitest'
import { recipients, startSystem } from './system.ts'

const DAY_MS = 24 * 3600_000
const DAYS = 100

describe('a hundred days', { timeout: 120_000 }, () => {
  it('pass with default settings: the token is renewed at half of its life, and nothing fails', async (t) => {
    const { expect } = t
    const system = await startSystem(t, { hasMovableClock: true, env: { SEND_RATE_PER_SECOND: '80' } })
    const { simulator } = system
    const startedAt = simulator.clock.now()
    const days = recipients(DAYS)
    for (const to of days) {
      await system.reaches(await system.send(to, '482913'), ['delivered', 'read'])
      await system.passTime(DAY_MS)
    }

    const calls = simulator.calls()
    const failed = calls.filter(({ statusCode }) => statusCode !== 200)
    expect(failed).toEqual([])
    expect(calls.filter(({ kind }) => kind === 'send')).toHaveLength(DAYS)
    const renewedOn = calls
      .filter(({ kind }) => kind === 'exchange')
      .map(({ at }) => Math.round((at - startedAt) / DAY_MS))
    // At half of the life; some days late, because a day here is shorter than a heartbeat.
    const gaps = renewedOn.map((day, i) => day - (renewedOn[i - 1] ?? 0))
    expect(gaps.length).toBeGreaterThanOrEqual(2)
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(30)
    for (const gap of gaps) expect(gap).toBeLessThan(60)
    expect(simulator.tokens()[0]?.state).toBe('expired')
    for (const event of ['token.expiring', 'token.renewal_failed', 'token.invalidated', 'message.fallback'])
      expect(system.events(event)).toEqual([])
    expect(system.events('token.renewed')).toHaveLength(renewedOn.length)
  })
})
