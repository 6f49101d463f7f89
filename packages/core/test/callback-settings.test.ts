import { randomBytes } from 'node:crypto'
import {
  createCallbackSettings,
  createKeys,
  createReseal,
  createSealedPlaces,
  createSealer,
  MOST_CALLBACKS,
  OLD_SECRET_MS,
  openRedis,
  Secret,
  signingSecrets,
  UnsealError,
} from '@relais/core'
import { sharedRedisUrl, uniquePrefix } from '@relais/testing'
import { describe, expect, it, onTestFinished } from 'vitest'

const newKey = (id: string) => ({ id, key: new Secret(randomBytes(32).toString('base64')) })
const URL = 'https://wallet.example.com/hook?key=hidden-in-query'

function setup() {
  const redis = openRedis({ kind: 'single', url: sharedRedisUrl() }, 'patient', () => undefined)
  onTestFinished(() => redis.disconnect())
  const keys = createKeys(uniquePrefix())
  const clock = { at: Date.now() }
  const [first, second] = [newKey('k1'), newKey('k2')]
  const withRing = (ring: Parameters<typeof createSealer>[0]) =>
    createCallbackSettings({ redis, keys, sealer: createSealer(ring), now: () => clock.at })
  return { redis, keys, clock, first, second, withRing, settings: withRing([first]) }
}

const texts = (secrets: Secret[]) => secrets.map((secret) => secret.reveal())

describe('the callback of an app', () => {
  it('is kept with a secret that is shown once, and neither stands in Redis', async () => {
    const { settings, redis, keys } = setup()
    const set = await settings.set('wallet', URL)
    if (set === 'too-many' || !set.secret) throw new Error('no secret was made')
    const secret = set.secret.reveal()
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    const known = await settings.read('wallet')
    expect(known?.url.reveal()).toBe(URL)
    expect(known && texts(signingSecrets(known, Date.now()))).toEqual([secret])
    const kept = JSON.stringify(await redis.hgetall(keys.callbacks()))
    for (const hidden of [secret.slice(6), 'wallet.example.com', 'hidden-in-query'])
      expect(kept).not.toContain(hidden)
    expect(JSON.stringify(known)).not.toContain(secret.slice(6))
  })

  it('keeps its secret when the URL is changed', async () => {
    const { settings } = setup()
    await settings.set('wallet', URL)
    const before = await settings.read('wallet')
    expect(await settings.set('wallet', 'https://other.example.com/')).not.toHaveProperty('secret')
    const after = await settings.read('wallet')
    expect(after?.url.reveal()).toBe('https://other.example.com/')
    expect(after && texts(signingSecrets(after, 0))).toEqual(before && texts(signingSecrets(before, 0)))
  })

  it('has two secrets for a day when the secret is replaced', async () => {
    const { settings, clock } = setup()
    const set = await settings.set('wallet', URL)
    const old = set === 'too-many' ? '' : set.secret?.reveal()
    const rotated = await settings.rotate('wallet')
    const callback = await settings.read('wallet')
    if (!callback || !rotated) throw new Error('nothing is there')
    expect(rotated.oldUntil).toBe(clock.at + OLD_SECRET_MS)
    const present = rotated.secret.reveal()
    expect(texts(signingSecrets(callback, clock.at + OLD_SECRET_MS - 1))).toEqual([present, old])
    expect(texts(signingSecrets(callback, clock.at + OLD_SECRET_MS))).toEqual([present])
  })

  it('is changed by one after the other when several change it at once', async () => {
    const { settings, clock } = setup()
    await settings.set('wallet', URL)
    await Promise.all([settings.rotate('wallet'), settings.rotate('wallet'), settings.rotate('wallet')])
    const callback = await settings.read('wallet')
    expect(callback && signingSecrets(callback, clock.at)).toHaveLength(4)
  })

  it('is not there before it is set, nor after it is removed', async () => {
    const { settings } = setup()
    expect(await settings.rotate('wallet')).toBeUndefined()
    await settings.set('wallet', URL)
    await settings.set('shop', URL)
    expect((await settings.list()).callbacks.map(({ app }) => app)).toEqual(['shop', 'wallet'])
    expect([await settings.remove('wallet'), await settings.remove('wallet')]).toEqual([true, false])
    expect(await settings.read('wallet')).toBeUndefined()
  })

  it('is refused where there are too many, and may be changed all the same', async () => {
    const { settings, redis, keys } = setup()
    await settings.set('wallet', URL)
    const others = Array.from({ length: MOST_CALLBACKS - 1 }, (_, i) => [`app${i}`, 'x']).flat()
    await redis.hset(keys.callbacks(), ...others)
    expect(await settings.set('shop', URL)).toBe('too-many')
    expect(await settings.set('wallet', URL)).not.toBe('too-many')
  })

  it('opens under its own app and key alone, and moves to another key with the rest', async () => {
    const { settings, withRing, redis, keys, first, second } = setup()
    await settings.set('wallet', URL)
    const text = (await redis.hget(keys.callbacks(), 'wallet')) ?? ''
    await redis.hset(keys.callbacks(), 'shop', text)
    await expect(settings.read('shop')).rejects.toThrow(UnsealError)
    expect((await settings.list()).unreadable).toEqual(['shop'])
    expect(await settings.has('shop')).toBe(true)
    await redis.hdel(keys.callbacks(), 'shop')
    await expect(withRing([second]).read('wallet')).rejects.toThrow(UnsealError)
    const places = createSealedPlaces({ redis, keys, senderId: undefined })
    await createReseal({ redis, sealer: createSealer([second, first]), places }).reseal()
    expect((await withRing([second]).read('wallet'))?.url.reveal()).toBe(URL)
  })
})
