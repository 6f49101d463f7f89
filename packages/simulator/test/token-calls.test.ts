import { describe, expect, test } from 'vitest'
import { codeFor, createReceiver, identity, online, setup, textFor } from './setup.ts'

const DAY = 86_400
const standing = { clock: { startAt: Date.parse('2026-11-22T18:00:00Z'), speed: 0 } }
const appToken = `${identity.appId}|${identity.appSecret}`
const person = '10158000000000001'

describe('a token of a person', () => {
  test('lives for hours and is traded for one of 60 days', async () => {
    const { simulator, exchange, inspect } = await setup(standing)
    const short = simulator.issueToken({ type: 'USER', lifeSeconds: 3600 })
    simulator.clock.advance(1_800_000)
    const { body } = await exchange(short)
    expect(body).toMatchObject({ expires_in: 5_183_944 })
    const before = (await inspect(short)).body.data
    const after = (await inspect(body.access_token)).body.data
    expect(before.expires_at - before.issued_at).toBe(3600)
    expect(after.expires_at - after.issued_at).toBe(60 * DAY)
    expect(after).toMatchObject({ type: 'USER', user_id: person })
    expect(after).toMatchObject({ data_access_expires_at: before.issued_at + 90 * DAY })
  })

  test('may manage and not send', async () => {
    const { simulator, get, send } = await setup()
    const token = simulator.issueToken({ type: 'USER' })
    expect((await get(`/v26.0/${identity.businessId}/phone_numbers`, token)).statusCode).toBe(200)
    expect((await send(codeFor(online), token)).body.error.code).toBe(131005)
  })

  test('is dead with 190/458 once the person took back everything; a later one works', async () => {
    const { simulator, remove, get } = await setup(standing)
    const token = simulator.issueToken({ type: 'USER' })
    expect((await remove(`/v26.0/${person}/permissions`, token)).body).toEqual({ success: true })
    const { statusCode, body } = await get('/v26.0/me', token)
    expect([statusCode, body.error.code, body.error.error_subcode]).toEqual([400, 190, 458])
    expect((await get('/v26.0/me', simulator.issueToken({ type: 'USER' }))).statusCode).toBe(200)
    expect((await get('/v26.0/me')).statusCode).toBe(200)
  })

  test('loses one permission when the person takes that back', async () => {
    const { simulator, remove, get, inspect } = await setup(standing)
    const token = simulator.issueToken({ type: 'USER' })
    await remove('/v26.0/me/permissions/whatsapp_business_management', token)
    expect((await get(`/v26.0/${identity.businessId}`, token)).body.error.code).toBe(10)
    expect((await inspect(token)).body.data.scopes).not.toContain('whatsapp_business_management')
    const granted = simulator.issueToken({ type: 'USER' })
    expect((await get(`/v26.0/${identity.businessId}`, granted)).statusCode).toBe(200)
    expect((await remove('/v26.0/me/permissions/ads_management', token)).body.error.code).toBe(100)
  })

  test('cannot take back what another person granted; the app can', async () => {
    const { simulator, remove, get } = await setup()
    const [own, other] = ['7', '8'].map((userId) => simulator.issueToken({ type: 'USER', userId }))
    expect((await remove('/v26.0/8/permissions', own)).body.error.error_subcode).toBe(33)
    expect((await remove('/v26.0/8/permissions', appToken)).statusCode).toBe(200)
    expect((await get('/v26.0/me', other)).body.error.error_subcode).toBe(458)
    expect((await get('/v26.0/me', own)).statusCode).toBe(200)
  })
})

test('a never-expiring token gets 60 days when that is asked for, and a person’s without asking', async () => {
  const { exchange, inspect, simulator } = await setup({ tokenLifeSeconds: 0 })
  expect((await exchange(simulator.issueToken({ type: 'USER' }))).body).toMatchObject({
    expires_in: 5_183_944,
  })
  const { body } = await exchange(identity.accessToken, { set_token_expires_in_60_days: 'true' })
  expect(body).toMatchObject({ expires_in: 5_183_944 })
  const { data } = (await inspect(body.access_token)).body
  expect(data.expires_at - data.issued_at).toBe(60 * DAY)
})

describe('who am I', () => {
  test('is answered for the system user, a person and the app', async () => {
    const { get, simulator } = await setup({ systemUserId: '5' })
    expect((await get('/v26.0/me')).body).toEqual({ name: expect.any(String), id: '5' })
    expect((await get('/v26.0/5?fields=id')).body).toEqual({ id: '5' })
    const token = simulator.issueToken({ type: 'USER' })
    expect((await get('/v26.0/me?fields=id', token)).body).toEqual({ id: person })
    expect((await get('/v26.0/me?fields=id', appToken)).body).toEqual({ id: identity.appId })
    expect((await get(`/v26.0/${identity.appId}?fields=name`)).body).toMatchObject({ id: identity.appId })
    expect((await get('/v26.0/5', token)).body.error.error_subcode).toBe(33)
  })

  test('with a dead token is 400, not 401', async () => {
    const { get, simulator } = await setup()
    simulator.expireToken(identity.accessToken)
    const { statusCode, body } = await get('/v26.0/me')
    expect([statusCode, body.error.error_subcode]).toEqual([400, 463])
  })
})

test('an app token inspects itself, and neither sends nor manages', async () => {
  const { inspect, send, get, exchange } = await setup({ requireProof: true })
  expect((await inspect(appToken)).body.data).toMatchObject({ type: 'APP', is_valid: true })
  expect((await inspect(`${identity.appId}|wrong`)).body.data).toMatchObject({ is_valid: false })
  expect((await send(codeFor(online), appToken)).body.error.code).toBe(131005)
  expect((await get(`/v26.0/${identity.businessId}`, appToken)).body.error.code).toBe(10)
  expect((await exchange(appToken)).body.error.code).toBe(100)
})

test('a token without the right to manage changes nothing: 200', async () => {
  const { post, simulator } = await setup()
  const token = simulator.issueToken({ scopes: ['whatsapp_business_messaging'] })
  const answer = await post(`/v26.0/${identity.businessId}/message_templates`, '{}', token)
  expect([answer.statusCode, answer.body.error.code]).toEqual([403, 200])
})

test('a revoked and an expired token are noticed in the middle of a burst', async () => {
  const { send, simulator } = await setup({ throughputPerSecond: 0, pairLimit: false })
  for (const end of [simulator.expireToken, simulator.revokeToken]) {
    const token = simulator.issueToken()
    expect((await send(textFor(online), token)).statusCode).toBe(200)
    end(token)
    expect((await send(textFor(online), token)).statusCode).toBe(401)
  }
})

test('the same seed gives the same message ids, and never the same tokens', async () => {
  const run = async (seed: number) => {
    const { send, simulator, exchange } = await setup({ seed })
    await send(codeFor(online))
    const { access_token: token } = (await exchange(identity.accessToken)).body
    const trace = (await send({})).body.error.fbtrace_id
    return { id: simulator.messages()[0]?.id, trace, token }
  }
  const [first, again, other] = [await run(7), await run(7), await run(8)]
  expect([again.id, again.trace]).toEqual([first.id, first.trace])
  expect(other.id).not.toBe(first.id)
  expect(again.token).not.toBe(first.token)
})

test('an app token sets the webhook URL of the app, once the URL answers the challenge', async () => {
  const receiver = await createReceiver()
  const { simulator, post, get } = await setup()
  const path = `/v26.0/${identity.appId}/subscriptions`
  const wanted = {
    object: 'whatsapp_business_account',
    callback_url: receiver.url,
    verify_token: 'hello',
    fields: 'messages,account_update',
  }
  const subscribe = (changes: object, token = appToken) =>
    post(path, JSON.stringify({ ...wanted, ...changes }), token)
  expect((await subscribe({}, identity.accessToken)).body.error.code).toBe(15)
  expect((await subscribe({ object: 'page' })).body.error.code).toBe(100)
  expect((await subscribe({ callback_url: 'nowhere' })).body.error.code).toBe(100)
  expect((await subscribe({ callback_url: 'http://127.0.0.1:1/' })).body.error.code).toBe(2200)
  expect((await get(path, appToken)).body).toEqual({ data: [] })
  expect((await subscribe({})).body).toEqual({ success: true })
  expect(receiver.requests[0]?.url.searchParams.get('hub.verify_token')).toBe('hello')
  expect((await get(path, appToken)).body.data).toMatchObject([
    { callback_url: receiver.url, fields: [{ name: 'messages' }, { name: 'account_update' }] },
  ])
  expect(simulator.state().webhook).toMatchObject({ url: receiver.url, verification: { state: 'passed' } })
})
