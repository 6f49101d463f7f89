import { createKeys, createTokenChanges, openRedis, type RedisTarget } from '@relais/core'
import {
  eventually,
  freePort,
  startCluster,
  startRedis,
  startReplicas,
  type RedisServer,
} from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, it, type TestContext } from 'vitest'

const addresses = (list: string) =>
  list.split(',').map((each) => ({ host: each.split(':')[0] ?? '', port: Number(each.split(':')[1]) }))

const login = { username: undefined, password: undefined }

type Servers = { primary(): Promise<RedisServer>; promoted(old: RedisServer): Promise<RedisServer> }

async function behindSentinels(t: TestContext): Promise<{ servers: Servers; target: RedisTarget }> {
  const servers = await startReplicas()
  t.onTestFinished(() => servers.stop())
  const { name } = servers
  return { servers, target: { kind: 'sentinel', sentinels: addresses(servers.sentinels), name, ...login } }
}

async function inCluster(t: TestContext): Promise<{ servers: Servers; target: RedisTarget }> {
  const servers = await startCluster('relais')
  t.onTestFinished(() => servers.stop())
  return { servers, target: { kind: 'cluster', nodes: addresses(servers.nodes), ...login } }
}

describe.concurrent('a failover', { timeout: 120_000 }, () => {
  it.for([
    ['sentinels', 'kill'],
    ['sentinels', 'freeze'],
    ['cluster', 'kill'],
    ['cluster', 'freeze'],
  ] as const)('is got over by itself: %s, %s', async ([kind, fault], t) => {
    const { servers, target } = await (kind === 'cluster' ? inCluster(t) : behindSentinels(t))
    const open = (patience: Parameters<typeof openRedis>[1]) => {
      const redis = openRedis(target, patience, () => undefined)
      t.onTestFinished(() => redis.disconnect())
      return redis
    }
    const [fast, patient] = [open({ failWithinMs: 600 }), open('patient')]
    const keys = createKeys('{relais}')
    const changes = createTokenChanges({ redis: fast, keys, senderId: '1', onError: () => undefined })
    t.onTestFinished(() => changes.close())
    let heard = 0
    changes.listen(() => (heard += 1))
    const tells = async () => {
      const before = heard
      await eventually(
        async () => {
          await patient.publish(keys.tokenChanges('1'), 'changed')
          return heard
        },
        (now) => now > before,
      )
    }
    // A pipeline goes where its key is, and what has no key goes along: the write has reached the replica.
    await eventually(
      () => fast.pipeline().set('{relais}:early', '1').wait(1, 1000).exec().catch(String),
      (answers) => JSON.stringify(answers) === '[[null,"OK"],[null,1]]',
    )
    await tells()

    const old = await servers.primary()
    await old[fault]()
    // Asked while there is no primary.
    const waits = patient.set('{relais}:patient', '1')
    await t.expect(fast.set('{relais}:fast', 'refused')).rejects.toThrow()
    await servers.promoted(old)
    t.expect(await waits).toBe('OK')
    await eventually(
      () => fast.set('{relais}:fast', 'accepted').catch(String),
      (answer) => answer === 'OK',
      { timeoutMs: 30_000 },
    )
    await tells()

    // Back, the old one has no say, and nobody has stayed with it.
    await (fault === 'kill' ? old.restart() : old.thaw())
    await patient.set('{relais}:late', '1')
    t.expect(await fast.mget('{relais}:early', '{relais}:patient', '{relais}:fast', '{relais}:late')).toEqual(
      ['1', '1', 'accepted', '1'],
    )
  })
})

describe('a cluster', () => {
  it('may be down at the start, and as a whole later', async ({ expect, onTestFinished }) => {
    const port = await portWithBus()
    const target: RedisTarget = { kind: 'cluster', nodes: [{ host: '127.0.0.1', port }], ...login }
    const fast = openRedis(target, { failWithinMs: 600 }, () => undefined)
    const patient = openRedis(target, 'patient', () => undefined)
    onTestFinished(() => [fast, patient].forEach((redis) => redis.disconnect()))
    const early = patient.set('{relais}:early', '1')
    await expect(fast.set('{relais}:refused', '1')).rejects.toThrow()

    // Alone it does not know its own address.
    const server = await startRedis({
      port,
      persistent: true,
      args: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'],
    })
    onTestFinished(() => server.stop())
    const admin = new Redis(server.url)
    await admin.cluster('ADDSLOTS', ...Array.from({ length: 16_384 }, (_, slot) => slot))
    admin.disconnect()
    expect(await early).toBe('OK')
    const accepts = () =>
      eventually(
        () => fast.set('{relais}:fast', '1').catch(String),
        (answer) => answer === 'OK',
      )
    await accepts()

    await server.kill()
    const late = patient.set('{relais}:late', '1')
    await expect(fast.set('{relais}:refused', '1')).rejects.toThrow()
    await server.restart()
    expect(await late).toBe('OK')
    await accepts()
    expect(await fast.mget('{relais}:early', '{relais}:late', '{relais}:refused')).toEqual(['1', '1', null])
  })
})

/** The nodes of a cluster talk 10,000 ports above. */
async function portWithBus(): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (port + 10_000 <= 65_535) return port
  }
}
