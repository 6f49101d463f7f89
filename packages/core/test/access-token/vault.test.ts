import { randomBytes } from 'node:crypto'
import {
  checked,
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
    expect(await vault.clearRefusal(second, Date.now())).toBe(true)
    expect(await inUse()).toBe('second')
    expect(await vault.noteRefusal({ ...second, version: 7 }, Date.now())).toBe(false)
  })

  it('gives a check, and a word to be said, to one of those who ask for it', async () => {
    const { vault, record } = tokenFixture()
    await vault.bootstrap(token('first'))
    const before = await record()
    const checks = await Promise.all(Array.from({ length: 5 }, () => vault.claimCheck(before, checked(1000))))
    expect(checks.filter(Boolean)).toHaveLength(1)
    expect(await vault.claimCheck(await record(), checked(2000))).toBe(true)
    expect((await record()).lastCheck?.at).toBe(2000)
    const words = await Promise.all(
      Array.from({ length: 5 }, () => vault.claimWord(before, 'unusableSaidAt', 1000)),
    )
    expect(words.filter(Boolean)).toHaveLength(1)
    const missing = await Promise.all(Array.from({ length: 5 }, () => vault.claimMissing()))
    expect(missing.filter(Boolean)).toHaveLength(1)
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

describe('when the keys that seal are changed', () => {
  const newKey = () => ({
    id: `k${randomBytes(4).toString('hex')}`,
    key: new Secret(randomBytes(32).toString('base64')),
  })
  const under = (
    { redis, keys }: Pick<ReturnType<typeof tokenFixture>, 'redis' | 'keys'>,
    ...ring: ReturnType<typeof newKey>[]
  ) => createTokenVault({ redis, keys, sealer: createSealer(ring), senderId })

  it('a token that none of them opens stops the start of a process, and is never written over', async () => {
    const fixture = tokenFixture()
    const { vault } = fixture
    await vault.bootstrap(token('first'))
    const other = under(fixture, newKey())
    await expect(requireReadable(other, Date.now())).rejects.toThrow(/^ENCRYPTION_KEYS does not open/)
    expect(await other.bootstrap(token('other'))).toBe(false)
    expect(await other.read()).toMatchObject({ tokens: [], unreadable: 1 })
    await requireReadable(vault, Date.now())
  })

  it("an old token that none of them opens is in nobody's way", async () => {
    const fixture = tokenFixture()
    const [old, present] = [newKey(), newKey()]
    await under(fixture, old).bootstrap(token('first'))
    const both = under(fixture, present, old)
    const record = await both.read()
    if (!record) throw new Error('no record')
    await both.commit(record, goodToken('second'))
    const alone = under(fixture, present)
    await requireReadable(alone, Date.now())
    expect(texts((await alone.read()) ?? record)).toEqual(['second'])
  })

  it('everything is sealed anew, so that the old key can go', async () => {
    const fixture = tokenFixture()
    const [old, present] = [newKey(), newKey()]
    const appSecret = fixture.app.brought(new Secret('brought'))
    await under(fixture, old).bootstrap(goodToken('first'), { appSecret })
    const both = under(fixture, present, old)
    const record = await both.read()
    expect(record?.hasOldSeal).toBe(true)
    if (record) expect(await both.reseal(record)).toBe(true)
    const alone = await under(fixture, present).read()
    expect(alone?.tokens[0]?.accessToken.reveal()).toBe('first')
    expect(alone?.appSecret?.secret.reveal()).toBe('brought')
    expect(alone?.hasOldSeal).toBeUndefined()
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
