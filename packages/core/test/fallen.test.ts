import { createFallen, createMessageStore, MOST_REVEALS, type Message } from '@relais/core'
import { describe, expect, it } from 'vitest'
import { encryptionKeys, newMessage } from './message-fixture.ts'
import { redisFixture } from './redis-fixture.ts'

const DAY_MS = 86_400_000

function setup() {
  const { redis, keys } = redisFixture()
  const clock = { aheadMs: 0 }
  const now = () => Date.now() + clock.aheadMs
  const store = createMessageStore({ redis, keys, encryptionKeys, now })
  const fallen = createFallen({ redis, keys })
  let made = 0

  /** A message that fell back, and whose code can still be read. */
  async function fallBack(over: Partial<Message> = {}): Promise<string> {
    const message = newMessage({ id: `msg_${(made += 1)}`, acceptedAt: now(), ...over })
    await store.create(message, `sealed ${message.id}`)
    await store.decideFallback(message.id, { reason: 'undelivered', detail: 'why' })
    expect((await store.move(message.id, { to: 'fallback', keepsContent: true })).moved).toBe(true)
    return message.id
  }
  return { redis, keys, clock, store, fallen, fallBack }
}

describe('the list of messages that fell back', () => {
  it('has each with its moment, the latest first, and goes on where it stopped', async () => {
    const { fallen, fallBack, clock, store } = setup()
    const ids: string[] = []
    for (let i = 0; i < 5; i += 1) {
      clock.aheadMs = i * 1000
      ids.unshift(await fallBack())
    }
    const first = await fallen.list(undefined, 2)
    expect(first.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    expect(first[0]?.at).toBe((await store.read(ids[0] ?? ''))?.timeline.at(-1)?.at)
    expect((await fallen.list(ids[1], 2)).map(({ id }) => id)).toEqual(ids.slice(2, 4))
    expect((await fallen.list(ids[3], 2)).map(({ id }) => id)).toEqual(ids.slice(4))
    expect(await fallen.list(ids[4], 2)).toEqual([])
    expect(await fallen.list('msg_unknown', 2)).toEqual([])
  })

  it('neither repeats nor leaves out those of one moment, nor is put off by new ones', async () => {
    const { redis, keys, fallen, fallBack } = setup()
    const ids = await Promise.all(Array.from({ length: 9 }, () => fallBack()))
    for (const id of ids) await redis.zadd(keys.fallen(), 1_700_000_000_000, id)
    const seen: string[] = []
    for (
      let page = await fallen.list(undefined, 2);
      page.length > 0;
      page = await fallen.list(seen.at(-1), 2)
    ) {
      seen.push(...page.map(({ id }) => id))
      await redis.zadd(keys.fallen(), Date.now(), `msg_new_${seen.length}`)
    }
    expect(seen.toSorted()).toEqual(ids.toSorted())
  })

  it('has nobody who ended otherwise, and each once', async () => {
    const { fallen, fallBack, store } = setup()
    const id = await fallBack()
    expect((await store.move(id, { to: 'fallback' })).moved).toBe(false)
    await store.move(id, { to: 'delivered' })
    expect(await fallen.list(undefined, 10)).toHaveLength(1)
  })

  it('has none of a test key: nobody waits for those, and there may be any number', async () => {
    const { fallen, fallBack } = setup()
    await fallBack({ isTest: true })
    expect(await fallen.list(undefined, 10)).toEqual([])
  })

  it('forgets what is older than a day, and itself when nothing comes any more', async () => {
    const { redis, keys, fallen, fallBack, clock } = setup()
    clock.aheadMs = -DAY_MS - 1000
    await redis.zadd(keys.fallen(), Date.now() + clock.aheadMs, 'msg_old')
    clock.aheadMs = 0
    const id = await fallBack()
    expect((await fallen.list(undefined, 10)).map((each) => each.id)).toEqual([id])
    const ttl = await redis.pttl(keys.fallen())
    expect(ttl).toBeGreaterThan(DAY_MS - 60_000)
    expect(ttl).toBeLessThanOrEqual(DAY_MS)
  })

  it('holds ten thousand at most, the latest', async () => {
    const { redis, keys, fallen, fallBack } = setup()
    const at = Date.now() - 60_000
    const crowd = Array.from({ length: 10_050 }, (_, i) => [String(at + i), `msg_crowd_${i}`]).flat()
    await redis.zadd(keys.fallen(), ...crowd)
    const id = await fallBack()
    expect(await redis.zcard(keys.fallen())).toBe(10_000)
    expect((await fallen.list(undefined, 1))[0]?.id).toBe(id)
  })
})

describe('the right to read a code', () => {
  it('is given once, with the code as it is sealed, and is noted in the record', async () => {
    const { fallen, fallBack, store } = setup()
    const id = await fallBack()
    const granted = await fallen.grant(id, 'awa')
    expect(granted).toMatchObject({ kind: 'granted', sealed: `sealed ${id}` })
    const at = granted.kind === 'granted' ? granted.at : undefined
    expect(await store.read(id)).toMatchObject({ status: 'fallback', revealedAt: at, revealedBy: 'awa' })
    expect(await fallen.grant(id, 'awa')).toEqual({ kind: 'revealed', at, by: 'awa' })
    expect(await fallen.grant(id, 'moussa')).toEqual({ kind: 'revealed', at, by: 'awa' })
  })

  it('of many who ask at the same moment one gets', async () => {
    const { fallen, fallBack } = setup()
    const id = await fallBack()
    const operators = Array.from({ length: 20 }, (_, i) => `operator-${i}`)
    const grants = await Promise.all(operators.map((operator) => fallen.grant(id, operator)))
    expect(grants.filter(({ kind }) => kind === 'granted')).toHaveLength(1)
    expect(grants.filter(({ kind }) => kind === 'revealed')).toHaveLength(19)
  })

  it('is not given after the deadline, by the clock of Redis, even if the content were still there', async () => {
    const { redis, keys, fallen, fallBack } = setup()
    const id = await fallBack()
    await redis.persist(keys.content(id))
    await redis.hset(keys.message(id), 'expiresAt', Date.now() - 1)
    expect(await fallen.grant(id, 'awa')).toEqual({ kind: 'expired' })
  })

  it('is not given for what is no message, or did not fall back', async () => {
    const { redis, keys, fallen, fallBack } = setup()
    expect(await fallen.grant('msg_unknown', 'awa')).toEqual({ kind: 'none' })
    const id = await fallBack()
    for (const status of ['queued', 'sent', 'delivered', 'canceled', 'used', 'expired']) {
      await redis.hset(keys.message(id), 'status', status)
      expect(await fallen.grant(id, 'awa')).toEqual({ kind: 'none' })
    }
  })

  it('ends when the code is used, and is not there without a code', async () => {
    const { redis, keys, fallen, fallBack, store } = setup()
    const [used, gone] = [await fallBack(), await fallBack()]
    const noted = await store.noteUsed(used, 'the code was used')
    expect(await fallen.grant(used, 'awa')).toEqual({ kind: 'used', at: noted.message?.usedAt })
    await redis.del(keys.content(gone))
    expect(await fallen.grant(gone, 'awa')).toEqual({ kind: 'unavailable' })
    expect(await store.read(gone)).not.toHaveProperty('revealedAt')
  })

  it(`is given ${MOST_REVEALS} times a minute to one operator, and to others all the same`, async () => {
    const { redis, keys, fallen, fallBack } = setup()
    const ids = await Promise.all(Array.from({ length: MOST_REVEALS + 5 }, () => fallBack()))
    const grants = await Promise.all(ids.map((id) => fallen.grant(id, 'awa')))
    expect(grants.filter(({ kind }) => kind === 'granted')).toHaveLength(MOST_REVEALS)
    const refused = ids.filter((_id, index) => grants[index]?.kind === 'limited')
    expect(refused).toHaveLength(5)
    const again = await fallen.grant(refused[0] ?? '', 'awa')
    if (again.kind !== 'limited') throw new Error(`not limited but ${again.kind}`)
    expect(again.waitMs).toBeGreaterThan(0)
    expect(again.waitMs).toBeLessThanOrEqual(60_000)
    expect((await fallen.grant(refused[1] ?? '', 'moussa')).kind).toBe('granted')

    // The minute of the first is over.
    const [oldest = ''] = await redis.zrange(keys.reveals('awa'), '0', '0')
    await redis.zadd(keys.reveals('awa'), Date.now() - 60_001, oldest)
    expect((await fallen.grant(refused[0] ?? '', 'awa')).kind).toBe('granted')
    expect(await redis.pttl(keys.reveals('awa'))).toBeGreaterThan(0)
  })

  it('that led to nothing is taken back, and another may have it; but not one that is not that', async () => {
    const { redis, keys, fallen, fallBack, store } = setup()
    const id = await fallBack()
    const first = await fallen.grant(id, 'awa')
    if (first.kind !== 'granted') throw new Error('not granted')
    await fallen.takeBack(id, 'moussa', first.at)
    await fallen.takeBack(id, 'awa', first.at - 1)
    expect(await store.read(id)).toMatchObject({ revealedBy: 'awa' })
    await fallen.takeBack(id, 'awa', first.at)
    expect(await store.read(id)).not.toHaveProperty('revealedBy')
    expect(await redis.zcard(keys.reveals('awa'))).toBe(0)
    expect((await fallen.grant(id, 'moussa')).kind).toBe('granted')
  })
})
