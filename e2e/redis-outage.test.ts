import { eventually, freePort, startRedis } from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, it, type TestContext } from 'vitest'
import { startSystem, type System } from './system.ts'

const refused = { to: '+221771234599', type: 'otp', code: '482913' }

async function expectUnavailable({ expect }: TestContext, system: System): Promise<void> {
  const post = async () => {
    const startedAt = performance.now()
    return { answer: await system.post(refused), tookMs: performance.now() - startedAt }
  }
  // The API's own limit is 700 ms. Others may have the processor just then, so it may show a little later that it is kept.
  const { answer } = await eventually(post, ({ tookMs }) => tookMs < 1000, {
    what: 'an answer within a second',
  })
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBe('1')
  expect(answer.headers.get('content-type')).toContain('application/problem+json')
  expect(await answer.json()).toMatchObject({ code: 'queue_unavailable', status: 503 })
  expect((await fetch(`${system.apiUrl}/readyz`)).status).toBe(503)
  expect((await fetch(`${system.apiUrl}/livez`)).status).toBe(200)
}

async function expectRecovery(system: System): Promise<void> {
  await eventually(
    async () => (await fetch(`${system.apiUrl}/readyz`)).status,
    (status) => status === 200,
  )
  const id = await system.send('+221771234567', '1234')
  await system.reaches(id, ['delivered'], 30_000)
}

describe.concurrent('while Redis cannot take a message', { timeout: 90_000 }, () => {
  it('the API says 503 within a second, and comes back by itself: down at start, frozen, killed', async (t) => {
    const port = await freePort()
    const system = await startSystem(t, { redisUrl: `redis://127.0.0.1:${port}` })
    await expectUnavailable(t, system)
    const redis = await startRedis({ port })
    t.onTestFinished(() => redis.stop())
    await expectRecovery(system)

    await redis.freeze()
    await expectUnavailable(t, system)
    await redis.thaw()
    await expectRecovery(system)

    await redis.kill()
    await expectUnavailable(t, system)
    await redis.restart()
    await expectRecovery(system)

    // Three messages went out after the three refusals, so these would have too.
    t.expect(system.simulator.messages().map(({ to }) => to)).not.toContain(refused.to)
  })

  it('because it fills up: the app that floods waits first, then all do, and all is well when there is room', async (t) => {
    const redis = await startRedis({ args: ['--maxmemory', '4mb'] })
    t.onTestFinished(() => redis.stop())
    const system = await startSystem(t, { redisUrl: redis.url, workers: 0 })
    const admin = new Redis(redis.url)
    t.onTestFinished(() => admin.disconnect())
    const message = { to: '+221771234567', type: 'text', text: 'x'.repeat(4000) }
    const answers = new Set<number>()
    const flooded = await eventually(
      async () => {
        const answer = await system.post(message)
        answers.add(answer.status)
        return answer
      },
      ({ status }) => status !== 202,
      { everyMs: 1, timeoutMs: 60_000 },
    )
    t.expect([...answers]).toEqual([202, 429])
    t.expect(await flooded.json()).toMatchObject({ code: 'app_limited' })
    t.expect((await system.post(message, 'shop')).status).toBe(202)

    const statusOf = async () => (await system.post(message, 'shop')).status
    await admin.config('SET', 'maxmemory', '3mb')
    await eventually(statusOf, (status) => status === 503, { timeoutMs: 60_000 })
    await admin.config('SET', 'maxmemory', '100mb')
    await eventually(statusOf, (status) => status === 202)
    await eventually(
      async () => (await system.post(message)).status,
      (status) => status === 202,
    )
  })
})
