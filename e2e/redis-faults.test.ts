/** A Redis that is there and does not do as it should: what the API says, and what becomes of messages that were accepted before. */
import { eventually, openLink, startRedis, type RedisServer } from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, it, type TestContext } from 'vitest'
import { recipients, startSystem, takenBy, type System } from './system.ts'

const refused = { to: '+221771234599', type: 'otp', code: '482913' }

async function ownRedis(t: TestContext, options: Parameters<typeof startRedis>[0] = {}) {
  const redis = await startRedis(options)
  t.onTestFinished(() => redis.stop())
  return redis
}

function adminOf(t: TestContext, { url }: RedisServer): Redis {
  // Without the check it hears LOADING, and does not wait until that is over.
  const admin = new Redis(url, {
    maxRetriesPerRequest: null,
    enableReadyCheck: false,
    retryStrategy: () => 100,
  })
  admin.on('error', () => undefined)
  t.onTestFinished(() => admin.disconnect())
  return admin
}

/** Waits until Redis does as the test has told it, by what it answers to one more write. */
async function answersWith(admin: Redis, words: string): Promise<void> {
  await eventually(
    () => admin.set('relais-test', '1').catch(String),
    (answer) => answer.includes(words),
    { what: `${words} from Redis` },
  )
}

async function expectNo({ expect }: TestContext, system: System): Promise<void> {
  const answer = await system.post(refused)
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBe('1')
  expect(await answer.json()).toMatchObject({ code: 'queue_unavailable' })
}

/** The next message goes out, once; the one that was refused has not, though it was refused before. */
async function expectRecovery({ expect }: TestContext, system: System): Promise<void> {
  const id = await system.send('+221771234567', '1234')
  await system.reaches(id, ['delivered'], 30_000)
  expect(takenBy(system.simulator, id)).toHaveLength(1)
  expect(system.simulator.messages().map(({ to }) => to)).not.toContain(refused.to)
}

/** A code that Meta takes now, and answers a little later: in the meantime Redis can go wrong. */
async function sendThatIsAnswered(system: System, afterMs: number): Promise<string> {
  system.simulator.injectFaults([{ to: '+221771234568', kind: 'stall', ms: afterMs, accepted: true }])
  const id = await system.send('+221771234568', '1234')
  await eventually(
    () => takenBy(system.simulator, id).length,
    (count) => count === 1,
  )
  return id
}

async function expectSentOnce({ expect }: TestContext, system: System, id: string): Promise<void> {
  await system.reaches(id, ['delivered'], 60_000)
  expect(takenBy(system.simulator, id)).toHaveLength(1)
}

describe.concurrent('a Redis that', { timeout: 120_000 }, () => {
  it('is BUSY with a script that does not end', async (t) => {
    const redis = await ownRedis(t, { args: ['--lua-time-limit', '100'] })
    const system = await startSystem(t, { redisUrl: redis.url })
    const admin = adminOf(t, redis)
    const under = await sendThatIsAnswered(system, 500)
    const loop = adminOf(t, redis).eval('while true do end', 0).catch(String)
    await answersWith(admin, 'BUSY')
    await expectNo(t, system)
    t.expect((await fetch(`${system.apiUrl}/readyz`)).status).toBe(503)
    await admin.call('SCRIPT', 'KILL')
    t.expect(await loop).toContain('killed')
    await expectSentOnce(t, system, under)
    await expectRecovery(t, system)
  })

  it('is READONLY, because it was made a replica of nothing', async (t) => {
    const redis = await ownRedis(t)
    const system = await startSystem(t, { redisUrl: redis.url })
    const admin = adminOf(t, redis)
    const under = await sendThatIsAnswered(system, 500)
    await admin.replicaof('127.0.0.1', 1)
    await answersWith(admin, 'READONLY')
    await expectNo(t, system)
    await admin.replicaof('NO', 'ONE')
    await expectSentOnce(t, system, under)
    await expectRecovery(t, system)
  })

  it('refuses writes because it cannot save them (MISCONF)', async (t) => {
    // A snapshot cannot take the place of the folder that its log is in.
    const redis = await ownRedis(t, { persistent: true, args: ['--dbfilename', 'appendonlydir'] })
    const system = await startSystem(t, { redisUrl: redis.url })
    const admin = adminOf(t, redis)
    const under = await sendThatIsAnswered(system, 500)
    await admin.config('SET', 'save', '3600 1')
    await admin.bgsave()
    await answersWith(admin, 'MISCONF')
    await expectNo(t, system)
    await admin.config('SET', 'save', '')
    await expectSentOnce(t, system, under)
    await expectRecovery(t, system)
  })

  it('is LOADING its file', async (t) => {
    const redis = await ownRedis(t, {
      persistent: true,
      args: ['--key-load-delay', '20000', '--loading-process-events-interval-bytes', '1024'],
    })
    const system = await startSystem(t, { redisUrl: redis.url })
    const admin = adminOf(t, redis)
    for (let i = 0; i < 200; i += 1) await admin.set(`filler:${i}`, 'x'.repeat(2000))
    // All in one file, which is then read key by key, slowly.
    await admin.bgrewriteaof()
    await eventually(
      () => admin.info('persistence'),
      (info) => /aof_rewrite_in_progress:0/.test(info) && /aof_rewrite_scheduled:0/.test(info),
    )
    const under = await sendThatIsAnswered(system, 500)
    const isUp = redis.restart()
    await answersWith(admin, 'LOADING')
    await expectNo(t, system)
    t.expect((await fetch(`${system.apiUrl}/readyz`)).status).toBe(503)
    await isUp
    await expectSentOnce(t, system, under)
    await expectRecovery(t, system)
  })

  it('is too slow to accept in time, and still delivers what it has', async (t) => {
    const redis = await ownRedis(t)
    const link = await openLink(redis.port)
    t.onTestFinished(() => link.close())
    const system = await startSystem(t, {
      redisUrl: `redis://127.0.0.1:${link.port}`,
      env: { RECIPIENT_MAX_PER_HOUR: '100' },
    })
    const under = await sendThatIsAnswered(system, 500)
    // Each command takes twice this, and where limits are asked first an acceptance needs more than one.
    link.delay(250)
    await expectNo(t, system)
    await expectSentOnce(t, system, under)
    link.restore()
    await expectRecovery(t, system)
  })

  it('is cut off in the middle of acceptances, again and again', async (t) => {
    const redis = await ownRedis(t)
    const link = await openLink(redis.port)
    t.onTestFinished(() => link.close())
    const system = await startSystem(t, { redisUrl: redis.url })
    const api = system.startApp('api', { PORT: '0', REDIS_URL: `redis://127.0.0.1:${link.port}` })
    const listening = await api.waitForLine((line) => line.includes('api.listening'), 60_000)
    const { address } = JSON.parse(listening) as { address: string }

    // Of what the API sends for an acceptance, each time another part arrives, and its answer does not.
    let pieces = 0
    link.watch((bytes) => {
      if (!/evalsha|eval\b|messageId/i.test(bytes.toString('latin1')) || (pieces += 1) % 11 !== 0)
        return 'pass'
      setTimeout(() => link.reset(), 20)
      return pieces % 2 === 0 ? 'stop the answer' : 'stop here'
    })
    const people = recipients(60)
    const refusals = { count: 0 }
    const ids: string[] = []
    // A few at a time: each cut hits what is under way.
    for (let from = 0; from < people.length; from += 4) {
      const some = people.slice(from, from + 4)
      ids.push(...(await Promise.all(some.map((to) => acceptedOnce(system, address, to, refusals)))))
    }
    link.watch(undefined)

    t.expect(refusals.count).toBeGreaterThan(5)
    for (const id of ids) await system.reaches(id, ['delivered'], 60_000)
    const delivered = system.simulator.messages().map(({ to }) => to)
    t.expect(delivered.toSorted()).toEqual(people.toSorted())
  })
})

/** Asks again with the same key until it is accepted, as a client does. */
async function acceptedOnce(system: System, address: string, to: string, refusals: { count: number }) {
  const answer = await eventually(
    async () => {
      const each = await fetch(`${address}/api/messages`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${system.secrets.apiKey}`,
          'content-type': 'application/json',
          'idempotency-key': to,
        },
        body: JSON.stringify({ to, type: 'otp', code: '482913' }),
      })
      if (each.status === 503) refusals.count += 1
      return each
    },
    ({ status }) => status !== 503,
    { everyMs: 50, timeoutMs: 60_000, what: 'an acceptance' },
  )
  if (answer.status !== 202) throw new Error(`not accepted: ${answer.status} ${await answer.text()}`)
  return ((await answer.json()) as { id: string }).id
}
