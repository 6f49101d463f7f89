import { randomBytes } from 'node:crypto'
import {
  createSealer,
  createTokenVault,
  requireReadable,
  Secret,
  tokenInUse,
  type TokenRecord,
} from '@relais/core'
import { describe, expect, it } from 'vitest'
import { goodToken, HOUR, senderId, token, tokenFixture } from './fixture.ts'

const texts = ({ tokens }: TokenRecord) => tokens.map(({ accessToken }) => accessToken.reveal())

describe('the vault', () => {
  it('keeps tokens and app secret sealed', async () => {
    const { vault, redis, keys, record, app } = tokenFixture()
    const appSecret = app.brought(new Secret('the brought secret'))
    await vault.bootstrap(token('EAAsecret'), { appSecret })
    const raw = JSON.stringify(await redis.hgetall(keys.accessToken(senderId)))
    expect(raw).not.toContain('EAAsecret')
    expect(raw).not.toContain('the brought secret')
    expect(texts(await record())).toEqual(['EAAsecret'])
    expect((await record()).appSecret?.secret.reveal()).toBe('the brought secret')
  })

  it('is filled once, however many processes start at once', async () => {
    const { vault, record } = tokenFixture()
    const done = await Promise.all(Array.from({ length: 10 }, (_, i) => vault.bootstrap(token(`EAA${i}`))))
    expect(done.filter(Boolean)).toHaveLength(1)
    expect((await record()).version).toBe(1)
  })

  it('never lets an older token replace a newer one', async () => {
    const { vault, record } = tokenFixture()
    await vault.bootstrap(token('first'))
    const first = await record()
    expect(await vault.commit(first, token('second'))).toBe(true)
    expect(await vault.commit(first, token('late'))).toBe(false)
    expect(await record()).toMatchObject({ version: 2 })
    expect(texts(await record())).toEqual(['second', 'first'])
  })

  it('keeps the four newest tokens', async () => {
    const { commit, record, redis, keys } = tokenFixture()
    for (const text of ['a', 'b', 'c', 'd', 'e', 'f']) expect(await commit(token(text))).toBe(true)
    expect(texts(await record())).toEqual(['f', 'e', 'd', 'c'])
    expect(await redis.hkeys(keys.accessToken(senderId))).not.toContain('1.sealed')
  })

  it('refuses a commit whose lease was lost', async () => {
    const { vault, lease, redis, keys, record } = tokenFixture()
    await vault.bootstrap(token('first'))
    const first = await record()
    const done = await lease.hold(async ({ owner }) => {
      await redis.del(keys.renewalLease(senderId))
      return vault.commit(first, token('second'), { leaseOwner: owner })
    })
    expect(done).toBe(false)
    expect((await record()).version).toBe(1)
  })

  it('a token by hand ends the lease: whatever is being exchanged is older', async () => {
    const { vault, lease, record } = tokenFixture()
    await vault.bootstrap(token('first'))
    const done = await lease.hold(async ({ owner }) => {
      await vault.commit(await record(), token('by hand', { source: 'manual' }))
      return vault.commit(await record(), token('late'), { leaseOwner: owner })
    })
    expect(done).toBe(false)
    expect(texts(await record())).toEqual(['by hand', 'first'])
  })

  it('does not take version 1 of a new record for version 1 of the one that was lost', async () => {
    const { vault, redis, keys, record, newest } = tokenFixture()
    await vault.bootstrap(token('before'))
    const before = await record()
    await redis.del(keys.accessToken(senderId))
    await vault.bootstrap(token('after'))
    expect(await vault.commit(before, token('late'))).toBe(false)
    expect(await vault.noteRefusal(before, Date.now())).toBe(false)
    expect((await newest()).refusedAt).toBeUndefined()
  })

  it('a refusal is of one version: the next one is good, and then the one before it', async () => {
    const { vault, record, commit } = tokenFixture()
    await vault.bootstrap(goodToken('first'))
    await commit(goodToken('second'))
    const inUse = async () => tokenInUse(await record(), Date.now(), 0)?.accessToken.reveal()
    expect(await inUse()).toBe('second')
    const second = await record()
    expect(await vault.noteRefusal(second, Date.now())).toBe(true)
    expect(await vault.noteRefusal(second, Date.now())).toBe(false)
    expect(await inUse()).toBe('first')
    await vault.noteRefusal({ ...second, version: 1 }, Date.now())
    expect(await inUse()).toBeUndefined()
    expect(await vault.clearRefusal(second)).toBe(true)
    expect(await inUse()).toBe('second')
    expect(await vault.noteRefusal({ ...second, version: 7 }, Date.now())).toBe(false)
  })

  it('gives a round to one of those who ask for it', async () => {
    const { vault, record } = tokenFixture()
    await vault.bootstrap(token('first'))
    const before = await record()
    const claims = await Promise.all(Array.from({ length: 5 }, () => vault.claim(before, 'checkedAt', 1000)))
    expect(claims.filter(Boolean)).toHaveLength(1)
    expect(await vault.claim(await record(), 'checkedAt', 2000)).toBe(true)
    expect((await record()).checkedAt).toBe(2000)
  })

  it('puts back what a process remembers, once, and never over a newer token', async () => {
    const { vault, redis, keys, record, commit } = tokenFixture()
    await vault.bootstrap(token('first', { expiresAt: Date.now() + HOUR }))
    await commit(token('second', { source: 'renewed' }))
    const remembered = await record()
    await redis.del(keys.accessToken(senderId))
    expect(await vault.restore(remembered, { at: 5000 })).toBe(true)
    expect(await vault.restore(remembered, { at: 6000 })).toBe(false)
    expect(await record()).toMatchObject({ version: 2, restoredAt: 5000 })
    expect((await record()).generation).not.toBe(remembered.generation)
    expect((await record()).tokens).toMatchObject([{ source: 'renewed' }, { expiresAt: expect.any(Number) }])
  })
})

describe('a token that none of the keys opens', () => {
  it('stops the start of a process, and is never written over', async () => {
    const { vault, redis, keys } = tokenFixture()
    await vault.bootstrap(token('first'))
    const ring = [{ id: 'k2', key: new Secret(randomBytes(32).toString('base64')) }]
    const other = createTokenVault({ redis, keys, sealer: createSealer(ring), senderId })
    await expect(requireReadable(other)).rejects.toThrow(
      /^ENCRYPTION_KEYS does not open.*sealed under key "k1"/,
    )
    expect(await other.bootstrap(token('other'))).toBe(false)
    await requireReadable(vault)
  })
})

describe('the lease', () => {
  it('is held by one at a time and freed however its use ends', async () => {
    const { lease } = tokenFixture()
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () => lease.hold(async () => new Promise((r) => setTimeout(r, 20, 'held')))),
    )
    expect(outcomes.filter((outcome) => outcome === 'held')).toHaveLength(1)
    await expect(lease.hold(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    expect(await lease.hold(async () => 'held again')).toBe('held again')
  })

  it('of a holder that was too slow is not given up under the next holder', async () => {
    const { lease, redis, keys } = tokenFixture()
    await lease.hold(async () => {
      await redis.set(keys.renewalLease(senderId), 'the next holder')
    })
    expect(await redis.get(keys.renewalLease(senderId))).toBe('the next holder')
  })

  it('tells its holder what is left of it', async () => {
    const { lease } = tokenFixture({ leaseMs: 30_000 })
    const left = await lease.hold(async ({ leftMs }) => leftMs())
    expect(left).toBeLessThanOrEqual(30_000)
    expect(left).toBeGreaterThan(20_000)
  })
})
