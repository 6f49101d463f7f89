import { randomBytes } from 'node:crypto'
import {
  createAdmission,
  messageIdOf,
  newSeed,
  Secret,
  type AdmissionRequest,
  type AdmissionResult,
  type EncryptionKey,
  type Limits,
} from '@relais/core'
import { describe, expect, it } from 'vitest'
import { redisFixture } from './redis-fixture.ts'

const RECIPIENT = '+221771234567'
const OFF: Limits = { cooldownMs: 0, maxPerHour: 0 }
const key = (id: string): EncryptionKey => ({ id, key: new Secret(randomBytes(32).toString('base64')) })
const k1 = key('k1')

function setup(limits = OFF, ring = [k1]) {
  const { redis, keys } = redisFixture()
  const admission = (encryptionKeys = ring) => createAdmission({ redis, keys, encryptionKeys, limits })
  const allKeys = () => redis.keys(keys.message('').replace(/message:$/, '*'))
  return { redis, admission, allKeys, ...admission() }
}

const request = (over: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
  app: 'wallet',
  seed: newSeed(),
  idempotency: { key: 'order-1', body: '{"code":"482913"}' },
  messages: [{ index: 0, to: RECIPIENT }],
  ...over,
})
const plain = (to = RECIPIENT): AdmissionRequest => ({
  app: 'wallet',
  seed: newSeed(),
  messages: [{ index: 0, to }],
})

const TOO_SOON = new Map([[0, { limit: 'recipient', waitMs: expect.any(Number) }]])

/** How long its only message must wait, in milliseconds; 0 if it is let in. */
function waitOf(result: AdmissionResult): number {
  return ('limited' in result && result.limited.get(0)?.waitMs) || 0
}

describe('the ids of messages', () => {
  it('come from seed and place, and from nothing else', () => {
    const seed = newSeed()
    expect(messageIdOf(seed, 3)).toBe(messageIdOf(seed, 3))
    expect(messageIdOf(seed, 3)).toMatch(/^msg_[\w-]{22}$/)
    const ids = [0, 1, 2].flatMap((index) => [messageIdOf(seed, index), messageIdOf(newSeed(), index)])
    expect(new Set(ids).size).toBe(6)
  })
})

describe('an idempotency key', () => {
  it('of many equal requests at once one is new, and the others have its seed', async () => {
    const { admit } = setup()
    const results = await Promise.all(Array.from({ length: 50 }, () => admit(request())))
    const seeds = new Set(results.map((result) => ('seed' in result ? result.seed : '')))
    expect(seeds.size).toBe(1)
    expect(results.filter(({ kind }) => kind === 'new')).toHaveLength(1)
    expect(results.filter(({ kind }) => kind === 'repeat')).toHaveLength(49)
  })

  it('is for one body, one app and one day', async () => {
    const { admit, redis, allKeys } = setup()
    await admit(request())
    expect(await admit(request({ idempotency: { key: 'order-1', body: '{}' } }))).toEqual({
      kind: 'mismatch',
    })
    expect(await admit(request({ app: 'shop' }))).toMatchObject({ kind: 'new' })
    expect(await admit(request({ idempotency: { key: 'order-2', body: '{}' } }))).toMatchObject({
      kind: 'new',
    })
    for (const name of await allKeys()) {
      const livesMs = await redis.pttl(name)
      expect(livesMs).toBeGreaterThan(86_000_000)
      expect(livesMs).toBeLessThanOrEqual(86_400_000)
    }
  })

  it('lets nothing of the request be read in Redis', async () => {
    const { admit, redis, allKeys } = setup({ cooldownMs: 30_000, maxPerHour: 5 })
    await admit(request({ idempotency: { key: `login ${RECIPIENT}`, body: `{"code":"482913"}` } }))
    const names = await allKeys()
    const [entry = '', times = ''] = names.toSorted()
    const stored = [...names, await redis.hgetall(entry), await redis.zrange(times, '0', '-1', 'WITHSCORES')]
    expect(names).toHaveLength(2)
    expect(JSON.stringify(stored)).not.toMatch(/482913|771234567|login/)
  })

  it('is found again after a change of the encryption keys', async () => {
    const { admission } = setup()
    const k2 = key('k2')
    const first = await admission([k1]).admit(request())
    const repeat = await admission([k2, k1]).admit(request())
    expect(repeat).toEqual({ ...first, kind: 'repeat' })
    // A process that has the new key, but not yet in front, finds what those after it write.
    const later = request({ idempotency: { key: 'order-2', body: '{}' } })
    await admission([k2, k1]).admit(later)
    expect(await admission([k1, k2]).admit(later)).toMatchObject({ kind: 'repeat', seed: later.seed })
  })

  it('is free again when its request was withdrawn, but not while another has made it too', async () => {
    const { admit, withdraw } = setup()
    const [first, twin, next] = [request(), request(), request()]
    await admit(first)
    expect(await admit(twin)).toMatchObject({ kind: 'repeat', seed: first.seed })
    expect(await withdraw(first)).toBeUndefined()
    // Told twice, for the answer to the first may have been lost: that takes nothing from the other.
    expect(await withdraw(first)).toBeUndefined()
    expect(await withdraw(request())).toBeUndefined()
    expect(await admit(request())).toMatchObject({ kind: 'repeat', seed: first.seed })
    await admit(next)
    expect(await withdraw(twin)).toBeUndefined()
  })

  it('the last who is refused takes the messages back, those of the first', async () => {
    const { admit, withdraw, endWithdrawal } = setup()
    const [first, twin, next] = [request(), request(), request()]
    await admit(first)
    await admit(twin)
    expect(await withdraw(first)).toBeUndefined()
    expect(await withdraw(twin)).toBe(first.seed)
    await endWithdrawal(twin, first.seed, false)
    expect(await admit(next)).toMatchObject({ kind: 'new', seed: next.seed })
  })

  it('is not free while it is being taken back, and never when something was sent', async () => {
    const { admit, withdraw, endWithdrawal } = setup()
    const [first, repeat] = [request(), request()]
    await admit(first)
    expect(await withdraw(first)).toBe(first.seed)
    expect(await admit(repeat)).toEqual({ kind: 'withdrawn' })
    expect(await withdraw(repeat)).toBeUndefined()
    // The answer to the first may have been lost.
    expect(await withdraw(first)).toBe(first.seed)
    await endWithdrawal(first, first.seed, true)
    expect(await admit(repeat)).toMatchObject({ kind: 'repeat', seed: first.seed })
    expect(await withdraw(repeat)).toBeUndefined()
  })

  it('is taken back by the next who asks, if the one who began it has died', async () => {
    const { admit, withdraw, endWithdrawal, redis, allKeys } = setup()
    const [first, next] = [request(), request()]
    await admit(first)
    await withdraw(first)
    await redis.hincrby((await allKeys())[0] ?? '', 'withdrawnAt', -10_000)
    expect(await admit(next)).toEqual({ kind: 'withdrawn' })
    expect(await withdraw(next)).toBe(first.seed)
    await endWithdrawal(first, first.seed, false) // it was only slow: now it is not its business any more
    expect(await admit(request())).toEqual({ kind: 'withdrawn' })
    await endWithdrawal(next, first.seed, false)
    expect(await admit(next)).toMatchObject({ kind: 'new', seed: next.seed })
  })

  it('that is used again and again does not grow without end', async () => {
    const { admit, withdraw, redis, allKeys } = setup()
    const all = Array.from({ length: 200 }, () => request())
    for (const each of all) await admit(each)
    const [name = ''] = await allKeys()
    expect(await redis.hlen(name)).toBeLessThan(70)
    // Some of the later ones were told that it is accepted: who exactly is not known.
    expect(await Promise.all(all.map((each) => withdraw(each)))).toEqual(all.map(() => undefined))
  })
})

describe('the limits of a recipient', () => {
  it('leave nothing in Redis when they are off', async () => {
    const { admit, allKeys } = setup()
    expect(await admit(plain())).toMatchObject({ kind: 'new', limited: new Map() })
    expect(await allKeys()).toEqual([])
  })

  it('cool-down: the wait that is told is the wait, and refused tries do not lengthen it', async () => {
    const { admit, redis, allKeys } = setup({ cooldownMs: 30_000, maxPerHour: 0 })
    expect(await admit(plain())).toMatchObject({ limited: new Map() })
    const refused = await admit(plain())
    const waitMs = waitOf(refused)
    expect(waitMs).toBeGreaterThan(0)
    expect(waitMs).toBeLessThanOrEqual(30_000)
    const [name = ''] = await allKeys()
    const [only = '', ...others] = await redis.zrange(name, '0', '-1')
    expect(others).toEqual([])
    await redis.zincrby(name, 5000 - waitMs, only)
    expect(await admit(plain())).toMatchObject({ limited: TOO_SOON })
    await redis.zincrby(name, -5000, only)
    expect(await admit(plain())).toMatchObject({ limited: new Map() })
    expect(await admit(plain('+221771234568'))).toMatchObject({ limited: new Map() })
  })

  it('of many at once so many come in as an hour allows, over all apps', async () => {
    const { admit } = setup({ cooldownMs: 0, maxPerHour: 5 })
    const apps = ['wallet', 'shop']
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, i) => admit({ ...plain(), app: apps[i % 2] ?? '' })),
    )
    const waits = results.map(waitOf).filter((wait) => wait > 0)
    expect(waits).toHaveLength(35)
    for (const wait of waits) {
      expect(wait).toBeGreaterThan(3_590_000)
      expect(wait).toBeLessThanOrEqual(3_600_000)
    }
  })

  it('the hour slides: the oldest that is past makes room for one', async () => {
    const { admit, redis, allKeys } = setup({ cooldownMs: 0, maxPerHour: 2 })
    await admit(plain())
    await admit(plain())
    const [name = ''] = await allKeys()
    const [oldest = ''] = await redis.zrange(name, '0', '0')
    await redis.zincrby(name, -3_500_000, oldest)
    const refused = await admit(plain())
    const waitMs = waitOf(refused)
    expect(waitMs).toBeGreaterThan(0)
    expect(waitMs).toBeLessThanOrEqual(100_000)
    await redis.zincrby(name, -100_000, oldest)
    expect(await admit(plain())).toMatchObject({ limited: new Map() })
    expect(await admit(plain())).toMatchObject({ limited: TOO_SOON })
  })

  it('are of each message in a batch, and those before it in the batch count', async () => {
    const { admit } = setup({ cooldownMs: 30_000, maxPerHour: 0 })
    const to = [RECIPIENT, '+221771234568', RECIPIENT]
    const batch = request({ messages: to.map((number, i) => ({ index: i * 10, to: number })) })
    const first = await admit(batch)
    expect(first.kind === 'new' && [...first.limited.keys()]).toEqual([20])
    // A repeat is told what the first was told, and not counted.
    expect(await admit({ ...batch, seed: newSeed() })).toEqual({ ...first, kind: 'repeat' })
  })

  it('a request that they refuse leaves its idempotency key free', async () => {
    const { admit } = setup({ cooldownMs: 30_000, maxPerHour: 0 })
    await admit(plain())
    const refused = await admit(request())
    expect(refused.kind === 'new' && refused.limited.size).toBe(1)
    const other = request({
      idempotency: { key: 'order-1', body: '{}' },
      messages: [{ index: 0, to: '+221771234568' }],
    })
    expect(await admit(other)).toMatchObject({ kind: 'new', limited: new Map() })
  })

  it('do not count what was withdrawn', async () => {
    const { admit, withdraw, endWithdrawal } = setup({ cooldownMs: 30_000, maxPerHour: 0 })
    const refused = plain()
    await admit(refused)
    await endWithdrawal(refused, (await withdraw(refused)) ?? '', false)
    expect(await admit(plain())).toMatchObject({ limited: new Map() })
  })

  it('count over a change of the encryption keys', async () => {
    const { admission } = setup({ cooldownMs: 0, maxPerHour: 2 })
    const k2 = key('k2')
    await admission([k1]).admit(plain())
    await admission([k2, k1]).admit(plain())
    expect(await admission([k2, k1]).admit(plain())).toMatchObject({
      limited: TOO_SOON,
    })
  })

  it('keep a recipient for an hour', async () => {
    for (const limits of [
      { cooldownMs: 30_000, maxPerHour: 0 },
      { cooldownMs: 0, maxPerHour: 2 },
    ]) {
      const { admit, redis, allKeys } = setup(limits)
      await admit(plain())
      const livesMs = await redis.pttl((await allKeys())[0] ?? '')
      expect(livesMs).toBeGreaterThan(3_500_000)
      expect(livesMs).toBeLessThanOrEqual(3_600_000)
    }
  })
})
