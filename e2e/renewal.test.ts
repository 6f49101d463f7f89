import { eventually } from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, it } from 'vitest'
import { recipients, startSystem, type System } from './system.ts'

const STATUS = '/api/wallet/whatsapp-status'
const REFRESH = '/api/wallet/refresh-whatsapp-token'
const UPDATE = '/api/wallet/update-whatsapp-token'

/** The long look: RELAIS_STEADY_SECONDS=60 sends for a minute with tokens that live 15 s. */
const LONG_LOOK_SECONDS = Number(process.env['RELAIS_STEADY_SECONDS'] ?? 0)

/** The repeatable job is a day away. */
const NO_SCHEDULE = { TOKEN_RENEW_CHECK_SECONDS: '86400', TOKEN_USE_MARGIN_SECONDS: '0' }

const exchangesOf = (system: System) => system.simulator.calls().filter(({ kind }) => kind === 'exchange')

/** From here on the clock counts: starting the processes may have taken longer than a token lives. */
async function bringToken(system: System, lifeSeconds: number): Promise<void> {
  const accessToken = system.simulator.issueToken({ lifeSeconds })
  const answer = await system.operate('POST', UPDATE, { accessToken })
  if (answer.statusCode !== 200) throw new Error(`not taken: ${JSON.stringify(answer.body)}`)
}

describe.concurrent('renewal', { timeout: LONG_LOOK_SECONDS * 1000 + 120_000 }, () => {
  it('under steady sending is one exchange each time, and no send fails', async (t) => {
    const { expect } = t
    const seconds = LONG_LOOK_SECONDS || 12
    const lifeSeconds = LONG_LOOK_SECONDS > 0 ? 15 : 8
    const env = { TOKEN_RENEW_CHECK_SECONDS: '1', TOKEN_USE_MARGIN_SECONDS: '2' }
    const workers = LONG_LOOK_SECONDS > 0 ? 5 : 2
    const system = await startSystem(t, { workers, env, simulator: { tokenLifeSeconds: lifeSeconds } })
    await bringToken(system, lifeSeconds)
    // It is counted from a renewal on: no exchange is under way then.
    const { version } = await eventually(
      async () => (await system.operate('GET', STATUS)).body['token'] as { version: number; source: string },
      ({ source }) => source === 'renewed',
      { everyMs: 50, timeoutMs: 30_000, what: 'a first renewal' },
    )
    const callsBefore = system.simulator.calls().length
    const exchangesSince = () =>
      system.simulator
        .calls()
        .slice(callsBefore)
        .filter(({ kind }) => kind === 'exchange')
    const endsAt = Date.now() + seconds * 1000
    const ids: string[] = []
    for (const to of recipients(4000)) {
      if (Date.now() >= endsAt) break
      const id = await system.send(to, '482913')
      ids.push(id)
      await system.reaches(id, ['sent', 'delivered'])
    }
    const calls = system.simulator.calls().slice(callsBefore)
    const exchanges = calls.filter(({ kind }) => kind === 'exchange')
    const sends = calls.filter(({ kind }) => kind === 'send')
    expect(sends).toHaveLength(ids.length)
    expect(system.simulator.messages().map(({ callbackData }) => callbackData)).toHaveLength(ids.length)
    expect([...sends, ...exchanges].filter(({ statusCode }) => statusCode !== 200)).toEqual([])
    // Each token is replaced at half of its life, once: as many exchanges as tokens.
    expect(exchanges.length).toBeGreaterThanOrEqual(Math.floor(seconds / lifeSeconds))
    expect(exchanges.length).toBeLessThanOrEqual(Math.ceil((2 * seconds) / lifeSeconds))
    // The last exchange may still be on its way into the store.
    await eventually(
      () => system.operate('GET', STATUS),
      ({ body: { token } }) => (token as { version: number }).version === version + exchangesSince().length,
      { what: 'a version for each exchange' },
    )
    const told = `${ids.length} messages sent by ${workers} workers, ${exchanges.length} exchanges, 0 failed, life ${lifeSeconds} s`
    if (LONG_LOOK_SECONDS > 0) process.stdout.write(`${told}\n`)
  })

  it('happens though the job scheduler stands still', async (t) => {
    const { expect } = t
    const system = await startSystem(t, { env: NO_SCHEDULE })
    const redis = new Redis(system.env.REDIS_URL)
    t.onTestFinished(() => redis.disconnect())
    // Its next job is a day away; and there will be none.
    const jobs = await redis.keys(`${system.env.QUEUE_PREFIX}:access-token:*`)
    await redis.del(jobs.filter((key) => !/:access-token:\d+$/.test(key)))
    await bringToken(system, 10)
    await eventually(
      () => system.operate('GET', STATUS),
      ({ body }) => (body['token'] as { source: string }).source === 'renewed',
      { everyMs: 100, timeoutMs: 30_000, what: 'a renewed token' },
    )
    expect(system.events('token.renewed').length).toBeGreaterThan(0)
  })

  it('happens though no worker runs: the token must live until one comes back', async (t) => {
    const system = await startSystem(t, { workers: 0, env: NO_SCHEDULE })
    await bringToken(system, 10)
    await eventually(
      () => exchangesOf(system),
      ({ length }) => length > 0,
      { everyMs: 100, timeoutMs: 30_000, what: 'an exchange by the API' },
    )
  })

  it('without app id and secret there is none: the token is used, and the status says so', async (t) => {
    const env = { WHATSAPP_APP_ID: '', WHATSAPP_APP_SECRET: '' }
    const system = await startSystem(t, { env, withReceipts: false })
    await system.reaches(await system.send('+221771234567', '1111'), ['sent'])
    t.expect((await system.operate('GET', STATUS)).body).toMatchObject({
      mode: 'degraded',
      token: { autoRenewal: false, state: 'valid', renewsAt: null },
      receipts: { expected: false },
    })
    t.expect(await system.operate('POST', REFRESH)).toMatchObject({
      statusCode: 409,
      body: { code: 'renewal_not_configured' },
    })
  })
})

describe.concurrent('a worker that is killed while it renews', { timeout: 90_000 }, () => {
  it.for([
    { step: 'after the lock, before Meta answered', on: 'exchange' as const },
    { step: 'after Meta answered, before the store', on: 'debug_token' as const },
  ])('$step leaves it to another, and one valid token is in use', async ({ on }, t) => {
    const { expect } = t
    const env = { TOKEN_RENEW_CHECK_SECONDS: '1', SEND_TIMEOUT_MS: '2000' }
    const system = await startSystem(t, { env })
    await bringToken(system, 120)
    const callsBefore = system.simulator.calls().length
    system.simulator.injectFaults([{ kind: 'stall', ms: 30_000, accepted: true, on }])
    // The API stays out of it: it is asked to renew by nobody, and the token is not due for it.
    const worker = system.startApp('worker', { TOKEN_RENEW_BEFORE_SECONDS: '119' })
    await eventually(
      () => system.simulator.calls().slice(callsBefore),
      (calls) => calls.some(({ kind, fault }) => kind === on && fault === 'stall'),
      { everyMs: 20, timeoutMs: 30_000, what: `a stalled ${on}` },
    )
    await worker.kill()
    const killedAt = Date.now()
    system.startApp('worker', { TOKEN_RENEW_BEFORE_SECONDS: '119' })
    const { body } = await eventually(
      () => system.operate('GET', STATUS),
      ({ body: { token } }) => (token as { source: string }).source === 'renewed',
      { everyMs: 100, timeoutMs: 60_000, what: 'a renewed token' },
    )
    // The lease lasts 9 s here; the rest is the start of a process on a crowded machine.
    expect(Date.now() - killedAt).toBeLessThan(40_000)
    expect(body).toMatchObject({ mode: 'connected', token: { state: 'valid', lastRenewal: { ok: true } } })
    await system.reaches(await system.send('+221771234567', '1111'), ['delivered'])
  })

  it('right after the store leaves the new token to the others', async (t) => {
    const { expect } = t
    const env = { TOKEN_RENEW_CHECK_SECONDS: '1' }
    const system = await startSystem(t, { env })
    await bringToken(system, 3600)
    const renewing = system.startApp('worker', { TOKEN_RENEW_BEFORE_SECONDS: '3599' })
    await renewing.waitForLine((line) => line.includes('"token.renewed"'), 30_000)
    await renewing.kill()
    const exchanges = exchangesOf(system).length
    expect((await system.operate('GET', STATUS)).body).toMatchObject({
      mode: 'connected',
      token: { source: 'renewed', version: 2 + exchanges, lastRenewal: { ok: true } },
    })
    await system.reaches(await system.send('+221771234567', '1111'), ['delivered'])
  })
})
