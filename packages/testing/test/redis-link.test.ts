import { Redis } from 'ioredis'
import { describe, it, type TestContext } from 'vitest'
import { openRedisLink, sharedRedisUrl, uniquePrefix, type RedisCommand } from '../src/index.ts'

async function setup(t: TestContext) {
  const link = await openRedisLink(sharedRedisUrl())
  const direct = new Redis(sharedRedisUrl(), { keyPrefix: `${uniquePrefix()}:` })
  const through = new Redis(link.url, {
    keyPrefix: direct.options.keyPrefix ?? '',
    maxRetriesPerRequest: 0,
    retryStrategy: null,
  })
  through.on('error', () => undefined)
  t.onTestFinished(async () => {
    for (const redis of [through, direct]) redis.disconnect()
    await link.close()
  })
  const isSet = (name: string) => (command: RedisCommand) =>
    command[0] === 'set' && (command[1] ?? '').endsWith(`:${name}`)
  return { link, direct, through, isSet }
}

describe('a link to Redis', () => {
  it('passes whole commands on, however long they are', async (t) => {
    const { link, through, isSet } = await setup(t)
    const stopped = link.stopBefore(isSet('never'))
    const long = 'é'.repeat(300_000)
    await Promise.all([through.set('a', long), through.set('b', '1')])
    t.expect(await through.get('a')).toBe(long)
    t.expect(await Promise.race([stopped, through.get('b')])).toBe('1')
  })

  it('stops before a command: what was said before it is done, and nothing from there on', async (t) => {
    const { link, direct, through, isSet } = await setup(t)
    const stopped = link.stopBefore(isSet('b'))
    const answers = ['a', 'b', 'c'].map((name) => through.set(name, '1').catch(() => 'no answer'))
    t.expect(await stopped).toMatchObject(['set', t.expect.stringMatching(/:b$/), '1'])
    t.expect(await answers[0]).toBe('OK')
    await link.close()
    t.expect(await Promise.all(answers)).toEqual(['OK', 'no answer', 'no answer'])
    t.expect(await direct.mget('a', 'b', 'c')).toEqual(['1', null, null])
  })

  it('stops after a command: it is done, its doer does not know, and nothing follows on any connection', async (t) => {
    const { link, direct, through, isSet } = await setup(t)
    const other = through.duplicate().on('error', () => undefined)
    await other.ping()
    const stopped = link.stopAfter(isSet('b'))
    const late = through.set('b', '1').catch(() => 'no answer')
    await stopped
    const next = other.set('c', '1').catch(() => 'no answer')
    await t.expect.poll(() => direct.get('b')).toBe('1')
    await link.close()
    t.expect([await late, await next]).toEqual(['no answer', 'no answer'])
    t.expect(await direct.get('c')).toBeNull()
  })
})
