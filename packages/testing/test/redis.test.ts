import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { eventually, sharedRedisUrl, startRedis, uniquePrefix } from '@relais/testing'

test('the shared Redis answers, and two prefixes never meet', async () => {
  const client = connect(sharedRedisUrl())
  const [one, other] = [uniquePrefix('keys'), uniquePrefix('keys')]
  await client.set(`${one}:name`, 'Awa', 'EX', 10)
  expect(await client.get(`${one}:name`)).toBe('Awa')
  expect(await client.get(`${other}:name`)).toBeNull()
})

test('a persistent server that is killed comes back on its port with all it acknowledged', async () => {
  const redis = await startRedis({ persistent: true })
  onTestFinished(() => redis.stop())
  const client = connect(redis.url)
  await client.set('code', '000123')
  await redis.kill()
  await redis.restart()
  expect(await client.get('code')).toBe('000123')
})

test('a server in memory forgets when it restarts', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const client = connect(redis.url)
  await client.set('code', '000123')
  await redis.restart()
  expect(await client.get('code')).toBeNull()
})

test('a frozen server answers nothing until it is thawed', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const client = new Redis(redis.url, { commandTimeout: 100 })
  onTestFinished(() => client.disconnect())
  await client.ping()
  await redis.freeze()
  await expect(client.ping()).rejects.toThrow('timed out')
  await redis.thaw()
  const answer = await eventually(
    () => client.ping().catch(() => 'none yet'),
    (text) => text === 'PONG',
  )
  expect(answer).toBe('PONG')
})

test('a stopped server refuses connections, and stopping it again is harmless', async () => {
  const redis = await startRedis()
  await redis.stop()
  await redis.stop()
  const client = new Redis(redis.url, { lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => {})
  await expect(client.connect()).rejects.toThrow()
})

function connect(url: string): Redis {
  const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 })
  client.on('error', () => {}) // the servers of these tests go away on purpose
  onTestFinished(() => client.disconnect())
  return client
}
