/** What operators do about the callbacks of apps, and who may. */
import { createHmac, randomBytes } from 'node:crypto'
import { createAudit, createCallbackOutbox, Secret } from '@relais/core'
import { startReceiver } from '@relais/testing'
import { Webhook } from 'standardwebhooks'
import { afterAll, describe, expect, it } from 'vitest'
import { apiFixture, APP_KEY, ENCRYPTION_KEY, OPS_KEY } from './api-fixture.ts'

const receiver = await startReceiver()
afterAll(() => receiver.close())

const api = apiFixture({ CALLBACK_ALLOW_PRIVATE: 'on' })
const strict = apiFixture()

type Body = Record<string, unknown>

async function ask(
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  path: string,
  payload?: object,
  { inject } = api,
  key = OPS_KEY,
) {
  const answer = await inject({
    method,
    url: `/api/admin/callbacks${path}`,
    headers: { authorization: `Bearer ${key}` },
    ...(payload && { payload }),
  })
  return { statusCode: answer.statusCode, body: answer.json<Body>(), headers: answer.headers }
}

const url = `${receiver.url}/hook?key=hidden-in-query`
let number = 0
/** The callback of an app of the test's own. */
async function setCallback() {
  const app = `app${(number += 1)}`
  const { body } = await ask('PUT', `/${app}`, { url })
  return { app, secret: String(body['secret']) }
}

const listed = async (app: string) =>
  ((await ask('GET', '')).body['callbacks'] as Body[]).find((each) => each['app'] === app)

describe('a callback', () => {
  it('is set, shown without its query and its secret, changed and removed', async () => {
    const set = await ask('PUT', '/wallet', { url })
    expect(set.statusCode).toBe(200)
    expect(set.body).toEqual({
      app: 'wallet',
      url: `${receiver.url}/hook?…`,
      secret: expect.stringMatching(/^whsec_[\w+/]{43}=$/),
    })
    expect(set.headers['cache-control']).toContain('no-store')
    expect(await listed('wallet')).toEqual({
      app: 'wallet',
      url: `${receiver.url}/hook?…`,
      state: 'working',
      setAt: expect.stringMatching(/Z$/),
      failures: 0,
      waiting: 0,
      dead: 0,
    })
    const changed = await ask('PUT', '/wallet', { url: `${receiver.url}/other` })
    expect(changed.body).toEqual({ app: 'wallet', url: `${receiver.url}/other` })
    expect((await ask('DELETE', '/wallet')).body).toEqual({ app: 'wallet', removed: true })
    expect(await listed('wallet')).toBeUndefined()
    expect(api.logged()).not.toMatch(/hidden-in-query|whsec_/)
  })

  it.each([
    ['http', 'http://wallet.example.com/'],
    ['a private address', 'https://10.0.0.1/'],
    ['loopback', 'https://[::1]/'],
    ['a password', 'https://user:pass@wallet.example.com/'],
    ['no URL', 'wallet'],
  ])('with %s is refused, and the fault is named', async (_what, bad) => {
    const { statusCode, body } = await ask('PUT', '/wallet', { url: bad }, strict)
    expect([statusCode, body['code']]).toEqual([422, 'invalid_request'])
    expect(body['errors']).toEqual([{ pointer: '/url', detail: expect.stringMatching(/^must/) }])
    expect(JSON.stringify(body)).not.toContain('pass@')
  })

  it.each([
    ['PUT', '/a%20b', { url }, 422],
    ['PUT', '/wallet', {}, 422],
    ['PUT', '/wallet', { url, more: 1 }, 422],
    ['PUT', '/wallet', { url: 7 }, 422],
    ['DELETE', '/nobody', undefined, 404],
    ['POST', '/nobody/test', undefined, 404],
    ['POST', '/nobody/rotate', undefined, 404],
    ['POST', '/nobody/resume', undefined, 404],
    ['POST', '/nobody/redrive', undefined, 404],
    ['GET', '/nobody/dead', undefined, 404],
  ] as const)('%s %s with %j is %i', async (method, path, payload, statusCode) => {
    expect((await ask(method, path, payload)).statusCode).toBe(statusCode)
  })

  it('is none of the business of an app', async () => {
    expect((await ask('PUT', '/wallet', { url }, api, APP_KEY)).statusCode).toBe(403)
    expect((await ask('GET', '', undefined, api, APP_KEY)).statusCode).toBe(403)
  })

  it('is tried, with a signature that the official library takes, and the operator is told what came of it', async () => {
    const { app, secret } = await setCallback()
    receiver.answer(200)
    const before = receiver.received().length
    expect((await ask('POST', `/${app}/test`)).body).toEqual({ delivered: true, statusCode: 200 })
    const [posted] = receiver.received().slice(before)
    const headers = posted?.headers as Record<string, string>
    expect(new Webhook(secret).verify(posted?.body ?? '', headers)).toMatchObject({
      type: 'callback.test',
      app,
      id: headers['webhook-id'],
    })
    receiver.answer(403)
    const refused = await ask('POST', `/${app}/test`)
    expect(refused.statusCode).toBe(502)
    expect(refused.body).toMatchObject({
      code: 'callback_undelivered',
      detail: expect.stringContaining('it answered with 403'),
    })
    expect(JSON.stringify(refused.body)).not.toMatch(/hidden-in-query|127\.0\.0\.1/)
    receiver.answer(200)
  })

  it('has its secret replaced: both sign for a day', async () => {
    const { app, secret } = await setCallback()
    const { body } = await ask('POST', `/${app}/rotate`)
    const present = String(body['secret'])
    expect(present).not.toBe(secret)
    expect(Date.parse(String(body['oldUntil']))).toBeGreaterThan(Date.now() + 23 * 3600_000)
    expect(await listed(app)).toMatchObject({ oldSecretUntil: body['oldUntil'] })
    const before = receiver.received().length
    await ask('POST', `/${app}/test`)
    const [posted] = receiver.received().slice(before)
    const headers = posted?.headers as Record<string, string>
    for (const each of [present, secret])
      expect(new Webhook(each).verify(posted?.body ?? '', headers)).toMatchObject({ app })
    const by = (each: string) =>
      createHmac('sha256', Buffer.from(each.slice(6), 'base64'))
        .update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${posted?.body}`)
        .digest('base64')
    expect(headers['webhook-signature']).toBe(`v1,${by(present)} v1,${by(secret)}`)
  })

  it('that is paused is shown so, and is resumed', async () => {
    const { app } = await setCallback()
    const outbox = createCallbackOutbox({ redis: api.inside().redis, keys: api.keys })
    const at = Date.now()
    await outbox.setHealth(app, {
      failures: 31,
      failingSince: at - 400_000,
      pausedAt: at,
      heldUntil: at + 60_000,
      lastFault: 'HTTP 500',
    })
    expect(await listed(app)).toMatchObject({ state: 'paused', failures: 31, lastFault: 'HTTP 500' })
    expect((await ask('POST', `/${app}/resume`)).body).toEqual({ app, wasPaused: true })
    expect((await ask('POST', `/${app}/resume`)).body).toEqual({ app, wasPaused: false })
    expect(await listed(app)).toMatchObject({ state: 'working', failures: 0 })
  })

  it('shows the events that were given up, and has them posted again', async () => {
    const { app } = await setCallback()
    const { redis, store } = api.inside()
    const outbox = createCallbackOutbox({ redis, keys: api.keys })
    const id = `msg_${randomBytes(8).toString('hex')}`
    const at = Date.now()
    await store.create(
      {
        id,
        app,
        type: 'otp',
        to: '+221771234567',
        status: 'queued',
        attempts: 0,
        claims: 0,
        waits: 0,
        acceptedAt: at,
        expiresAt: at + 300_000,
        timeline: [{ status: 'queued', at }],
      },
      'sealed',
    )
    await store.move(id, { to: 'canceled' })
    expect(await listed(app)).toMatchObject({ waiting: 1, dead: 0 })
    await outbox.bury(app, id, 'not taken within a day', at)
    const { body } = await ask('GET', `/${app}/dead`)
    expect(body['dead']).toMatchObject([
      { id: `${id}.1`, type: 'message.canceled', messageId: id, why: 'not taken within a day', tries: 0 },
    ])
    expect((await ask('POST', `/${app}/redrive`)).body).toEqual({ app, redriven: 1 })
    expect(await listed(app)).toMatchObject({ waiting: 1, dead: 0 })
  })

  it('that does not open is named, stands in the way of no other, and can be removed', async () => {
    const [{ app }, { app: other }] = [await setCallback(), await setCallback()]
    const { redis } = api.inside()
    const text = await redis.hget(api.keys.callbacks(), other)
    await redis.hset(api.keys.callbacks(), app, text ?? '')
    const { body } = await ask('GET', '')
    expect(body['unreadable']).toEqual([app])
    expect(await listed(other)).toMatchObject({ state: 'working' })
    const test = await ask('POST', `/${app}/test`)
    expect([test.statusCode, test.body['code']]).toEqual([409, 'callback_unreadable'])
    expect((await ask('PUT', `/${app}`, { url })).statusCode).toBe(409)
    expect((await ask('DELETE', `/${app}`)).statusCode).toBe(200)
    expect((await ask('PUT', `/${app}`, { url })).statusCode).toBe(200)
  })

  it('leaves an entry in the audit for each change', async () => {
    const { app } = await setCallback()
    for (const verb of ['test', 'rotate', 'resume', 'redrive']) await ask('POST', `/${app}/${verb}`)
    await ask('DELETE', `/${app}`)
    const encryptionKeys = [{ id: 'k1', key: new Secret(ENCRYPTION_KEY) }]
    const { redis } = api.inside()
    const audit = createAudit({ redis, keys: api.keys, encryptionKeys, keptDays: 1 })
    const entries = (await audit.latest(50)).filter(({ subject }) => subject === app)
    expect(entries.map(({ action }) => action).toReversed()).toEqual([
      'callback.set',
      'callback.tested',
      'callback.rotated',
      'callback.resumed',
      'callback.redriven',
      'callback.removed',
    ])
    expect(entries.every(({ actor }) => actor === 'operator:awa')).toBe(true)
    expect(JSON.stringify(entries)).not.toMatch(/hidden-in-query|whsec_/)
  })
})
