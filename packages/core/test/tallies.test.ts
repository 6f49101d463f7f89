import { createTallies, type Minute } from '@relais/core'
import { expect, it } from 'vitest'
import { redisFixture } from './redis-fixture.ts'

const MINUTE_MS = 60_000
const START = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS

function setup() {
  const { redis, keys } = redisFixture()
  let at = START
  const open = () => createTallies({ redis, keys, now: () => at })
  return { redis, keys, open, pass: (ms: number) => (at += ms) }
}

const told = (hour: readonly Minute[]) =>
  hour.flatMap(({ at, counts }) =>
    [...counts].map(([name, count]) => [(at - START) / MINUTE_MS, name, count]),
  )

it('what several processes count is added up, by the minute', async () => {
  const { open, pass } = setup()
  const [one, other] = [open(), open()]
  one.add('sent')
  one.add('sent', 2)
  other.add('sent')
  pass(MINUTE_MS)
  other.add('delivered')
  await Promise.all([one.flush(), other.flush()])
  expect(told(await one.lastHour())).toEqual([
    [0, 'sent', 4],
    [1, 'delivered', 1],
  ])
})

it('an hour has sixty-one minutes, the last of which has begun, and goes on', async () => {
  const { open, pass } = setup()
  const tallies = open()
  tallies.add('sent')
  await tallies.flush()
  const hour = await tallies.lastHour()
  expect(hour).toHaveLength(61)
  expect(hour.at(-1)?.at).toBe(START)
  pass(60 * MINUTE_MS)
  expect(told(await tallies.lastHour())).toEqual([[0, 'sent', 1]])
  pass(MINUTE_MS)
  expect(told(await tallies.lastHour())).toEqual([])
})

it('minutes that are over are not read again, and go from Redis', async () => {
  const { open, pass, redis, keys } = setup()
  const tallies = open()
  tallies.add('sent')
  await tallies.flush()
  const key = keys.minute(START / MINUTE_MS)
  const livesMs = await redis.pttl(key)
  expect(livesMs).toBeGreaterThan(60 * MINUTE_MS)
  expect(livesMs).toBeLessThanOrEqual(63 * MINUTE_MS)
  pass(5 * MINUTE_MS)
  expect(told(await tallies.lastHour())).toEqual([[0, 'sent', 1]])
  await redis.hset(key, 'sent', 99)
  expect(told(await tallies.lastHour())).toEqual([[0, 'sent', 1]])
})

it('what Redis does not take goes with the next', async () => {
  const { open, redis, keys } = setup()
  const tallies = open()
  const key = keys.minute(START / MINUTE_MS)
  await redis.set(key, 'something else')
  tallies.add('sent')
  await expect(tallies.flush()).rejects.toThrow('WRONGTYPE')
  await redis.del(key)
  tallies.add('sent')
  await tallies.flush()
  expect(told(await tallies.lastHour())).toEqual([[0, 'sent', 2]])
})

it('names beyond two hundred a minute are counted together', async () => {
  const { open } = setup()
  const tallies = open()
  for (let i = 0; i < 300; i += 1) tallies.add(`error:${i}`)
  await tallies.flush()
  const counts = (await tallies.lastHour()).at(-1)?.counts
  expect(counts?.size).toBe(201)
  expect(counts?.get('other')).toBe(100)
})
