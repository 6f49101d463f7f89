/** A process that is asked to stop: what it has in hand, and how long it takes. `stop` fails when it takes over ten seconds. */
import { once } from 'node:events'
import http from 'node:http'
import { connect } from 'node:net'
import { createKeys } from '@relais/core'
import { eventually, startRedis, type NodeProcess } from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, it, type TestContext } from 'vitest'
import { isUp, recipients, sendsOf, startSystem, takenBy, type System } from './system.ts'

/** Longer than any stop takes. */
const PATIENT = { SEND_TIMEOUT_MS: '30000' }

function redisOf(t: TestContext, system: System): Redis {
  const redis = new Redis(system.env.REDIS_URL)
  t.onTestFinished(() => redis.disconnect())
  return redis
}

/** Waits until Meta has so many sends of these messages. */
const sent = (system: System, ids: string[], count = ids.length) =>
  eventually(
    () => ids.flatMap((id) => sendsOf(system.simulator, id)),
    ({ length }) => length >= count,
    { timeoutMs: 30_000, what: `${count} sends` },
  )

describe.concurrent('a worker that is asked to stop', { timeout: 90_000 }, () => {
  it('gives up the calls that Meta does not answer, and notes them itself', async (t) => {
    const { expect } = t
    const system = await startSystem(t, { env: PATIENT })
    const [lostTo, slowTo] = ['+221771234501', '+221771234502']
    system.simulator.injectFaults([
      { to: lostTo, kind: 'stall', ms: 60_000, accepted: false },
      { to: slowTo, kind: 'stall', ms: 2000, accepted: true },
    ])
    const [lost, slow] = [await system.send(lostTo, '1111'), await system.send(slowTo, '2222')]
    await sent(system, [lost, slow])
    expect(await system.workers[0]?.stop()).toBe(0)
    // Nobody else has looked at them.
    const { status, timeline } = await system.message(lost)
    expect(status).toBe('uncertain')
    expect(timeline.at(-1)?.detail).toContain('this process was stopped')
    expect((await system.message(slow)).status).toMatch(/sent|delivered/)

    await isUp(system.startApp('worker'))
    for (const id of [lost, slow]) await system.reaches(id, ['delivered'], 60_000)
    expect([lost, slow].map((id) => sendsOf(system.simulator, id).length)).toEqual([2, 1])
    for (const id of [lost, slow]) expect(takenBy(system.simulator, id)).toHaveLength(1)
  })

  it.for([
    { what: 'a slot', env: { SEND_RATE_PER_SECOND: '2' } },
    { what: 'a token', env: { WHATSAPP_ACCESS_TOKEN: '' } },
  ])('gives messages that wait for $what back at once', async ({ env }, t) => {
    const { expect } = t
    const system = await startSystem(t, { env })
    const redis = redisOf(t, system)
    const active = `${system.env.QUEUE_PREFIX}:messages:active`
    const ids = await Promise.all(recipients(12).map((to) => system.send(to, '482913')))
    await eventually(
      () => redis.llen(active),
      (count) => count >= 5,
      { everyMs: 5, what: 'messages in the hands of the worker' },
    )
    expect(await system.workers[0]?.stop()).toBe(0)
    expect(await redis.llen(active)).toBe(0)
    const statuses = await Promise.all(ids.map(async (id) => (await system.message(id)).status))
    expect(statuses).not.toContain('sending')
    expect(statuses).not.toContain('uncertain')
    expect(statuses).toContain('queued')

    system.startApp('worker', {
      SEND_RATE_PER_SECOND: '0',
      WHATSAPP_ACCESS_TOKEN: system.secrets.accessToken,
    })
    for (const id of ids) {
      expect(await system.reaches(id, ['delivered'], 60_000)).toMatchObject({ attempts: 1 })
      expect(sendsOf(system.simulator, id)).toHaveLength(1)
    }
  })
})

describe.concurrent('a renewal under way', { timeout: 90_000 }, () => {
  const RENEWING = { ...PATIENT, TOKEN_RENEW_CHECK_SECONDS: '1', TOKEN_RENEW_BEFORE_SECONDS: '3599' }
  const renewing = async (t: TestContext, name: 'api' | 'worker', stallMs: number) => {
    const system = await startSystem(t, { workers: 0, env: { METRICS_PORT: '0' } })
    const accessToken = system.simulator.issueToken({ lifeSeconds: 3600 })
    await system.operate('POST', '/api/wallet/update-whatsapp-token', { accessToken })
    system.simulator.injectFaults([{ kind: 'stall', ms: stallMs, accepted: true, on: 'exchange' }])
    const app = system.startApp(name, { ...RENEWING, PORT: '0' })
    await eventually(
      () => system.simulator.calls(),
      (calls) => calls.some(({ kind, fault }) => kind === 'exchange' && fault === 'stall'),
      { timeoutMs: 30_000, what: 'a stalled exchange' },
    )
    await isUp(app)
    const lease = createKeys(system.env.QUEUE_PREFIX).renewalLease(system.env.WHATSAPP_PHONE_NUMBER_ID)
    return { system, app, lease, redis: redisOf(t, system) }
  }

  it.for(['api', 'worker'] as const)('is finished by the %s when Meta answers in time', async (name, t) => {
    const { app, system, lease, redis } = await renewing(t, name, 2000)
    t.expect(await redis.exists(lease)).toBe(1)
    t.expect(await app.stop()).toBe(0)
    t.expect(await redis.exists(lease)).toBe(0)
    t.expect(app.jsonLines().map(({ event }) => event)).toContain('token.renewed')
    const { body } = await system.operate('GET', '/api/wallet/whatsapp-status')
    t.expect(body).toMatchObject({ token: { source: 'renewed', state: 'valid' } })
  })

  it.for(['api', 'worker'] as const)(
    'is given up by the %s when it does not, and the lease freed',
    async (name, t) => {
      const { app, system, lease, redis } = await renewing(t, name, 60_000)
      t.expect(await redis.exists(lease)).toBe(1)
      t.expect(await app.stop()).toBe(0)
      t.expect(await redis.exists(lease)).toBe(0)
      // Another can renew now.
      t.expect(await system.operate('POST', '/api/wallet/refresh-whatsapp-token')).toMatchObject({
        statusCode: 200,
      })
    },
  )
})

describe.concurrent('a stop', { timeout: 90_000 }, () => {
  it.for(['frozen', 'gone'] as const)('ends in time though Redis is %s', async (how, t) => {
    const redis = await startRedis()
    t.onTestFinished(() => redis.stop())
    const system = await startSystem(t, { redisUrl: redis.url, env: PATIENT })
    system.simulator.injectFaults([{ kind: 'stall', ms: 60_000, accepted: true }])
    const id = await system.send('+221771234567', '482913')
    await sent(system, [id])
    await (how === 'frozen' ? redis.freeze() : redis.kill())
    const [worker] = system.workers
    const codes = await Promise.all([worker?.stop(), system.api.stop()])
    t.expect(codes[0]).toBe(1)
    t.expect(system.events('worker.left_open')).toHaveLength(1)

    await (how === 'frozen' ? redis.thaw() : undefined)
  })

  it.for(['SIGTERM', 'SIGINT'] as const)('is cut short by a second %s', async (signal, t) => {
    const system = await startSystem(t, { env: PATIENT })
    system.simulator.injectFaults([
      { kind: 'stall', ms: 60_000, accepted: true },
      { kind: 'stall', ms: 60_000, accepted: true, on: 'exchange' },
    ])
    await sent(system, [await system.send('+221771234567', '482913')])
    const refresh = system.operate('POST', '/api/wallet/refresh-whatsapp-token').catch(() => 'cut')
    await eventually(
      () => system.simulator.calls(),
      (calls) => calls.some(({ kind, fault }) => kind === 'exchange' && fault === 'stall'),
    )
    const [worker] = system.workers
    const apps: NodeProcess[] = [system.api, ...(worker ? [worker] : [])]
    for (const app of apps) {
      process.kill(app.pid, 'SIGTERM')
      await app.waitForLine((line) => line.includes('.stopping"'))
      t.expect(await app.stop(signal)).toBe(1)
      t.expect(app.lines().join('\n')).not.toContain('left_open')
    }
    t.expect(await refresh).toBe('cut')
  })
})

describe('an API that is asked to stop', { timeout: 90_000 }, () => {
  it('serves what still comes in, says that it stops, and finishes what it has begun', async (t) => {
    const { expect } = t
    const system = await startSystem(t, { workers: 0, env: PATIENT })
    const { port } = new URL(system.apiUrl)
    const ask = createClient(t, Number(port), system.secrets)

    system.simulator.injectFaults([{ kind: 'stall', ms: 3000, accepted: true, on: 'exchange' }])
    const refresh = ask('POST', '/api/wallet/refresh-whatsapp-token', { key: 'opsKey' })
    await eventually(
      () => system.simulator.calls(),
      (calls) => calls.some(({ kind, fault }) => kind === 'exchange' && fault === 'stall'),
    )
    // Neither a connection that was used nor one that never was holds it up.
    await ask('GET', '/livez')
    const unused = connect(Number(port), '127.0.0.1')
    await once(unused, 'connect')
    const closed = once(unused, 'close')

    const body = { to: '+221771234567', type: 'otp', code: '482913' }
    const posts = untilRefused(() => ask('POST', '/api/messages', { key: 'apiKey', body }))
    const probes = untilRefused(() => ask('GET', '/readyz'))
    expect((await ask('POST', '/api/messages', { key: 'apiKey', body })).connection).toBe('keep-alive')
    const stopped = system.api.stop()

    const accepted = await posts
    expect(new Set(accepted.map(({ statusCode }) => statusCode))).toEqual(new Set([202]))
    expect(accepted.at(-1)?.connection).toBe('close')
    const readiness = (await probes).map(({ statusCode }) => statusCode)
    expect(readiness.at(0)).toBe(200)
    expect(readiness.at(-1)).toBe(503)
    // Once it says that it stops it does not change its mind.
    expect(readiness.slice(readiness.indexOf(503))).not.toContain(200)
    expect(await refresh).toMatchObject({ statusCode: 200, connection: 'close' })
    expect(await stopped).toBe(0)
    await closed
  })
})

type Answer = { statusCode: number; connection: string | undefined }

/** A client that keeps its connections, as those of apps do. */
function createClient(t: TestContext, port: number, keys: { apiKey: string; opsKey: string }) {
  const agent = new http.Agent({ keepAlive: true })
  t.onTestFinished(() => agent.destroy())
  return (
    method: string,
    path: string,
    { key, body }: { key?: 'apiKey' | 'opsKey'; body?: object } = {},
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = {
        ...(key && { authorization: `Bearer ${keys[key]}` }),
        ...(body && { 'content-type': 'application/json' }),
      }
      const request = http.request({ agent, host: '127.0.0.1', port, method, path, headers }, (response) => {
        response.resume().on('end', () => {
          resolve({ statusCode: response.statusCode ?? 0, connection: response.headers.connection })
        })
      })
      request.on('error', reject)
      request.end(body && JSON.stringify(body))
    })
}

/** One after another until nobody takes the connection. */
async function untilRefused(ask: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = []
  for (;;) {
    try {
      answers.push(await ask())
    } catch (error) {
      const { code } = error as { code?: string }
      if (code === 'ECONNREFUSED' || code === 'ECONNRESET') return answers
      throw error
    }
  }
}
