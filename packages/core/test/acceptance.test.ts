import {
  createAcceptance,
  createKeys,
  createMessageStore,
  openQueue,
  openRedis,
  type MessageJob,
} from '@relais/core'
import { eventually, startRedis, uniquePrefix } from '@relais/testing'
import { expect, it, onTestFinished } from 'vitest'
import { encryptionKeys, newMessage } from './message-fixture.ts'
import { redisFixture } from './redis-fixture.ts'

/** Ids of messages are so long. */
const ID = 'msg_0123456789ABCDEFGHIJKL'

function setup() {
  const { redis, keys } = redisFixture()
  const prefix = uniquePrefix()
  const queue = openQueue<MessageJob>('messages', { redis, prefix, onError: () => undefined })
  onTestFinished(() => queue.close())
  return {
    redis,
    keys,
    queue,
    store: createMessageStore({ redis, keys, encryptionKeys }),
    unsettled: () => redis.hgetall(keys.unsettled()),
    ...createAcceptance({ redis, keys, prefix, encryptionKeys }),
  }
}

it('adds a job as BullMQ does, key by key', async () => {
  const { redis, queue, accept } = setup()
  await accept(newMessage({ id: ID }), 'sealed')
  const other = openQueue<MessageJob>('messages', { redis, prefix: uniquePrefix(), onError: () => undefined })
  onTestFinished(() => other.close())
  const timestamp = Number(await redis.hget(queue.toKey(ID), 'timestamp'))
  await other.add('deliver', { messageId: ID }, { jobId: ID, priority: 1, timestamp })
  const everything = async ({ keys }: typeof queue) => {
    const names = Object.values(keys).concat(`${keys['']}${ID}`)
    const parts = await Promise.all(
      names.map(async (name) => [name.slice(keys['']?.length), await contentOf(name)]),
    )
    return Object.fromEntries(parts) as Record<string, unknown>
  }
  const contentOf = async (name: string): Promise<unknown> => {
    switch (await redis.type(name)) {
      case 'hash':
        return redis.hgetall(name)
      case 'zset':
        return redis.zrange(name, '0', '-1', 'WITHSCORES')
      case 'stream':
        return (await redis.xrange(name, '-', '+')).map(([, fields]) => fields)
      case 'string':
        return redis.get(name)
      default:
        return undefined
    }
  }
  const [ours, theirs] = [await everything(queue), await everything(other)]
  // What it says there beside the priority is what it is without saying so.
  expect(theirs[ID]).toMatchObject({ opts: expect.stringContaining('"attempts":0') })
  expect(ours).toEqual({ ...theirs, [ID]: { ...(theirs[ID] as object), opts: '{"priority":1}' } })
  const job = await queue.getJob(ID)
  expect(job).toMatchObject({
    id: ID,
    name: 'deliver',
    data: { messageId: ID },
    priority: 1,
    attemptsMade: 0,
  })
})

it('keeps a job and a record of the longest id in one piece each', async () => {
  const { redis, keys, queue, accept } = setup()
  await accept(newMessage({ id: ID, template: 'otp_login', language: 'fr' }), 'sealed')
  expect(await redis.object('ENCODING', queue.toKey(ID))).toBe('listpack')
  expect(await redis.object('ENCODING', keys.message(ID))).toBe('listpack')
})

it('writes record, content, timer, count and job of each of many', async () => {
  const { redis, keys, store, queue, unsettled, accept } = setup()
  const messages = Array.from({ length: 250 }, (_, i) =>
    newMessage({ id: `msg_${i}`, app: i % 2 ? 'shop' : 'wallet' }),
  )
  const accepted = await Promise.all(messages.map((message) => accept(message, `sealed ${message.id}`)))
  expect(accepted).toEqual(messages.map((message) => ({ kind: 'new', message })))
  expect(await Promise.all(messages.map(({ id }) => store.read(id)))).toEqual(messages)
  expect(await store.readContent('msg_249')).toBe('sealed msg_249')
  expect(await redis.zcard(keys.timers())).toBe(250)
  expect(await unsettled()).toEqual({ wallet: '125', shop: '125' })
  expect(await queue.getPrioritizedCount()).toBe(250)
})

it('answers with the record that is there, and changes nothing of it', async () => {
  const { store, queue, unsettled, accept } = setup()
  const first = newMessage({ id: ID })
  await accept(first, 'sealed')
  const again = await accept(newMessage({ id: ID, app: 'shop' }), 'other')
  expect(again).toEqual({ kind: 'earlier', message: first })
  expect(await store.readContent(ID)).toBe('sealed')
  expect(await unsettled()).toEqual({ wallet: '1' })
  expect(await queue.getPrioritizedCount()).toBe(1)
})

it('gives a message that waits and has no job a job, and no other', async () => {
  const { store, queue, accept } = setup()
  const waiting = newMessage({ id: 'msg_waiting' })
  const claimed = newMessage({ id: 'msg_claimed' })
  const falling = newMessage({ id: 'msg_falling' })
  for (const message of [waiting, claimed, falling]) await store.create(message, 'sealed')
  await store.move(claimed.id, { to: 'sending', set: { claims: 1 } })
  await store.decideFallback(falling.id, { reason: 'rate_limited', detail: 'too late' })
  await Promise.all([waiting, claimed, falling].map((message) => accept(message, 'sealed')))
  expect((await queue.getJobs()).map(({ id }) => id)).toEqual([waiting.id])
})

it('takes nothing in of a request that was not let in with it', async () => {
  const { redis, keys, store, queue, accept } = setup()
  const entry = keys.idempotency('digest')
  const take = async (id: string, index: number, seed = 'mine') =>
    (await accept(newMessage({ id }), 'sealed', { atTheDoor: { entry, seed, index } })).kind
  expect(await take('msg_early', 0)).toBe('not-let-in')
  await redis.hset(entry, { seed: 'mine', limited: '1:5000:recipient,12:5000:recipient' })
  expect(await take('msg_0', 0)).toBe('new')
  expect(await take('msg_1', 1)).toBe('not-let-in')
  expect(await take('msg_2', 2)).toBe('new')
  expect(await take('msg_12', 12)).toBe('not-let-in')
  expect(await take('msg_other', 0, 'another')).toBe('not-let-in')
  await redis.hset(entry, { withdrawer: 'mine' })
  expect(await take('msg_late', 3)).toBe('not-let-in')
  expect(new Set((await queue.getJobs()).map(({ id }) => id))).toEqual(new Set(['msg_0', 'msg_2']))
  expect(await store.read('msg_1')).toBeUndefined()
})

it('takes nothing in that was given up while it waited for its group', async () => {
  const server = await startRedis()
  const redis = openRedis({ kind: 'single', url: server.url }, { failWithinMs: 30_000 }, () => undefined)
  onTestFinished(async () => {
    redis.disconnect()
    await server.stop()
  })
  await eventually(
    () => redis.status,
    (status) => status === 'ready',
  )
  const prefix = uniquePrefix()
  const keys = createKeys(prefix)
  const { accept } = createAcceptance({ redis, keys, prefix, encryptionKeys })
  const store = createMessageStore({ redis, keys, encryptionKeys })
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  await accept(newMessage({ id: 'msg_first' }), 'sealed')

  await server.freeze()
  const late = new AbortController()
  const onItsWay = accept(newMessage({ id: 'msg_on_its_way' }), 'sealed', { late: late.signal })
  await turn()
  // Two groups may be on their way.
  const behind = accept(newMessage({ id: 'msg_behind' }), 'sealed')
  await turn()
  const given = accept(newMessage({ id: 'msg_given_up' }), 'sealed', { late: late.signal })
  const kept = accept(newMessage({ id: 'msg_kept' }), 'sealed')
  const isGivenUp = expect(given).rejects.toThrow('given up before it was asked')
  await turn()
  late.abort()
  await server.thaw()
  await isGivenUp
  await behind
  await kept
  await onItsWay
  expect(await store.read('msg_kept')).toBeDefined()
  expect(await store.read('msg_given_up')).toBeUndefined()
  // What was on its way is there: whoever gave it up takes it back behind it, on the same connection.
  expect(await store.read('msg_on_its_way')).toBeDefined()
})
