import { Cluster, Redis } from 'ioredis'
import { describe, it, type TestContext } from 'vitest'
import { eventually, startCluster, startReplicas, type RedisServer } from '@relais/testing'

describe.concurrent('servers that take over from one another', () => {
  it('a replica is promoted when its primary dies, and the old one follows it when it is back', async (t) => {
    const replicas = await startReplicas()
    t.onTestFinished(() => replicas.stop())
    const old = await replicas.primary()
    await connect(t, old).set('before', '1')
    await replicas.inStep()
    await old.kill()
    const next = await replicas.promoted(old)
    t.expect(next.port).not.toBe(old.port)
    t.expect(await connect(t, next).get('before')).toBe('1')

    await connect(t, next).set('after', '1')
    await old.restart()
    await eventually(
      () => connect(t, old).get('after'),
      (value) => value === '1',
      { timeoutMs: 30_000, everyMs: 100 },
    )
    await t.expect(connect(t, old).set('elsewhere', '1')).rejects.toThrow('READONLY')
  })

  it('what a lagging replica has not got is lost with its primary', async (t) => {
    const replicas = await startReplicas()
    t.onTestFinished(() => replicas.stop())
    const old = await replicas.primary()
    const client = connect(t, old)
    await client.set('early', '1')
    await replicas.lag(60_000)
    await client.set('late', '1')
    await old.kill()
    const next = connect(t, await replicas.promoted(old))
    t.expect(await next.mget('early', 'late')).toEqual(['1', null])
  })

  it('the replica of a slot is promoted when its primary dies, and nothing else of the cluster stops', async (t) => {
    const cluster = await startCluster('mine')
    t.onTestFinished(() => cluster.stop())
    const [host, port] = cluster.nodes.split(',')[0]?.split(':') ?? []
    const client = new Cluster([{ host: host ?? '', port: Number(port) }])
    client.on('error', () => {})
    t.onTestFinished(() => client.disconnect())
    await client.set('{mine}:before', '1')
    const old = await cluster.primary()
    t.expect(await connect(t, old).get('{mine}:before')).toBe('1')
    await eventually(
      () => connect(t, old).wait(1, 1000),
      (copies) => copies === 1,
    )
    await old.kill()
    const next = await cluster.promoted(old)
    t.expect(next.port).not.toBe(old.port)
    t.expect(await connect(t, next).get('{mine}:before')).toBe('1')
  })
})

function connect(t: TestContext, { url }: RedisServer): Redis {
  const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 })
  client.on('error', () => {}) // the servers of these tests go away on purpose
  t.onTestFinished(() => client.disconnect())
  return client
}
