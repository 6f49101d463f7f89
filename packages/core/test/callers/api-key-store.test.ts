import { randomBytes } from 'node:crypto'
import {
  createApiKeyStore,
  createSealer,
  digestOfKey,
  makeApiKey,
  MOST_LIVE_KEYS,
  Secret,
  type ApiKeyRecord,
  type EncryptionKey,
} from '@relais/core'
import { expect, it } from 'vitest'
import { redisFixture } from '../redis-fixture.ts'

const DAY_MS = 24 * 3600_000

function encryptionKey(id: string): EncryptionKey {
  return { id, key: new Secret(randomBytes(32).toString('base64')) }
}

function storeFixture() {
  const { redis, keys } = redisFixture()
  const [first, second] = [encryptionKey('k1'), encryptionKey('k2')]
  let at = Date.now()
  const storeOf = (...ring: EncryptionKey[]) =>
    createApiKeyStore({ redis, keys, sealer: createSealer(ring), now: () => at })
  return {
    redis,
    keys,
    first,
    second,
    storeOf,
    store: storeOf(first),
    pass: (ms: number) => (at += ms),
    newKey(more: Partial<ApiKeyRecord> = {}) {
      const { id, text } = makeApiKey('rk_live')
      const record: ApiKeyRecord = {
        id,
        kind: 'app',
        name: 'wallet',
        mode: 'live',
        scopes: ['messages:send'],
        sha256: digestOfKey(text.reveal()).toString('base64url'),
        createdAt: at,
        createdBy: 'cli:awa',
        expiresAt: at + 180 * DAY_MS,
        ...more,
      }
      return { text: text.reveal(), record }
    },
  }
}

it('a key is found again, and every change shows in the version', async () => {
  const { store, newKey } = storeFixture()
  expect(await store.version()).toBeUndefined()
  const { record } = newKey()
  expect(await store.create(record)).toBe('created')
  const made = await store.version()
  expect(made).toEqual(expect.any(String))
  expect(await store.find(record.id)).toEqual(record)
  expect(await store.find('nobodys')).toBeUndefined()
  const revoked = await store.revoke(record.id, 'cli:awa')
  expect(revoked).toMatchObject({
    id: record.id,
    revokedBy: 'cli:awa',
    revokedAt: expect.any(Number) as number,
  })
  expect(await store.version()).not.toBe(made)
  expect(await store.revoke(record.id, 'cli:moussa')).toEqual(revoked)
  expect(await store.revoke('nobodys', 'cli:awa')).toBeUndefined()
})

it('neither the key nor its hash is in Redis, and nobody without our keys can put one there', async () => {
  const { redis, keys, store, storeOf, second, newKey } = storeFixture()
  const { text, record } = newKey()
  await store.create(record)
  const stored = JSON.stringify(await redis.hgetall(keys.apiKeys()))
  expect(stored).toContain(record.id)
  for (const hidden of [text, text.split('_')[3] ?? '', record.sha256]) expect(stored).not.toContain(hidden)

  const forged = newKey({ name: 'shop' }).record
  await storeOf(second).create(forged)
  expect(await store.find(forged.id)).toBeUndefined()
  // The record of a key opens under its own id only: one cannot be given the rights of another.
  await redis.hset(keys.apiKeys(), 'another', (await redis.hget(keys.apiKeys(), record.id)) ?? '')
  expect(await store.find('another')).toBeUndefined()
  expect(await store.read()).toMatchObject({ records: [record], unreadable: 2 })
})

it('a caller may have several keys that work, and not any number', async () => {
  const { store, newKey, pass } = storeFixture()
  const [first] = Array.from({ length: MOST_LIVE_KEYS }, () => newKey().record)
  if (!first) throw new Error('no key')
  await store.create(first)
  for (let i = 1; i < MOST_LIVE_KEYS; i += 1) await store.create(newKey().record)
  expect(await store.create(newKey().record)).toBe('too-many-live')
  expect(await store.create(newKey({ name: 'shop' }).record)).toBe('created')
  expect(await store.create(newKey({ kind: 'operator' }).record)).toBe('created')
  await store.revoke(first.id, 'cli:awa')
  expect(await store.create(newKey().record)).toBe('created')
  // One that ended long ago is forgotten when another is made.
  pass(91 * DAY_MS)
  await store.revoke(newKey().record.id, 'cli:awa')
  await store.create(newKey({ name: 'bank' }).record)
  const { records } = await store.read()
  expect(records.map(({ id }) => id)).not.toContain(first.id)
  expect(records).toHaveLength(MOST_LIVE_KEYS + 3)
})

it('when a key was last used is noted beside it', async () => {
  const { store } = storeFixture()
  await store.noteUsed(new Map())
  await store.noteUsed(new Map([['a', 5]]))
  await store.noteUsed(new Map([['b', 6]]))
  expect(await store.lastUsed()).toEqual(
    new Map([
      ['a', 5],
      ['b', 6],
    ]),
  )
})
