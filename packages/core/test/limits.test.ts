import { describe, expect, it } from 'vitest'
import { limitsFixture, newKey } from './limits-fixture.ts'

const HOUR_MS = 3_600_000
const AWA = '+221771234567'
const numbers = (count: number, from = 771_230_000) =>
  Array.from({ length: count }, (_, i) => `+221${from + i}`)
const admitted = (refusals: unknown[]) => refusals.filter((refusal) => refusal === undefined).length

describe('the cool-down of a recipient', () => {
  const cooldown = { cooldownMs: 30_000 }

  it('doubles with each code, up to 32 times, and never beyond an hour', async () => {
    for (const [cooldownMs, growth] of [
      [30_000, [1, 2, 4, 8, 16, 32, 32]],
      [600_000, [1, 2, 4, 6]],
    ] as const) {
      const { ask, redis, allKeys } = limitsFixture({ cooldownMs })
      for (const times of growth) {
        expect(await ask(AWA)).toBeUndefined()
        const { waitMs = 0, limit } = (await ask(AWA)) ?? {}
        expect(limit).toBe('recipient')
        expect(waitMs).toBeLessThanOrEqual(cooldownMs * times)
        expect(waitMs).toBeGreaterThan(cooldownMs * times - 5000)
        // All are still of the last hour, and the newest is as long ago as it must be.
        const [name = ''] = await allKeys()
        const members = await redis.zrange(name, '0', '-1')
        const newest = Number(await redis.zscore(name, members.at(-1) ?? ''))
        await redis.zadd(name, 'XX', newest - waitMs, members.at(-1) ?? '')
        const others = members.slice(0, -1).flatMap((member) => [newest - waitMs - 1, member])
        if (others.length > 0) await redis.zadd(name, 'XX', ...others)
      }
    }
  })

  it('forgets what is an hour ago', async () => {
    const { ask, age } = limitsFixture(cooldown)
    await ask(AWA)
    await age(40_000)
    expect(await ask(AWA)).toBeUndefined()
    await age(HOUR_MS - 30_000)
    expect(await ask(AWA)).toBeUndefined()
    // The first of three is gone, so this is the second wait and not the third.
    const { waitMs = 0 } = (await ask(AWA)) ?? {}
    expect(waitMs).toBeGreaterThan(50_000)
    expect(waitMs).toBeLessThanOrEqual(60_000)
  })

  it('begins anew when a code was used, and the most in an hour does not', async () => {
    const { ask, age, restartCoolDown } = limitsFixture({ ...cooldown, maxPerHour: 3 })
    await ask(AWA)
    await age(31_000)
    await ask(AWA)
    await restartCoolDown(AWA)
    const { waitMs = 0 } = (await ask(AWA)) ?? {}
    expect(waitMs).toBeLessThanOrEqual(30_000)
    await age(31_000)
    expect(await ask(AWA)).toBeUndefined()
    await restartCoolDown(AWA)
    await age(31_000)
    expect((await ask(AWA))?.waitMs).toBeGreaterThan(HOUR_MS - 100_000)
  })

  it('keeps nothing of a code that was used where nothing was counted', async () => {
    const { restartCoolDown, allKeys } = limitsFixture(cooldown)
    await restartCoolDown(AWA)
    expect(await allKeys()).toEqual([])
  })
})

describe.each([
  ['source', { sourceMaxPerHour: 5 }],
  ['app', { appMaxPerDay: () => 5 }],
  ['prefix', { prefixMaxPerHour: 5 }],
] as const)('the limit of a %s', (limit, limits) => {
  const ask = { source: '196.207.1.20' }
  const spanMs = limit === 'app' ? 24 * HOUR_MS : HOUR_MS

  it('of many at once, at two doors, lets in as many as it says, and says when to come again', async () => {
    const { askAll, newAdmission, age } = limitsFixture(limits)
    const doors = [newAdmission(), newAdmission()]
    const refusals = await Promise.all(
      numbers(60).map((to, i) => askAll([to], ask, doors[i % 2]).then(([refusal]) => refusal)),
    )
    expect(admitted(refusals)).toBe(5)
    for (const refusal of refusals.filter((one) => one !== undefined)) {
      expect(refusal.limit).toBe(limit)
      expect(refusal.waitMs).toBeGreaterThan(spanMs - 1)
      expect(refusal.waitMs).toBeLessThanOrEqual(spanMs + (limit === 'app' ? HOUR_MS : 300_000))
    }
    await age(spanMs / 2)
    expect(admitted(await askAll(numbers(3), ask))).toBe(0)
    await age(spanMs / 2 + (limit === 'app' ? HOUR_MS : 300_000))
    expect(admitted(await askAll(numbers(9), ask))).toBe(5)
  })

  it('holds in any such time: what was counted at its beginning counts to its end', async () => {
    const { askAll, age, redis } = limitsFixture(limits)
    const bucketMs = limit === 'app' ? HOUR_MS : 300_000
    const bucket = async () => Math.floor(Number((await redis.time())[0]) / (bucketMs / 1000))
    let admittedLater = 0
    // Once more, should a bucket end just now.
    for (let [before, after] = [0, 1]; before !== after; after = await bucket()) {
      before = await bucket()
      await age(2 * spanMs)
      await askAll(numbers(5), ask)
      await age(spanMs)
      admittedLater = admitted(await askAll(numbers(5), ask))
    }
    expect(admittedLater).toBe(0)
  })

  it('is of each message in a batch, and lets in those that still fit', async () => {
    const { askAll } = limitsFixture(limits)
    const refusals = await askAll(numbers(8), ask)
    expect(refusals.map((refusal) => refusal?.limit)).toEqual([
      ...Array.from({ length: 5 }, () => undefined),
      limit,
      limit,
      limit,
    ])
  })

  it('does not count what was refused, repeated, or taken back', async () => {
    const { requestTo, admit, askAll, withdraw, endWithdrawal } = limitsFixture(limits)
    const key = { idempotency: { key: 'k', body: '{}' } }
    const request = () => ({ ...requestTo(numbers(2), ask), ...key })
    const first = request()
    await admit(first)
    for (let i = 0; i < 10; i += 1) await admit(request())
    const plain = requestTo(numbers(2), ask)
    await admit(plain)
    await endWithdrawal(plain, (await withdraw(plain)) ?? '', false)
    // Its answer may get lost: then it is told again, and takes nothing from others.
    await endWithdrawal(plain, plain.seed, false)
    expect(admitted(await askAll(numbers(9), ask))).toBe(3)

    const { withdraw: withdrawOther, ...other } = limitsFixture(limits)
    const [kept, gone] = [other.requestTo(numbers(2), ask), { ...other.requestTo(numbers(4), ask), ...key }]
    await other.admit(kept)
    await other.admit(gone) // three of four
    await other.endWithdrawal(gone, (await withdrawOther(gone)) ?? '', false)
    expect(admitted(await other.askAll(numbers(9), ask))).toBe(3)
  })

  it('does not hold for those who are not limited', async () => {
    const { askAll, allKeys } = limitsFixture(limits)
    expect(admitted(await askAll(numbers(20), { ...ask, isTest: true }))).toBe(20)
    expect(await allKeys()).toEqual([])
  })

  it('expires', async () => {
    const { askAll, redis, allKeys } = limitsFixture(limits)
    await askAll(numbers(2), ask)
    const [name = ''] = await allKeys()
    expect(await redis.pttl(name)).toBeGreaterThan(spanMs - 60_000)
    expect(await redis.pttl(name)).toBeLessThanOrEqual(spanMs + (limit === 'app' ? HOUR_MS : 300_000))
  })
})

describe('the limit of a source', () => {
  it('holds over all apps and over a change of the encryption keys, and no address can be read', async () => {
    const { ask, newAdmission, redis, allKeys } = limitsFixture({ sourceMaxPerHour: 3 })
    const source = '196.207.1.20'
    const [k2, k3] = [newKey('k2'), newKey('k3')]
    const [old, rotated] = [newAdmission([k2]), newAdmission([k3, k2])]
    await ask(AWA, { source }, old)
    await ask(AWA, { source, app: 'shop' }, old)
    expect(await ask(AWA, { source }, rotated)).toBeUndefined()
    expect(await ask(AWA, { source }, rotated)).toMatchObject({ limit: 'source' })
    expect(await ask(AWA, { source: '196.207.1.21' }, rotated)).toBeUndefined()
    expect(await ask(AWA, {}, rotated)).toBeUndefined()
    const names = await allKeys()
    const stored = await Promise.all(names.map((name) => redis.hgetall(name)))
    expect(names).toHaveLength(3)
    expect(JSON.stringify([names, stored])).not.toMatch(/196\.207|771234567/)
  })
})

describe('the limit of an app', () => {
  it('is told of at four fifths and when it is reached, once', async () => {
    const { askAll, news } = limitsFixture({ appMaxPerDay: (app) => (app === 'wallet' ? 10 : 0) })
    await askAll(numbers(7))
    expect(news).toEqual([])
    await askAll(numbers(2))
    expect(news).toEqual([{ kind: 'near', most: 10 }])
    await askAll(numbers(5))
    await askAll(numbers(5))
    expect(news).toEqual([
      { kind: 'near', most: 10 },
      { kind: 'reached', most: 10 },
    ])
    expect(admitted(await askAll(numbers(50), { app: 'shop' }))).toBe(50)
  })
})

describe('limits that are off', () => {
  it('cost no command: nobody need be there to take it', async () => {
    const { askAll, redis } = limitsFixture({ guard: 'stop' })
    redis.disconnect()
    expect(admitted(await askAll(numbers(20), { source: '196.207.1.20' }))).toBe(20)
  })
})
