import { describe, it } from 'vitest'
import { recipients, startSystem } from './system.ts'

const DAY_MS = 24 * 3600_000
const DAYS = 65

describe('sixty days and some more', { timeout: 120_000 }, () => {
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
    expect(renewedOn).toEqual([30, 60])
    expect(simulator.tokens().map(({ state }) => state)).toEqual(['expired', 'live', 'live'])
    for (const event of ['token.expiring', 'token.renewal_failed', 'token.invalidated', 'message.fallback'])
      expect(system.events(event)).toEqual([])
    expect(system.events('token.renewed')).toHaveLength(2)
  })
})
