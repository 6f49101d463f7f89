import { RulingError, rulingFor, type Ruling } from '@relais/core'
import { eventually } from '@relais/testing'
import { describe, expect, it } from 'vitest'
import { limitsFixture } from './limits-fixture.ts'

const AWA = '+221771234567'
const DAY_MS = 24 * 3600 * 1000
const stop = { app: '*', prefix: '+22177', ruling: 'stop', by: 'awa', why: 'fraud', forMs: 60_000 } as const

describe('what an operator rules about numbers', () => {
  it('holds at every door after the next look, without a limit of any kind, until it ends or is ended', async () => {
    const { ask, rulings, watch } = limitsFixture()
    expect(await ask(AWA)).toBeUndefined()
    await rulings.rule(stop)
    await watch.look()
    const { limit, waitMs = 0 } = (await ask(AWA)) ?? {}
    expect(limit).toBe('stop')
    expect(waitMs).toBeLessThanOrEqual(60_000)
    expect(waitMs).toBeGreaterThan(50_000)
    expect(await ask('+221781234567')).toBeUndefined()
    await rulings.clear({ app: '*', prefix: '+22177', by: 'awa' })
    await watch.look()
    expect(await ask(AWA)).toBeUndefined()
    await rulings.rule({ ...stop, forMs: 1 })
    await watch.look()
    await eventually(
      () => ask(AWA),
      (refusal) => refusal === undefined,
    )
  })

  it('does not change the answer to a request that was accepted before', async () => {
    const { admit, requestTo, rulings, watch } = limitsFixture()
    const request = () => ({ ...requestTo([AWA]), idempotency: { key: 'k', body: '{}' } })
    const first = request()
    await admit(first)
    await rulings.rule(stop)
    await watch.look()
    expect(await admit(request())).toEqual({ kind: 'repeat', seed: first.seed, limited: new Map() })
  })

  it('allows what a limit of the prefix would refuse, and no other limit', async () => {
    const { askAll, rulings, watch } = limitsFixture({ prefixMaxPerHour: 1, appMaxPerDay: () => 3 })
    await rulings.rule({ ...stop, app: 'wallet', ruling: 'allow' })
    await watch.look()
    const refusals = await askAll([1, 2, 3, 4].map((i) => `+22177123456${i}`))
    expect(refusals.map((refusal) => refusal?.limit)).toEqual([undefined, undefined, undefined, 'app'])
  })

  it('is told to the audit first, and is not made when that fails', async () => {
    const { rulings, audit } = limitsFixture()
    const { until } = await rulings.rule(stop)
    await rulings.clear({ app: '*', prefix: '+22177', by: 'moussa' })
    const subject = '* +22177'
    const detail = { ruling: 'stop', until: new Date(until).toISOString(), why: 'fraud' }
    expect(audit).toEqual([
      { actor: 'awa', action: 'limit.overridden', subject, detail },
      { actor: 'moussa', action: 'limit.overridden', subject, detail: { ruling: 'none' } },
    ])
    audit.push = () => {
      throw new Error('no audit')
    }
    await expect(rulings.rule(stop)).rejects.toThrow('no audit')
    expect((await rulings.list()).rulings).toEqual([])
  })

  it('goes from Redis when the last of them has ended', async () => {
    const { rulings, redis, keys } = limitsFixture()
    await rulings.rule({ ...stop, forMs: 7 * DAY_MS })
    expect(await redis.pttl(keys.rulings())).toBeLessThanOrEqual(7 * DAY_MS)
    expect(await redis.pttl(keys.rulings())).toBeGreaterThan(7 * DAY_MS - 60_000)
  })

  it.each([
    ['longer than a week', { forMs: 7 * DAY_MS + 1 }],
    ['no time', { forMs: 0 }],
    ['no reason', { why: ' ' }],
    ['a whole number', { prefix: AWA }],
    ['a short whole number', { prefix: '+4721234567' }],
    ['no prefix', { prefix: '22177' }],
    ['no app', { app: 'wallet shop' }],
  ])('is refused with %s', async (_what, over) => {
    const { rulings, audit } = limitsFixture()
    await expect(rulings.rule({ ...stop, ...over })).rejects.toThrow(RulingError)
    expect(audit).toEqual([])
  })

  it('counts by the longest prefix, and of two such by that of the app', () => {
    const ruling = (app: string, prefix: string): Ruling => ({ ...stop, app, prefix, until: 0 })
    const all = [
      ruling('*', '+'),
      ruling('*', '+22177'),
      ruling('wallet', '+22177'),
      ruling('wallet', '+2217'),
      ruling('shop', '+221771'),
    ]
    expect(rulingFor(all, 'wallet', AWA)).toBe(all[2])
    expect(rulingFor(all.toReversed(), 'wallet', AWA)).toBe(all[2])
    expect(rulingFor(all, 'shop', AWA)).toBe(all[4])
    expect(rulingFor(all, 'bank', AWA)).toBe(all[1])
    expect(rulingFor(all, 'bank', '+33612345678')).toBe(all[0])
    expect(rulingFor(all.slice(1), 'bank', '+33612345678')).toBeUndefined()
  })
})
