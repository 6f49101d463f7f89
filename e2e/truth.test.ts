/** What really happened to a message: receipts, their absence, and what follows when it follows. */
import { eventually } from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, it } from 'vitest'
import { recipients, sendsOf, startSystem, takenBy } from './system.ts'

/** How many answers are lost in the long look: RELAIS_LOST_ANSWERS=100. */
const LOST_ANSWERS = Number(process.env['RELAIS_LOST_ANSWERS'] ?? 12)

const at = (message: { timeline: { status: string; at: string }[] }, status: string) =>
  Date.parse(message.timeline.find((entry) => entry.status === status)?.at ?? '')

describe.concurrent('the truth about delivery', { timeout: 120_000 }, () => {
  it('a lost answer is settled by a receipt that comes 800 ms later: one message at Meta, delivered', async (t) => {
    const { expect } = t
    const late = { min: 800, max: 800 }
    const system = await startSystem(t, {
      simulator: { timing: { answer: { min: 1, max: 5 }, sent: late, delivered: late } },
    })
    // Every second one: more in a row would be an outage.
    const faults = [{ kind: 'reset', accepted: true } as const, { kind: 'none' } as const]
    system.simulator.injectFaults(Array.from({ length: LOST_ANSWERS }, () => faults).flat())
    const ids = await Promise.all(recipients(2 * LOST_ANSWERS).map((to) => system.send(to, '482913')))
    let lost = 0
    for (const id of ids) {
      const message = await system.reaches(id, ['delivered', 'read', 'fallback'], 60_000)
      expect(message.status).toMatch(/delivered|read/)
      expect(message.attempts).toBe(1)
      if (message.timeline.some(({ status }) => status === 'uncertain')) lost += 1
      expect(takenBy(system.simulator, id)).toHaveLength(1)
    }
    expect(lost).toBe(LOST_ANSWERS)
    if (LOST_ANSWERS >= 100) process.stdout.write(`${lost} lost answers, ${lost} delivered once\n`)
  })

  it('a phone that is off: the fallback begins when the delivery is overdue', async (t) => {
    const { expect } = t
    const system = await startSystem(t, { env: { DELIVER_WITHIN_SECONDS: '3' } })
    const id = await system.send('+221771230001', '482913')
    const message = await system.reaches(id, ['fallback'], 30_000)
    expect(message).toMatchObject({ reason: 'undelivered', attempts: 1 })
    expect(at(message, 'fallback') - at(message, 'queued')).toBeGreaterThanOrEqual(3000)
    expect(await system.fallbackRecord(id)).toMatchObject({ code: '482913', reason: 'undelivered' })
    expect(sendsOf(system.simulator, id)).toHaveLength(1)
  })

  it('a message whose job is lost falls back all the same', async (t) => {
    const { expect } = t
    const system = await startSystem(t, { workers: 0, env: { DELIVER_WITHIN_SECONDS: '4' } })
    const id = await system.send('+221771234567', '482913')
    const redis = new Redis(system.env.REDIS_URL)
    t.onTestFinished(() => redis.disconnect())
    const jobs = await redis.keys(`${system.env.QUEUE_PREFIX}:messages:*`)
    await redis.del(jobs)
    system.startApp('worker')
    const message = await system.reaches(id, ['fallback'], 60_000)
    expect(message.timeline.map(({ status }) => status)).toEqual(['queued', 'fallback'])
    expect(await system.fallbackRecord(id)).toMatchObject({ code: '482913' })
  })

  it('a code whose deadline passes while nobody works is never sent, and gone from Redis', async (t) => {
    const { expect } = t
    const system = await startSystem(t, { workers: 0 })
    const id = await system.send('+221771234567', '482913', { ttlSeconds: 30 })
    const redis = new Redis(system.env.REDIS_URL)
    t.onTestFinished(() => redis.disconnect())
    const content = `${system.env.QUEUE_PREFIX}:content:${id}`
    const expiresAt = Date.parse((await system.message(id)).expiresAt)
    expect(await redis.pexpiretime(content)).toBe(expiresAt)
    // The deadline comes early, as Redis sees it.
    await redis.pexpire(content, 1)
    await redis.hset(`${system.env.QUEUE_PREFIX}:message:${id}`, 'expiresAt', Date.now() - 1)
    await redis.zadd(`${system.env.QUEUE_PREFIX}:timers`, Date.now(), id)
    system.startApp('worker')
    await system.reaches(id, ['expired'], 60_000)
    expect(await redis.exists(content)).toBe(0)
    expect(sendsOf(system.simulator, id)).toHaveLength(0)
  })

  it('a blocked sender: the messages behind it fall back at once, and a probe finds out when it is over', async (t) => {
    const { expect } = t
    const system = await startSystem(t)
    system.simulator.injectFaults([{ kind: 'error', code: 368, times: 1 }])
    const first = await system.send('+221771234567', '1111')
    expect(await system.reaches(first, ['fallback'])).toMatchObject({ reason: 'sender_blocked', attempts: 1 })
    const behind = await system.send('+221771234568', '2222')
    expect(await system.reaches(behind, ['fallback'])).toMatchObject({
      reason: 'sender_blocked',
      attempts: 0,
    })
    await eventually(
      async () => system.reaches(await system.send('+221771234569', '3333'), ['fallback', 'delivered']),
      ({ status }) => status === 'delivered',
      { everyMs: 500, timeoutMs: 60_000, what: 'a probe that gets through' },
    )
    expect(system.events('sender.paused')).toHaveLength(1)
    expect(system.events('sender.resumed')).toHaveLength(1)
  })
})
