import { describe, it } from 'vitest'
import { recipients, startSystem } from './system.ts'

const STATUS = '/api/wallet/whatsapp-status'
const REFRESH = '/api/wallet/refresh-whatsapp-token'
const UPDATE = '/api/wallet/update-whatsapp-token'

/** The long look: RELAIS_STEADY_SECONDS=60 sends for a minute with a token that lives 20 s. */
const LONG_LOOK_SECONDS = Number(process.env['RELAIS_STEADY_SECONDS'] ?? 0)

describe.concurrent('renewal', { timeout: LONG_LOOK_SECONDS * 1000 + 120_000 }, () => {
  it('under steady sending is one exchange each time, and no send fails', async (t) => {
    const { expect } = t
    const seconds = LONG_LOOK_SECONDS || 12
    const lifeSeconds = Math.max(8, Math.round(seconds / 3))
    const env = { TOKEN_RENEW_CHECK_SECONDS: '1' }
    const system = await startSystem(t, { workers: 3, env, simulator: { tokenLifeSeconds: lifeSeconds } })
    // From here on the clock counts: starting the processes may have taken longer than a token lives.
    const long = system.simulator.issueToken({ lifeSeconds: 3600 })
    expect((await system.operate('POST', UPDATE, { accessToken: long })).statusCode).toBe(200)
    const first = await system.operate('POST', REFRESH)
    const callsBefore = system.simulator.calls().length
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
    expect([...sends, ...exchanges].filter(({ statusCode }) => statusCode !== 200)).toEqual([])
    // At half of its life each token is replaced, so there is at least one renewal for each whole life.
    expect(exchanges.length).toBeGreaterThanOrEqual(Math.floor(seconds / lifeSeconds))
    const { body } = await system.operate('GET', STATUS)
    expect(body['token']).toMatchObject({
      source: 'renewed',
      version: Number(first.body['version']) + exchanges.length,
    })
    const told = `${ids.length} messages sent, ${exchanges.length} exchanges, 0 failed, life ${lifeSeconds} s`
    if (LONG_LOOK_SECONDS > 0) process.stdout.write(`${told}\n`)
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
