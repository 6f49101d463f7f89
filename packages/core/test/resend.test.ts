import { createMessageStore, createResends } from '@relais/core'
import { expect, it } from 'vitest'
import { encryptionKeys, newMessage } from './message-fixture.ts'
import { redisFixture } from './redis-fixture.ts'

function setup() {
  const { redis, keys } = redisFixture()
  return {
    redis,
    keys,
    store: createMessageStore({ redis, keys, encryptionKeys }),
    resends: createResends({ redis, keys }),
  }
}

it('a message is marked once, and who comes second is told of the first', async () => {
  const { store, resends } = setup()
  await store.create(newMessage(), 'sealed')
  await store.move('msg_1', { to: 'sent' })
  const marks = await Promise.all(['msg_a', 'msg_b', 'msg_c'].map((id) => resends.mark('msg_1', id)))
  expect(marks.map((mark) => mark?.copyId)).toEqual(['msg_a', 'msg_a', 'msg_a'])
  expect(marks.map((mark) => mark?.isNew)).toEqual([true, false, false])
  const message = await store.read('msg_1')
  expect(message).toMatchObject({ status: 'sent', resentAs: 'msg_a' })
  expect(message?.timeline.at(-1)).toMatchObject({ status: 'sent', detail: 'sent again as msg_a' })
})

it('only one that was sent or fell back, that lives, and whose content is there', async () => {
  const { store, resends, redis, keys } = setup()
  const made = async (id: string, over = {}) => {
    await store.create(newMessage({ id, ...over }), 'sealed')
    return id
  }
  const now = Date.now()
  expect(await resends.mark('msg_none', 'copy')).toBeUndefined()
  expect(await resends.mark(await made('msg_queued'), 'copy')).toBeUndefined()
  for (const to of ['delivered', 'canceled', 'used', 'expired'] as const) {
    await store.move(await made(`msg_${to}`), { to, keepsContent: true })
    expect(await resends.mark(`msg_${to}`, 'copy')).toBeUndefined()
  }
  await store.move(await made('msg_test', { isTest: true }), { to: 'fallback', keepsContent: true })
  expect(await resends.mark('msg_test', 'copy')).toBeUndefined()
  await store.move(await made('msg_short', { expiresAt: now + 29_000 }), { to: 'sent' })
  expect(await resends.mark('msg_short', 'copy')).toBeUndefined()
  await store.move(await made('msg_erased'), { to: 'fallback' })
  expect(await resends.mark('msg_erased', 'copy')).toBeUndefined()
  await store.move(await made('msg_used'), { to: 'fallback', keepsContent: true })
  await store.noteUsed('msg_used', 'the code was used')
  await redis.set(keys.content('msg_used'), 'sealed')
  expect(await resends.mark('msg_used', 'copy')).toBeUndefined()
  await store.move(await made('msg_fallen'), { to: 'fallback', keepsContent: true })
  expect(await resends.mark('msg_fallen', 'copy')).toEqual({ copyId: 'copy', isNew: true })
})
