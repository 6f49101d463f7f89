import { randomBytes } from 'node:crypto'
import {
  createRenewal,
  createRenewalLease,
  createSealer,
  createSharedToken,
  createTokenVault,
  renewsAt,
  requireReadable,
  Secret,
  tokenState,
  type GraphFault,
  type StoredToken,
  type TokenAuthority,
} from '@relais/core'
import { describe, expect, it } from 'vitest'
import { redisFixture } from './redis-fixture.ts'

const senderId = '106540352242922'
const HOUR = 3600_000

/** Meta's side of renewal: issues tokens that live an hour, and counts. */
function authorityOf(over: Partial<TokenAuthority> = {}) {
  const asked = { exchanges: 0, inspections: 0 }
  const authority: TokenAuthority = {
    async exchange(app, token) {
      asked.exchanges += 1
      await new Promise((resolve) => setImmediate(resolve))
      return over.exchange
        ? over.exchange(app, token)
        : { kind: 'exchanged', accessToken: new Secret(`renewed-${asked.exchanges}`), expiresInSeconds: 3600 }
    },
    async inspect(app, token) {
      asked.inspections += 1
      return over.inspect
        ? over.inspect(app, token)
        : { kind: 'inspected', isValid: true, expiresAt: Date.now() + HOUR }
    },
  }
  return { asked, authority }
}

function setup(over: Partial<TokenAuthority> = {}) {
  const { redis, keys } = redisFixture()
  const sealer = createSealer([{ id: 'k1', key: new Secret(randomBytes(32).toString('base64')) }])
  const vault = createTokenVault({ redis, keys, sealer, senderId })
  const lease = createRenewalLease({ redis, keys, senderId, leaseMs: 30_000 })
  const { asked, authority } = authorityOf(over)
  const told: string[] = []
  const newRenewal = (options: { appSecret?: Secret | undefined; renewBeforeMs?: number } = {}) =>
    createRenewal({
      vault: createTokenVault({ redis, keys, sealer, senderId }),
      lease: createRenewalLease({ redis, keys, senderId, leaseMs: 30_000 }),
      authority,
      appId: '138483919580948',
      appSecret: 'appSecret' in options ? options.appSecret : new Secret('app secret'),
      renewBeforeMs: options.renewBeforeMs,
      onRenewed: () => told.push('renewed'),
      onFailed: ({ error }) => told.push(error),
    })
  return { redis, keys, sealer, vault, lease, asked, told, newRenewal }
}

const token = (text: string, over: object = {}) => ({
  accessToken: new Secret(text),
  source: 'env' as const,
  obtainedAt: Date.now() - HOUR,
  ...over,
})

async function stored(vault: { read(): Promise<StoredToken | undefined> }): Promise<StoredToken> {
  const present = await vault.read()
  if (!present) throw new Error('no token is stored')
  return present
}

describe('the vault', () => {
  it('keeps the token sealed', async () => {
    const { vault, redis, keys } = setup()
    await vault.bootstrap(token('EAAsecret', { appSecret: new Secret('the app secret') }))
    const raw = JSON.stringify(await redis.hgetall(keys.accessToken(senderId)))
    expect(raw).not.toContain('EAAsecret')
    expect(raw).not.toContain('the app secret')
    expect((await stored(vault)).accessToken.reveal()).toBe('EAAsecret')
    expect((await stored(vault)).appSecret?.reveal()).toBe('the app secret')
  })

  it('is filled once, however many processes start at once', async () => {
    const { vault } = setup()
    const done = await Promise.all(Array.from({ length: 10 }, (_, i) => vault.bootstrap(token(`EAA${i}`))))
    expect(done.filter(Boolean)).toHaveLength(1)
    expect((await stored(vault)).version).toBe(1)
  })

  it('never lets an older token replace a newer one', async () => {
    const { vault } = setup()
    await vault.bootstrap(token('first'))
    const first = await stored(vault)
    expect(await vault.commit(first, token('second'))).toBe(true)
    expect(await vault.commit(first, token('late'))).toBe(false)
    expect(await stored(vault)).toMatchObject({ version: 2 })
    expect((await stored(vault)).accessToken.reveal()).toBe('second')
  })

  it('refuses a commit whose lease was lost', async () => {
    const { vault, lease, redis, keys } = setup()
    await vault.bootstrap(token('first'))
    const first = await stored(vault)
    const done = await lease.hold(async (owner) => {
      await redis.del(keys.renewalLease(senderId))
      return vault.commit(first, token('second'), owner)
    })
    expect(done).toBe(false)
    expect((await stored(vault)).version).toBe(1)
  })

  it('does not take version 1 of a new store for version 1 of the one that was wiped', async () => {
    const { vault, redis, keys } = setup()
    await vault.bootstrap(token('before'))
    const before = await stored(vault)
    await redis.del(keys.accessToken(senderId))
    await vault.bootstrap(token('after'))
    expect(await vault.commit(before, token('late'))).toBe(false)
    expect(await vault.noteRefusal(before, Date.now())).toBe(false)
    expect((await stored(vault)).refusedAt).toBeUndefined()
  })

  it('a refusal is of one version: the next one is good again', async () => {
    const { vault } = setup()
    await vault.bootstrap(token('first'))
    const first = await stored(vault)
    expect(await vault.noteRefusal(first, Date.now())).toBe(true)
    expect(await vault.noteRefusal(first, Date.now())).toBe(false)
    expect(tokenState(await vault.read(), Date.now(), undefined)).toBe('invalid')
    await vault.commit(first, token('second'))
    expect(await vault.noteRefusal(first, Date.now())).toBe(false)
    expect(tokenState(await vault.read(), Date.now(), undefined)).toBe('valid')
  })
})

describe('a token that none of the keys opens', () => {
  it('stops the start of a process, and is never written over', async () => {
    const { vault, redis, keys } = setup()
    await vault.bootstrap(token('first'))
    const ring = [{ id: 'k2', key: new Secret(randomBytes(32).toString('base64')) }]
    const other = createTokenVault({ redis, keys, sealer: createSealer(ring), senderId })
    await expect(requireReadable(other)).rejects.toThrow(
      /^ENCRYPTION_KEYS does not open.*sealed under key "k1"/,
    )
    expect(await other.bootstrap(token('other'))).toBe(false)
    await requireReadable(vault)
    const shared = createSharedToken({ vault: other, useMarginMs: 0, renewBeforeMs: undefined })
    expect(await shared.isAvailable()).toBe(false)
  })
})

describe('the lease', () => {
  it('is held by one at a time and freed however its use ends', async () => {
    const { lease } = setup()
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () => lease.hold(async () => new Promise((r) => setTimeout(r, 20, 'held')))),
    )
    expect(outcomes.filter((outcome) => outcome === 'held')).toHaveLength(1)
    await expect(lease.hold(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    expect(await lease.hold(async () => 'held again')).toBe('held again')
  })

  it('of a holder that was too slow is not given up under the next holder', async () => {
    const { lease, redis, keys } = setup()
    await lease.hold(async () => {
      await redis.set(keys.renewalLease(senderId), 'the next holder')
    })
    expect(await redis.get(keys.renewalLease(senderId))).toBe('the next holder')
  })
})

describe('renewal', () => {
  it('is due at half of the life, unless set otherwise', async () => {
    const { vault } = setup()
    const now = Date.now()
    await vault.bootstrap(token('first', { obtainedAt: now, expiresAt: now + HOUR }))
    expect(renewsAt(await stored(vault), undefined)).toBe(now + HOUR / 2)
    expect(renewsAt(await stored(vault), 60_000)).toBe(now + HOUR - 60_000)
    expect(renewsAt(await stored(vault), 2 * HOUR)).toBe(now + HOUR / 2)
    expect(tokenState(await vault.read(), now + HOUR / 2, undefined)).toBe('expiring')
    expect(tokenState(await vault.read(), now + HOUR, undefined)).toBe('expired')
  })

  it('that is due is made once, by however many processes ask at once', async () => {
    const { vault, asked, newRenewal, told } = setup()
    await vault.bootstrap(token('first', { expiresAt: Date.now() + 60_000 }))
    const results = await Promise.all(Array.from({ length: 8 }, () => newRenewal().renewIfDue()))
    expect(asked.exchanges).toBe(1)
    expect(told).toEqual(['renewed'])
    expect(results.every(({ kind }) => ['renewed', 'busy', 'not-due'].includes(kind))).toBe(true)
    expect(await stored(vault)).toMatchObject({ version: 2, source: 'renewed', lastRenewal: { ok: true } })
    expect((await stored(vault)).accessToken.reveal()).toBe('renewed-1')
  })

  it('asked for by 50 at once is one exchange with 50 equal answers', async () => {
    const { vault, asked, newRenewal } = setup()
    await vault.bootstrap(token('first', { expiresAt: Date.now() + HOUR }))
    const results = await Promise.all(Array.from({ length: 50 }, () => newRenewal().renewNow(10_000)))
    expect(asked.exchanges).toBe(1)
    const versions = results.map((result) => (result.kind === 'renewed' ? result.token.version : result.kind))
    expect(new Set(versions)).toEqual(new Set([2]))
  })

  it('that is not due asks Meta nothing', async () => {
    const { vault, asked, newRenewal } = setup()
    await vault.bootstrap(token('first', { obtainedAt: Date.now(), expiresAt: Date.now() + HOUR }))
    expect(await newRenewal().renewIfDue()).toEqual({ kind: 'not-due' })
    expect(asked).toEqual({ exchanges: 0, inspections: 0 })
  })

  it('learns from Meta how long a token of the environment lives', async () => {
    const { vault, asked, newRenewal } = setup()
    await vault.bootstrap(token('first', { obtainedAt: Date.now() }))
    expect((await stored(vault)).expiresAt).toBeUndefined()
    await newRenewal().renewIfDue()
    expect((await stored(vault)).expiresAt).toBeGreaterThan(Date.now())
    await newRenewal().renewIfDue()
    expect(asked.inspections).toBe(1)
  })

  it('never exchanges a token that never expires', async () => {
    const { vault, asked, newRenewal } = setup({
      inspect: async () => ({ kind: 'inspected', isValid: true, expiresAt: null }),
    })
    await vault.bootstrap(token('first'))
    expect(await newRenewal().renewIfDue()).toEqual({ kind: 'not-due' })
    expect(asked.exchanges).toBe(0)
    expect((await stored(vault)).expiresAt).toBeNull()
  })

  it('asks Meta about a token that was refused: valid after all, it is used again; dead, it stays dead', async () => {
    let isValid = true
    const { vault, newRenewal } = setup({
      inspect: async () => ({ kind: 'inspected', isValid, expiresAt: null }),
    })
    await vault.bootstrap(token('first', { expiresAt: null }))
    await vault.noteRefusal(await stored(vault), Date.now())
    await newRenewal().renewIfDue()
    expect(tokenState(await vault.read(), Date.now(), undefined)).toBe('valid')
    isValid = false
    await vault.noteRefusal(await stored(vault), Date.now())
    await newRenewal().renewIfDue()
    expect(tokenState(await vault.read(), Date.now(), undefined)).toBe('invalid')
  })

  it('that Meta refuses keeps the old token and says why', async () => {
    const fault: GraphFault = {
      kind: 'refused',
      error: {
        statusCode: 400,
        graphCode: 190,
        subcode: 463,
        message: 'Session has expired',
        fbtraceId: 'Abc',
      },
    }
    const { vault, newRenewal, told } = setup({ exchange: async () => fault })
    await vault.bootstrap(token('first', { expiresAt: Date.now() + 60_000 }))
    expect(await newRenewal().renewIfDue()).toEqual({
      kind: 'failed',
      error: '190/463 Session has expired',
      graphCode: 190,
      fbtraceId: 'Abc',
    })
    expect(told).toEqual(['190/463 Session has expired'])
    expect(await stored(vault)).toMatchObject({ version: 1, lastRenewal: { ok: false } })
    expect((await stored(vault)).accessToken.reveal()).toBe('first')
  })

  it('stores nothing that Meta does not confirm', async () => {
    const { vault, newRenewal } = setup({
      inspect: async () => ({ kind: 'inspected', isValid: false, expiresAt: null }),
    })
    await vault.bootstrap(token('first', { expiresAt: Date.now() + 60_000 }))
    expect((await newRenewal().renewIfDue()).kind).toBe('failed')
    expect((await stored(vault)).version).toBe(1)
  })

  it('without app id and secret there is none', async () => {
    const { vault, newRenewal } = setup()
    await vault.bootstrap(token('first', { expiresAt: Date.now() + 60_000 }))
    expect(await newRenewal({ appSecret: undefined }).renewNow(1000)).toEqual({ kind: 'not-configured' })
  })

  it('a manual token that comes during the exchange wins', async () => {
    const { vault, newRenewal } = setup({
      exchange: async () => {
        await vault.commit(
          await stored(vault),
          token('by hand', { source: 'manual', expiresAt: Date.now() + HOUR }),
        )
        return { kind: 'exchanged', accessToken: new Secret('late'), expiresInSeconds: 3600 }
      },
    })
    await vault.bootstrap(token('first', { expiresAt: Date.now() + 60_000 }))
    await newRenewal().renewIfDue()
    expect(await stored(vault)).toMatchObject({ version: 2, source: 'manual' })
    expect((await stored(vault)).accessToken.reveal()).toBe('by hand')
  })
})

describe('a token of the environment', () => {
  it('is the first token', async () => {
    const { vault, newRenewal } = setup()
    await newRenewal().adoptFromEnvironment(new Secret('from env'))
    expect(await stored(vault)).toMatchObject({ version: 1, source: 'env' })
  })

  it('does not come back over the one that was renewed from it', async () => {
    const { vault, newRenewal } = setup()
    await newRenewal().adoptFromEnvironment(new Secret('from env'))
    await newRenewal().renewNow(1000)
    expect(await newRenewal().adoptFromEnvironment(new Secret('from env'))).toBeUndefined()
    expect((await stored(vault)).accessToken.reveal()).toBe('renewed-1')
  })

  it('that is new takes over once Meta confirms it as the longer-lived one', async () => {
    const { vault, newRenewal } = setup()
    await vault.bootstrap(token('first', { expiresAt: Date.now() + 60_000 }))
    await newRenewal().adoptFromEnvironment(new Secret('typed in later'))
    expect((await stored(vault)).accessToken.reveal()).toBe('typed in later')
  })

  it('that Meta does not know changes nothing, and is asked about once', async () => {
    const { vault, newRenewal, asked } = setup({
      inspect: async () => ({ kind: 'inspected', isValid: false, expiresAt: null }),
    })
    await vault.bootstrap(token('first', { expiresAt: Date.now() + 60_000 }))
    await newRenewal().adoptFromEnvironment(new Secret('a slip'))
    await newRenewal().adoptFromEnvironment(new Secret('a slip'))
    expect((await stored(vault)).accessToken.reveal()).toBe('first')
    expect(asked.inspections).toBe(1)
  })
})

describe('the use of the token', () => {
  const use = async (accessToken: Secret) => accessToken.reveal()
  const never = () => false

  it('costs one Redis call a second, however many there are', async () => {
    const { vault } = setup()
    await vault.bootstrap(token('first', { expiresAt: Date.now() + HOUR }))
    let reads = 0
    const counting = { ...vault, read: () => ((reads += 1), vault.read()) }
    let now = Date.now()
    const clock = () => now
    const shared = createSharedToken({
      vault: counting,
      useMarginMs: 300_000,
      renewBeforeMs: 1000,
      now: clock,
    })
    await Promise.all(Array.from({ length: 100 }, () => shared.withAccessToken(use, never)))
    now += 999
    for (let i = 0; i < 100; i += 1) await shared.withAccessToken(use, never)
    expect(reads).toBe(1)
    now += 1
    await Promise.all(Array.from({ length: 100 }, () => shared.withAccessToken(use, never)))
    expect(reads).toBe(2)
  })

  it('takes the token that an operator brought within a second', async () => {
    const { vault } = setup()
    let now = Date.now()
    await vault.bootstrap(token('first', { expiresAt: now + HOUR }))
    const shared = createSharedToken({ vault, useMarginMs: 0, renewBeforeMs: 1000, now: () => now })
    expect(await shared.withAccessToken(use, never)).toBe('first')
    await vault.commit(await stored(vault), token('by hand', { source: 'manual', expiresAt: now + HOUR }))
    now += 1000
    expect(await shared.withAccessToken(use, never)).toBe('by hand')
  })

  it('near the end of its life the better one is taken, and if there is none the present one is used', async () => {
    const { vault } = setup()
    let now = Date.now()
    await vault.bootstrap(token('first', { expiresAt: now + HOUR }))
    const shared = createSharedToken({ vault, useMarginMs: 300_000, renewBeforeMs: 1000, now: () => now })
    await shared.withAccessToken(use, never)
    now += HOUR - 100_000
    expect(await shared.withAccessToken(use, never)).toBe('first')
    await vault.commit(await stored(vault), token('second', { expiresAt: now + HOUR }))
    now += 1000
    expect(await shared.withAccessToken(use, never)).toBe('second')
  })

  it('a token whose life is not known yet is looked at again, and then like any other', async () => {
    const { vault } = setup()
    let now = Date.now()
    await vault.bootstrap(token('first', { obtainedAt: now }))
    let asked = 0
    const onConcern = () => void (asked += 1)
    const clock = () => now
    const shared = createSharedToken({
      vault,
      useMarginMs: 0,
      renewBeforeMs: undefined,
      now: clock,
      onConcern,
    })
    await shared.withAccessToken(use, never)
    await vault.describe(await stored(vault), { expiresAt: now + 20_000 })
    now += 11_000
    expect(await shared.withAccessToken(use, never)).toBe('first')
    expect(asked).toBe(1)
    await vault.commit(await stored(vault), token('second', { obtainedAt: now, expiresAt: now + 20_000 }))
    now += 1000
    expect(await shared.withAccessToken(use, never)).toBe('second')
    expect(asked).toBe(1)
  })

  it('an expired token is not used', async () => {
    const { vault } = setup()
    await vault.bootstrap(token('first', { expiresAt: Date.now() - 1 }))
    const shared = createSharedToken({ vault, useMarginMs: 0, renewBeforeMs: undefined })
    expect(await shared.isAvailable()).toBe(false)
    expect(await shared.withAccessToken(use, never)).toBeUndefined()
  })

  it('one that Meta refuses is marked once, and the newer one of another process used at once', async () => {
    const { vault } = setup()
    const refusals: number[] = []
    await vault.bootstrap(token('first', { expiresAt: Date.now() + HOUR }))
    const shared = createSharedToken({
      vault,
      useMarginMs: 0,
      renewBeforeMs: 1000,
      onRefused: ({ version }) => refusals.push(version),
    })
    await shared.withAccessToken(use, never)
    await vault.commit(await stored(vault), token('second', { expiresAt: Date.now() + HOUR }))
    const used: string[] = []
    const tryUse = async (accessToken: Secret) => {
      used.push(accessToken.reveal())
      return accessToken.reveal()
    }
    const isFirst = (text: string) => text === 'first'
    expect(await shared.withAccessToken(tryUse, isFirst)).toBe('second')
    expect(used).toEqual(['first', 'second'])
    expect((await stored(vault)).refusedAt).toBeUndefined()
    expect(refusals).toEqual([])
    await shared.withAccessToken(tryUse, () => true)
    expect(await shared.isAvailable()).toBe(false)
    expect(refusals).toEqual([2])
    expect(tokenState(await vault.read(), Date.now(), undefined)).toBe('invalid')
  })

  it('asks for renewal when it finds that it is due', async () => {
    const { vault } = setup()
    let asked = 0
    await vault.bootstrap(token('first', { expiresAt: Date.now() + 60_000 }))
    const onConcern = () => void (asked += 1)
    const shared = createSharedToken({ vault, useMarginMs: 0, renewBeforeMs: undefined, onConcern })
    expect(await shared.withAccessToken(use, never)).toBe('first')
    expect(asked).toBeGreaterThan(0)
  })
})

describe('without app id and secret', () => {
  it('a token of the environment never replaces the one an operator brought, even after our keys were rotated', async () => {
    const { redis, keys, vault, newRenewal } = setup()
    await newRenewal({ appSecret: undefined }).adoptFromEnvironment(new Secret('from env'))
    await vault.commit(await stored(vault), token('by hand', { source: 'manual' }))
    await newRenewal({ appSecret: undefined }).adoptFromEnvironment(new Secret('from env'))
    await newRenewal({ appSecret: undefined }).adoptFromEnvironment(new Secret('another from env'))
    expect((await stored(vault)).accessToken.reveal()).toBe('by hand')
    const ring = ['k2'].map((id) => ({ id, key: new Secret(randomBytes(32).toString('base64')) }))
    const rotated = createTokenVault({ redis, keys, sealer: createSealer(ring), senderId })
    expect(await rotated.hasSeen(new Secret('from env'))).toBe(true)
  })
})
