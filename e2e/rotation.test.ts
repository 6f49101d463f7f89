/** Every secret that can be replaced is, one after the other, while messages come in: nobody notices. */
import { randomBytes } from 'node:crypto'
import { eventually, freePort, type NodeProcess } from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, it } from 'vitest'
import { startClients } from './clients.ts'
import { runTool } from './operator-tool.ts'
import { isUp, startSystem } from './system.ts'

const RATE = 20

describe('a rotation under load', { timeout: 400_000 }, () => {
  it('of encryption keys, keys of apps and the app secret fails no request, and loses nothing', async (t) => {
    const { expect } = t
    const system = await startSystem(t, { workers: 1 })
    const { secrets, env } = system
    const ports = [Number(new URL(system.apiUrl).port), await freePort()]
    const second = system.startApp('api', { PORT: String(ports[1]) })
    await isUp(second)
    let encryptionKeys = `k1:${secrets.encryptionKey}`
    let apiKey = secrets.apiKey
    const load = startClients(t, { ports, ratePerSecond: RATE, apiKey: () => apiKey })
    const apis = [system.api, second]
    const [worker] = system.workers
    let pool: NodeProcess[] = worker ? [worker] : []
    /** A second of load that was accepted. */
    const goesOn = async () => {
      const before = load.accepted()
      await eventually(load.accepted, (count) => count >= before + RATE, { timeoutMs: 30_000 })
    }
    const cli = (args: string[]) => runTool(args, { ...env, ENCRYPTION_KEYS: encryptionKeys })

    // Keys of an app: a new one is made, used at once, and the old one revoked. Those of the environment cannot be, so there are two.
    const [first, next] = [
      await cli(['keys', 'create', 'wallet', '--json']),
      await cli(['keys', 'create', 'wallet', '--json']),
    ]
    const [old, fresh] = [first, next].map(({ output }) => JSON.parse(output) as { id: string; key: string })
    if (!old || !fresh) throw new Error('no keys')
    apiKey = old.key
    await goesOn()
    apiKey = fresh.key
    await goesOn()
    expect((await cli(['keys', 'revoke', old.id])).code).toBe(0)
    const revokedAt = performance.now()
    for (const port of ports) {
      const ask = async () => {
        const headers = { authorization: `Bearer ${old.key}` }
        return (await fetch(`http://127.0.0.1:${port}/api/messages/msg_none`, { headers })).status
      }
      await eventually(ask, (status) => status === 401, { timeoutMs: 5000, what: 'a key that opens nothing' })
    }
    expect(performance.now() - revokedAt).toBeLessThan(5000)

    // The app secret: Meta signs with the new one, and for a while with the old one as well.
    const newSecret = randomBytes(16).toString('hex')
    system.simulator.changeAppSecret(newSecret)
    const updated = await system.operate('POST', '/api/wallet/update-whatsapp-token', {
      accessToken: secrets.accessToken,
      appSecret: newSecret,
    })
    expect(updated.statusCode).toBe(200)
    await goesOn()

    // Encryption keys: the new one opens everywhere, then seals, then what is old is sealed anew, then the old one goes.
    const newKey = `k2:${randomBytes(32).toString('base64')}`
    const oldKey = `k1:${secrets.encryptionKey}`
    for (const ring of [`${oldKey},${newKey}`, `${newKey},${oldKey}`]) await replaceAll(ring)
    await goesOn()
    expect((await cli(['reseal', '--json'])).code).toBe(0)
    await replaceAll(newKey)
    await goesOn()

    const { accepted, others } = await load.stop()
    expect(others).toEqual([])
    for (const id of accepted) {
      const shown = async () => {
        const headers = { authorization: `Bearer ${fresh.key}` }
        return (
          (await (await fetch(`${system.apiUrl}/api/messages/${id}`, { headers })).json()) as {
            status: string
          }
        ).status
      }
      await eventually(shown, (status) => status === 'delivered', {
        timeoutMs: 30_000,
        what: `${id} delivered`,
      })
    }
    expect(system.simulator.messages()).toHaveLength(accepted.length)
    const { output, code } = await cli(['audit', 'verify'])
    expect([code, output]).toEqual([0, expect.stringContaining('whole and unchanged') as string])
    // Nothing in Redis is sealed under the key that is gone.
    const redis = new Redis(env.REDIS_URL)
    t.onTestFinished(async () => redis.disconnect())
    const sealed = await Promise.all(
      (await redis.keys(`${env.QUEUE_PREFIX}:*`)).map(async (key) =>
        (await redis.type(key)) === 'hash' ? JSON.stringify(await redis.hgetall(key)) : '',
      ),
    )
    expect(sealed.filter((text) => text.includes('v1.k1.'))).toEqual([])

    async function replaceAll(ring: string): Promise<void> {
      encryptionKeys = ring
      for (const [i, port] of ports.entries()) {
        expect(await apis[i]?.stop()).toBe(0)
        const fresh = system.startApp('api', { PORT: String(port), ENCRYPTION_KEYS: ring })
        apis[i] = fresh
        await isUp(fresh)
      }
      const [before] = pool
      pool = [system.startApp('worker', { ENCRYPTION_KEYS: ring })]
      await Promise.all(pool.map(isUp))
      expect(await before?.stop()).toBe(0)
    }
  })
})
