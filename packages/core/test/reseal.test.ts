import { randomBytes } from 'node:crypto'
import {
  createApiKeyStore,
  createMessageStore,
  createReseal,
  createSealedPlaces,
  createSealer,
  createTokenVault,
  openContent,
  sealContent,
  Secret,
  type ApiKeyRecord,
  type EncryptionKey,
  type SealedPlace,
} from '@relais/core'
import { expect, it } from 'vitest'
import { encryptionKeys, newMessage } from './message-fixture.ts'
import { redisFixture } from './redis-fixture.ts'

const senderId = '106540352242922'
const newKey = (id: string): EncryptionKey => ({ id, key: new Secret(randomBytes(32).toString('base64')) })

/** A Redis in which messages, tokens and the keys of callers are sealed under the key `old`. */
async function sealedFixture(messages = 3) {
  const { redis, keys } = redisFixture()
  const [old, fresh] = [newKey('old'), newKey('fresh')]
  const sealer = createSealer([old])
  const store = createMessageStore({ redis, keys, encryptionKeys })
  const acceptedAt = Date.now()
  const ids = Array.from({ length: messages }, (_, i) => `msg_${i}`)
  const accept = (id: string, sealed: string) => store.create(newMessage({ id, acceptedAt }), sealed)
  const contentOf = (id: string) => ({ type: 'otp' as const, code: `code-of-${id}` })
  await Promise.all(ids.map((id) => accept(id, sealContent(sealer, id, contentOf(id)))))
  await createTokenVault({ redis, keys, sealer, senderId }).bootstrap(
    { accessToken: new Secret('EAAtoken'), source: 'env', obtainedAt: acceptedAt, expiresAt: null },
    { appSecret: { secret: new Secret('appsecret'), replaces: 'x', at: acceptedAt } },
  )
  const apiKey: ApiKeyRecord = {
    id: 'aaaaaaaaaaaa',
    kind: 'app',
    name: 'wallet',
    scopes: [],
    sha256: 'x',
    createdAt: acceptedAt,
    createdBy: 'cli:awa',
    expiresAt: acceptedAt + 86_400_000,
  }
  await createApiKeyStore({ redis, keys, sealer }).create(apiKey)
  const both = createSealer([fresh, old])
  const places = createSealedPlaces({ redis, keys, senderId })
  return { redis, keys, store, ids, contentOf, apiKey, both, onlyFresh: createSealer([fresh]), places }
}

it('everything that lives is sealed under the first key, and then the old one may go', async () => {
  const { redis, keys, store, ids, contentOf, apiKey, both, onlyFresh, places } = await sealedFixture()
  const { reseal, count } = createReseal({ redis, sealer: both, places })
  const all = { 'message contents': 3, 'access tokens': 2, 'api keys': 1 }
  expect(await count()).toEqual({ old: all })
  expect(await reseal()).toBe(6)
  expect(await count()).toEqual({ fresh: all })
  expect(await reseal()).toBe(0)

  for (const id of ids) {
    expect(openContent(onlyFresh, id, await store.readContent(id))).toEqual(contentOf(id))
    expect(await redis.pexpiretime(keys.content(id))).toBe((await store.read(id))?.expiresAt)
  }
  const record = await createTokenVault({ redis, keys, sealer: onlyFresh, senderId }).read()
  expect(record?.tokens[0]?.accessToken.reveal()).toBe('EAAtoken')
  expect(record?.appSecret?.secret.reveal()).toBe('appsecret')
  expect(record).not.toHaveProperty('hasOldSeal')
  const apiKeys = createApiKeyStore({ redis, keys, sealer: onlyFresh })
  expect(await apiKeys.find(apiKey.id)).toEqual(apiKey)
})

it('more than are looked at in one go are all found', async () => {
  const { redis, both, places } = await sealedFixture(1300)
  const { reseal, count } = createReseal({ redis, sealer: both, places })
  expect(await reseal()).toBe(1303)
  expect(Object.keys(await count())).toEqual(['fresh'])
})

it('what is erased, changed or revoked between the look and the seal stays so', async () => {
  const { redis, keys, store, apiKey, both, onlyFresh, places } = await sealedFixture()
  const apiKeys = createApiKeyStore({ redis, keys, sealer: both })
  const meddle: Record<string, () => Promise<unknown>> = {
    'message contents': async () => {
      await store.move('msg_0', { to: 'delivered' })
      const other = sealContent(both, 'msg_1', { type: 'otp', code: 'other' })
      await redis.set(keys.content('msg_1'), other, 'KEEPTTL')
    },
    'access tokens': () => redis.del(keys.accessToken(senderId)),
    'api keys': () => apiKeys.revoke(apiKey.id, 'cli:awa'),
  }
  const slow = places.map(({ name, batches }): SealedPlace => ({
    name,
    async *batches() {
      for await (const batch of batches()) {
        if (batch.length > 0) await meddle[name]?.()
        yield batch
      }
    },
  }))
  const { reseal } = createReseal({ redis, sealer: both, places: slow })
  expect(await reseal()).toBe(1)
  expect(await redis.exists(keys.content('msg_0'), keys.accessToken(senderId))).toBe(0)
  expect(openContent(onlyFresh, 'msg_1', await store.readContent('msg_1'))).toMatchObject({ code: 'other' })
  expect(openContent(onlyFresh, 'msg_2', await store.readContent('msg_2'))).toMatchObject({ type: 'otp' })
  expect(await apiKeys.find(apiKey.id)).toMatchObject({ revokedBy: 'cli:awa' })
})

it('what does not open is left as it is, and counted under its key', async () => {
  const { redis, keys, both, places } = await sealedFixture()
  await redis.set(keys.content('msg_0'), 'v1.lost.AAAA.AAAA', 'KEEPTTL')
  await redis.set(keys.content('msg_1'), 'no sealed text', 'KEEPTTL')
  const { reseal, count } = createReseal({ redis, sealer: both, places })
  expect(await reseal()).toBe(4)
  expect(await count()).toEqual({
    fresh: { 'message contents': 1, 'access tokens': 2, 'api keys': 1 },
    lost: { 'message contents': 1 },
    '?': { 'message contents': 1 },
  })
  expect(await redis.get(keys.content('msg_0'))).toBe('v1.lost.AAAA.AAAA')
})

it('without a sender there are no tokens, and in an empty Redis there is nothing', async () => {
  const { redis, keys } = redisFixture()
  const places = createSealedPlaces({ redis, keys, senderId: undefined })
  const { reseal, count } = createReseal({ redis, sealer: createSealer([newKey('k1')]), places })
  expect([await reseal(), await count()]).toEqual([0, {}])
})
