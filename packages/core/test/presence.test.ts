import { createPresence, isAlive, type ProcessFacts } from '@relais/core'
import { eventually } from '@relais/testing'
import { expect, it } from 'vitest'
import { redisFixture } from './redis-fixture.ts'

function setup() {
  const { redis, keys } = redisFixture()
  const open = (facts: ProcessFacts) => createPresence({ redis, keys, facts: () => facts })
  return { redis, keys, open }
}

it('a process is known with its name, version and start, until it says goodbye', async () => {
  const { open } = setup()
  const [api, worker] = [
    open({ name: 'api', version: '1' }),
    open({ name: 'worker', version: '2', outageSince: 5 }),
  ]
  await Promise.all([api.beat(), worker.beat()])
  const known = await api.all()
  expect(new Map(known.map(({ name, version, outageSince }) => [name, [version, outageSince]]))).toEqual(
    new Map([
      ['api', ['1', undefined]],
      ['worker', ['2', 5]],
    ]),
  )
  for (const { seenAt, startedAt, pid } of known) {
    expect(isAlive(seenAt, Date.now())).toBe(true)
    expect(startedAt).toBeLessThan(Date.now())
    expect(pid).toBe(process.pid)
  }
  await worker.close()
  expect((await api.all()).map(({ name }) => name)).toEqual(['api'])
})

it('one that falls silent is still listed, and not counted on', async () => {
  const { open, redis, keys } = setup()
  const worker = open({ name: 'worker', version: '1' })
  await worker.beat()
  const [entry] = Object.entries(await redis.hgetall(keys.processes()))
  const [id, json] = entry ?? ['', '{}']
  const silentSince = Date.now() - 20_000
  await redis.hset(
    keys.processes(),
    id,
    JSON.stringify({ ...(JSON.parse(json) as object), seenAt: silentSince }),
  )
  const [known] = await worker.all()
  expect(known && isAlive(known.seenAt, Date.now())).toBe(false)
})

it('one that has been silent for an hour is forgotten when another speaks', async () => {
  const { open, redis, keys } = setup()
  const gone = {
    name: 'worker',
    version: '1',
    host: 'x',
    pid: 1,
    startedAt: 0,
    seenAt: Date.now() - 3_601_000,
  }
  await redis.hset(keys.processes(), 'gone', JSON.stringify(gone))
  const api = open({ name: 'api', version: '1' })
  await api.beat()
  expect((await api.all()).map(({ name }) => name)).toEqual(['api'])
  expect(await redis.pttl(keys.processes())).toBeGreaterThan(0)
})

it('speaks again and again by itself', async () => {
  const { open } = setup()
  const api = open({ name: 'api', version: '1' })
  api.start((error) => {
    throw error
  })
  const [first] = await eventually(api.all, ({ length }) => length === 1)
  await eventually(api.all, ([known]) => (known?.seenAt ?? 0) > (first?.seenAt ?? Infinity))
  await api.close()
})
