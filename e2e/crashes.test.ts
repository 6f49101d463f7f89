import { eventually, openRedisLink, sharedRedisUrl, startRedis, type CommandMatch } from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, it } from 'vitest'
import { claims } from './commands.ts'
import { openLook } from './look.ts'
import { isUp, recipients, sendsOf, startSystem, takenBy } from './system.ts'

describe.concurrent('a message whose answer was lost', { timeout: 90_000 }, () => {
  it('with ON_UNCERTAIN=fallback goes to the operators, never out again', async (t) => {
    const { expect } = t
    const system = await startSystem(t, { env: { ON_UNCERTAIN: 'fallback', FALLBACK_CODES: 'masked' } })
    system.simulator.injectFaults([{ kind: 'reset', accepted: false }])
    const id = await system.send('+221771234567', '482913')
    expect(await system.reaches(id, ['fallback'], 30_000)).toMatchObject({ reason: 'outcome_unknown' })
    expect(sendsOf(system.simulator, id)).toHaveLength(1)
    expect(await system.fallbackRecord(id)).not.toHaveProperty('code')
    expect(system.output().join('\n')).not.toContain('482913')

    // Asked to stop in the middle of a send, the worker finishes it first.
    system.simulator.injectFaults([{ kind: 'stall', ms: 1000, accepted: true }])
    const last = await system.send('+221771234568', '482913')
    await eventually(
      () => sendsOf(system.simulator, last),
      ({ length }) => length === 1,
    )
    expect(await system.workers[0]?.stop('SIGTERM')).toBe(0)
    expect((await system.message(last)).status).not.toBe('sending')
  })
})

describe.concurrent('what was accepted', { timeout: 90_000 }, () => {
  it('is sent after everything was stopped and Redis killed, and goes on when Redis dies alone', async (t) => {
    const { expect } = t
    const redis = await startRedis({ persistent: true })
    t.onTestFinished(() => redis.stop())
    const system = await startSystem(t, { redisUrl: redis.url })
    expect(await system.workers[0]?.stop('SIGTERM')).toBe(0)
    const ids = await Promise.all([1, 2, 3].map((i) => system.send(`+22177123456${i}`, '482913')))
    expect(await system.api.stop('SIGINT')).toBe(0)
    await redis.kill()
    await redis.restart()
    await Promise.all([isUp(system.startApp('api')), isUp(system.startApp('worker'))])
    for (const id of ids) await system.reaches(id, ['delivered'], 30_000)
    for (const id of ids) expect(sendsOf(system.simulator, id)).toHaveLength(1)

    await redis.kill()
    await redis.restart()
    const answer = await eventually(
      () => system.post({ to: '+221771234568', type: 'otp', code: '2222' }),
      ({ status }) => status === 202,
    )
    const { id } = (await answer.json()) as { id: string }
    await system.reaches(id, ['delivered'], 30_000)

    // Emptied under running processes: they remember the token and put it back, with its schedule.
    await system.operate('POST', '/api/wallet/refresh-whatsapp-token')
    await eventually(
      () => system.operate('GET', '/api/wallet/whatsapp-status'),
      ({ body: { token } }) => (token as { source: string }).source === 'renewed',
    )
    const admin = new Redis(redis.url)
    t.onTestFinished(() => admin.disconnect())
    await admin.flushall()
    await eventually(
      async () => {
        await system.send('+221771234569', '3333')
        return admin.zcard(`${system.env.QUEUE_PREFIX}:access-token:repeat`)
      },
      (schedules) => schedules === 1,
      { everyMs: 500, timeoutMs: 30_000, what: 'the schedule of token checks' },
    )
    t.expect((await system.operate('GET', '/api/wallet/whatsapp-status')).body).toMatchObject({
      token: { source: 'renewed', version: 2, restoredFromMemoryAt: t.expect.any(String) },
    })
    t.expect(system.events('token.restored').length).toBeGreaterThan(0)
    await system.reaches(await system.send('+221771234568', '4444'), ['delivered'], 30_000)
  })
})

describe('a message with which its workers die', { timeout: 120_000 }, () => {
  it('goes to the fallback after four of them; those beside it are delivered, once', async (t) => {
    const { expect } = t
    const system = await startSystem(t, { workers: 0 })
    const look = openLook(t, system)
    const [killer = '', ...beside] = await Promise.all(
      recipients(6).map((to) => system.send(to, '482913', { ttlSeconds: 600, deliverWithinSeconds: 300 })),
    )
    const isClaimed: CommandMatch = (command) =>
      claims('queued')(command) && command.some((argument) => argument.endsWith(`:message:${killer}`))
    let deaths = 0
    for (;;) {
      const link = await openRedisLink(sharedRedisUrl())
      t.onTestFinished(() => link.close())
      let isDead = false
      void link.stopBefore(isClaimed).then(() => (isDead = true))
      const worker = system.startApp('worker', { REDIS_URL: link.url })
      const isOver = async () => (await system.message(killer)).status === 'fallback'
      await eventually(async () => isDead || isOver(), Boolean, {
        timeoutMs: 60_000,
        what: 'a death, or the end',
      })
      if (!isDead) break
      deaths += 1
      await worker.kill()
      await look.endLocks()
    }
    expect(deaths).toBe(4)
    expect(await system.message(killer)).toMatchObject({ status: 'fallback', reason: 'worker_lost' })
    expect(await system.fallbackRecord(killer)).toMatchObject({ code: '482913', reason: 'worker_lost' })
    expect(sendsOf(system.simulator, killer)).toHaveLength(0)
    for (const id of beside) {
      await system.reaches(id, ['delivered'], 60_000)
      expect(takenBy(system.simulator, id)).toHaveLength(1)
    }
  })
})
