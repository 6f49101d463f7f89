import {
  createAcceptance,
  createIndexWriter,
  createMessageIndex,
  createMessageStore,
  type EncryptionKey,
} from '@relais/core'
import { uniquePrefix } from '@relais/testing'
import { expect, it } from 'vitest'
import { encryptionKeys, newKey, newMessage } from './message-fixture.ts'
import { redisFixture } from './redis-fixture.ts'

const HOUR_MS = 3600_000
const DAY_MS = 24 * HOUR_MS

/** @param aheadMs how far the clock is ahead */
function setup(ring: readonly EncryptionKey[] = encryptionKeys) {
  const { redis, keys } = redisFixture()
  const clock = { aheadMs: 0 }
  const now = () => Date.now() + clock.aheadMs
  const under = (encryptionKeys: readonly EncryptionKey[]) => ({
    store: createMessageStore({ redis, keys, encryptionKeys, now }),
    index: createMessageIndex({ redis, keys, encryptionKeys, now }),
  })
  /** The names of all sets of the index. */
  const sets = async () => (await redis.keys(keys.foundBy(0, '').replace(':0:', ':*'))).toSorted()
  return { redis, keys, clock, now, under, sets, ...under(ring) }
}

it('a message is found by its recipient and by its reference, the latest first, and by nothing else', async () => {
  const { store, index } = setup()
  const start = Date.now() - 60_000
  for (let i = 0; i < 5; i += 1) {
    const more = { acceptedAt: start + i * 4000, ...(i % 2 === 0 && { reference: 'login' }) }
    await store.create(newMessage({ id: `msg_${i}`, ...more }), 'sealed')
  }
  await store.create(newMessage({ id: 'msg_other', to: '+221770000000', reference: 'other' }), 'sealed')
  expect(await index.find('recipient', '+221771234567', 50)).toEqual([4, 3, 2, 1, 0].map((i) => `msg_${i}`))
  expect(await index.find('recipient', '+221771234567', 2)).toEqual(['msg_4', 'msg_3'])
  expect(await index.find('reference', 'login', 50)).toEqual(['msg_4', 'msg_2', 'msg_0'])
  for (const [by, text] of [
    ['recipient', 'login'],
    ['reference', '+221771234567'],
    ['recipient', '+22177123456'],
    ['providerMessageId', 'login'],
  ] as const) {
    expect(await index.find(by, text, 50)).toEqual([])
  }
})

it('a message that was taken in with its job is found at once', async () => {
  const { redis, keys, index } = setup()
  const { accept } = createAcceptance({ redis, keys, prefix: uniquePrefix(), encryptionKeys })
  await Promise.all(['msg_a', 'msg_b'].map((id) => accept(newMessage({ id, reference: id }), 'sealed')))
  // A repeat adds nothing.
  await accept(newMessage({ id: 'msg_a', reference: 'another' }), 'sealed')
  expect(await index.find('reference', 'msg_a', 50)).toEqual(['msg_a'])
  expect(await index.find('reference', 'another', 50)).toEqual([])
  expect((await index.find('recipient', '+221771234567', 50)).toSorted()).toEqual(['msg_a', 'msg_b'])
})

it('nothing in it can be read, and it is made with a key that Redis does not have', async () => {
  const { redis, store, sets, under } = setup()
  await store.create(newMessage({ reference: 'login-4711' }), 'sealed')
  await store.move('msg_1', { to: 'sent', set: { providerMessageId: 'wamid.HBgMMjIxNzcxMjM0NTY3' } })
  const names = await sets()
  expect(names.length).toBeGreaterThan(0)
  const entries = await Promise.all(names.map((name) => redis.zrange(name, '0', '-1')))
  for (const part of ['771234567', 'login', 'HBgMMjIx']) {
    expect(JSON.stringify([names, entries])).not.toContain(part)
  }
  const stranger = under([newKey('k1')])
  expect(await stranger.index.find('recipient', '+221771234567', 50)).toEqual([])
  expect(await stranger.store.findByProviderId('wamid.HBgMMjIxNzcxMjM0NTY3')).toBeUndefined()
})

it("Meta's ids of all its sends lead to a message that was sent again", async () => {
  const { store, clock } = setup()
  await store.create(newMessage({ expiresAt: Date.now() + 900_000 }), 'sealed')
  await store.move('msg_1', { to: 'sending', set: { claims: 1, attempts: 1 } })
  await store.move('msg_1', { to: 'uncertain', set: { providerMessageId: 'wamid.first' } })
  await store.move('msg_1', { to: 'sending', set: { claims: 2, attempts: 2 } })
  await store.move('msg_1', { to: 'sent', set: { providerMessageId: 'wamid.second' } })
  // As long as there is a record.
  for (const aheadMs of [0, HOUR_MS, DAY_MS, DAY_MS + 900_000]) {
    clock.aheadMs = aheadMs
    expect(await store.findByProviderId('wamid.first')).toBe('msg_1')
    expect(await store.findByProviderId('wamid.second')).toBe('msg_1')
  }
  expect(await store.findByProviderId('wamid.third')).toBeUndefined()
})

it('is looked for on three days: a record that a deadline after midnight keeps may be of the day before yesterday', async () => {
  const { store, index, clock, now } = setup()
  const midnight = Math.ceil(Date.now() / DAY_MS) * DAY_MS
  clock.aheadMs = midnight - 60_000 - Date.now()
  const acceptedAt = now()
  await store.create(newMessage({ acceptedAt, expiresAt: acceptedAt + 900_000 }), 'sealed')
  clock.aheadMs += DAY_MS + 10 * 60_000
  expect(Math.floor(now() / DAY_MS) - Math.floor(acceptedAt / DAY_MS)).toBe(2)
  expect(await index.find('recipient', '+221771234567', 50)).toEqual(['msg_1'])
  clock.aheadMs += DAY_MS
  expect(await index.find('recipient', '+221771234567', 50)).toEqual([])
})

it('each set goes when no record can be left that it leads to, and not before', async () => {
  const { redis, store, sets } = setup()
  const acceptedAt = Date.now()
  await store.create(newMessage({ acceptedAt, expiresAt: acceptedAt + 900_000, reference: 'r' }), 'sealed')
  await store.move('msg_1', { to: 'sent', set: { providerMessageId: 'wamid.1' } })
  const dayEnds = (Math.floor(acceptedAt / DAY_MS) + 1) * DAY_MS
  const names = await sets()
  expect(names.length).toBeGreaterThan(0)
  for (const name of names) {
    const goneAt = await redis.pexpiretime(name)
    expect(goneAt - dayEnds).toBeGreaterThanOrEqual(DAY_MS + 900_000)
    expect(goneAt - dayEnds).toBeLessThanOrEqual(2 * DAY_MS)
  }
})

it('finds under every key of the ring, and writes under the first', async () => {
  const [old, young] = [newKey('k1'), newKey('k2')]
  const { under } = setup()
  const before = under([old])
  await before.store.create(newMessage({ id: 'msg_old' }), 'sealed')
  await before.store.move('msg_old', { to: 'sent', set: { providerMessageId: 'wamid.old' } })
  const during = under([young, old])
  await during.store.create(newMessage({ id: 'msg_young' }), 'sealed')
  const found = await during.index.find('recipient', '+221771234567', 50)
  expect(found.toSorted()).toEqual(['msg_old', 'msg_young'])
  expect(await during.store.findByProviderId('wamid.old')).toBe('msg_old')
  expect(await under([young]).index.find('recipient', '+221771234567', 50)).toEqual(['msg_young'])
})

it('stays in small pieces, however many messages there are, and finds each of them', async () => {
  const { redis, store, index, sets } = setup()
  const count = 150
  // One reference for all: their entries begin alike, and so would stand in one set.
  await Promise.all(
    Array.from({ length: count }, (_, i) =>
      store.create(
        newMessage({ id: `msg_${i}`, to: `+2217712${String(30_000 + i)}`, reference: 'everybody' }),
        'sealed',
      ),
    ),
  )
  expect(new Set(await index.find('reference', 'everybody', count)).size).toBe(count)
  for (let i = 0; i < count; i += 1) {
    expect(await index.find('recipient', `+2217712${String(30_000 + i)}`, 50)).toEqual([`msg_${i}`])
  }
  for (const name of await sets()) expect(await redis.object('ENCODING', name)).toBe('listpack')
})

it('an id that begins unlike ours is found as it is', async () => {
  const { store, index } = setup()
  await store.create(newMessage({ id: 'order-7' }), 'sealed')
  expect(await index.find('recipient', '+221771234567', 50)).toEqual(['order-7'])
})

it('an entry of a message takes about forty bytes', () => {
  const { keys } = setup()
  const message = newMessage({ id: 'msg_0123456789ABCDEFGHIJKL', reference: 'r' })
  const writer = createIndexWriter({ keys, encryptionKeys })
  const { entries } = writer.ofMessage(message)
  const all = [...entries, ...writer.ofProviderId('wamid.1', message.id, Date.now()).entries]
  expect(all).toHaveLength(3)
  for (const entry of all) expect(entry.length).toBeLessThan(36)
})
