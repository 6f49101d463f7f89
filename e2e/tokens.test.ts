import { eventually } from '@relais/testing'
import { describe, it } from 'vitest'
import { recipients, sharedSystem, startSystem, takenBy } from './system.ts'

const STATUS = '/api/wallet/whatsapp-status'
const REFRESH = '/api/wallet/refresh-whatsapp-token'
const UPDATE = '/api/wallet/update-whatsapp-token'

describe('the shared token', () => {
  const shared = sharedSystem({ workers: 2 })

  it('asked to renew by many at once makes one exchange and gives equal answers', async ({ expect }) => {
    const system = shared()
    await system.reaches(await system.send('+221771234500', '1111'), ['delivered'])
    const answers = await Promise.all(Array.from({ length: 50 }, () => system.operate('POST', REFRESH)))
    expect(system.simulator.calls().filter(({ kind }) => kind === 'exchange')).toHaveLength(1)
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(answers[0]).toMatchObject({ statusCode: 200, body: { renewed: true, version: 2 } })
    expect((await system.operate('GET', STATUS)).body).toMatchObject({
      mode: 'connected',
      token: { state: 'valid', source: 'renewed', version: 2, autoRenewal: true, lastRenewal: { ok: true } },
      phone: { id: '106540352242922', displayNumber: '15550783881', qualityRating: 'GREEN' },
      graph: { reachable: true },
      queues: { messages: { waiting: 0 }, fallback: { waiting: 0 } },
      receipts: { expected: true, lastAt: expect.any(String) },
    })
  })

  it('that cannot do the job, or that Meta cannot be asked about, is not stored', async ({ expect }) => {
    const system = shared()
    expect(await system.operate('POST', UPDATE, { accessToken: 'EAAgarbage' })).toMatchObject({
      statusCode: 422,
      body: { code: 'token_rejected' },
    })
    const limited = system.simulator.issueToken({ scopes: ['business_management'] })
    expect(await system.operate('POST', UPDATE, { accessToken: limited })).toMatchObject({
      statusCode: 422,
      body: { code: 'token_rejected', detail: expect.stringContaining('whatsapp_business_messaging') },
    })
    const { body } = await system.operate('GET', STATUS)
    const { at: renewedAt } = (body as { token: { lastRenewal: { at: string } } }).token.lastRenewal
    const good = system.simulator.issueToken()
    system.simulator.injectFaults([{ kind: 'reset', accepted: false, on: 'debug_token' }])
    expect(await system.operate('POST', UPDATE, { accessToken: good })).toMatchObject({
      statusCode: 502,
      body: { code: 'provider_unavailable' },
    })
    // Asked for right after a renewal, that one would be the answer.
    await eventually(Date.now, (at) => at > Date.parse(renewedAt) + 1000)
    system.simulator.injectFaults([{ kind: 'error', code: 2, on: 'exchange' }])
    expect(await system.operate('POST', REFRESH)).toMatchObject({
      statusCode: 502,
      body: { code: 'renewal_failed', detail: expect.stringMatching(/: 2 /) },
    })
    expect((await system.operate('GET', STATUS)).body).toMatchObject({
      mode: 'degraded',
      token: { version: 2, state: 'valid', lastRenewal: { ok: false } },
    })
  })

  it('revoked: nothing is lost, and what waits is sent once an operator brings a new one', async ({
    expect,
  }) => {
    const system = shared()
    system.revokeTokens()
    const waiting = await Promise.all([1, 2, 3].map((i) => system.send(`+22177123450${i}`, '2222')))
    await eventually(
      () => system.operate('GET', STATUS),
      ({ body }) => body['mode'] === 'fallback',
    )
    expect((await system.operate('GET', STATUS)).body).toMatchObject({ token: { state: 'invalid' } })
    const accessToken = system.simulator.issueToken()
    expect(await system.operate('POST', UPDATE, { accessToken })).toMatchObject({
      statusCode: 200,
      body: { source: 'manual', version: 3 },
    })
    for (const id of waiting) await system.reaches(id, ['delivered'])
    for (const id of waiting) expect((await system.message(id)).attempts).toBe(1)
    expect((await system.operate('GET', STATUS)).body).toMatchObject({ mode: 'connected' })
    expect(system.events('message.fallback')).toEqual([])
    const refused = system.events('token.invalidated').map(({ version }) => version as number)
    expect(refused.toSorted((a, b) => a - b)).toEqual([1, 2])
    expect(system.events('token.updated').filter(({ source }) => source === 'manual')).toMatchObject([
      { operator: 'awa', version: 3 },
    ])
  })

  it('dead for longer than a code can wait: the operators have the code', async ({ expect }) => {
    const system = shared()
    system.revokeTokens()
    const id = await system.send('+221771234504', '482913', { deliverWithinSeconds: 5 })
    expect(await system.reaches(id, ['fallback'], 30_000)).toMatchObject({ reason: 'token_unavailable' })
    expect(await system.fallbackRecord(id)).toMatchObject({ code: '482913' })
  })

  it('refused though it is valid is used again in a moment: Meta is asked', async ({ expect }) => {
    const system = shared()
    await system.operate('POST', UPDATE, { accessToken: system.simulator.issueToken() })
    const refused = await system.send('+221771230190', '1111', { deliverWithinSeconds: 5 })
    await system.tells(refused, '190')
    const other = await system.send('+221771234505', '2222')
    expect((await system.reaches(other, ['delivered'], 30_000)).attempts).toBe(1)
    expect(system.events('token.confirmed').length).toBeGreaterThan(0)
  })
})

describe.concurrent('the shared token under load', { timeout: 90_000 }, () => {
  it('revoked: what can wait is sent within a second of a new one, what cannot has fallen back', async (t) => {
    const { expect } = t
    const system = await startSystem(t, { workers: 2 })
    const [first = '', ...others] = recipients(61)
    await system.reaches(await system.send(first, '1111'), ['delivered'])
    const load = others.map((to, i) =>
      // Every tenth cannot wait long.
      system.send(to, '482913', i % 10 === 0 ? { deliverWithinSeconds: 3 } : { deliverWithinSeconds: 120 }),
    )
    system.revokeTokens()
    const ids = await Promise.all(load)
    const hurried = ids.filter((_, i) => i % 10 === 0)
    const ends = await Promise.all(hurried.map((id) => system.reaches(id, ['fallback', 'delivered'], 30_000)))
    for (const { status, reason } of ends) if (status === 'fallback') expect(reason).toBe('token_unavailable')

    const waiting = system.simulator.messages().length
    const accessToken = system.simulator.issueToken()
    const updatedAt = Date.now()
    expect((await system.operate('POST', UPDATE, { accessToken })).statusCode).toBe(200)
    await eventually(
      () => system.simulator.messages(),
      ({ length }) => length > waiting,
      { everyMs: 5, what: 'a send with the new token' },
    )
    const tookMs = Date.now() - updatedAt
    for (const id of ids.filter((id) => !hurried.includes(id)))
      expect((await system.reaches(id, ['delivered'], 30_000)).attempts).toBe(1)
    for (const id of ids) expect(takenBy(system.simulator, id).length).toBeLessThanOrEqual(1)
    expect(tookMs).toBeLessThan(1000)
  })

  it('with sends signed by the app secret goes on as before, also with a new secret', async (t) => {
    const { expect } = t
    const env = { WHATSAPP_APPSECRET_PROOF: 'on' }
    const system = await startSystem(t, { env, simulator: { requireProof: true } })
    await system.reaches(await system.send('+221771234567', '1111'), ['delivered'])
    expect((await system.operate('POST', REFRESH)).statusCode).toBe(200)
    expect((await system.operate('GET', STATUS)).body).toMatchObject({ mode: 'connected' })
    await system.reaches(await system.send('+221771234567', '2222'), ['delivered'])
  })

  it('of a person is taken with a warning', async (t) => {
    const system = await startSystem(t, { workers: 0 })
    const accessToken = system.simulator.issueToken({ type: 'USER' })
    t.expect((await system.operate('POST', UPDATE, { accessToken })).body).toMatchObject({
      source: 'manual',
      warnings: [t.expect.stringContaining('131005')],
    })
  })
})
