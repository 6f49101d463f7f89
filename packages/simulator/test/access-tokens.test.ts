import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { metaDate } from '../src/graph/token-refusal.ts'
import { codeFor, createClient, identity, online, setup } from './setup.ts'

const datedSentence =
  /^Error validating access token: Session has expired on \w+day, \d\d-\w{3}-\d\d \d\d:\d\d:\d\d P[SD]T\. The current time is \w+day, .+ P[SD]T\.$/

describe('an exchange', () => {
  test('gives a new token each time, and the old one keeps working', async () => {
    const { exchange, send } = await setup()
    const first = await exchange(identity.accessToken, { set_token_expires_in_60_days: 'true' })
    const second = await exchange(identity.accessToken)
    expect(first.body).toEqual({
      access_token: expect.stringMatching(/^EAA/),
      token_type: 'bearer',
      expires_in: 5_183_944,
    })
    const tokens = [identity.accessToken, first.body.access_token, second.body.access_token]
    expect(new Set(tokens).size).toBe(3)
    for (const token of tokens) expect((await send(codeFor(online), token)).statusCode).toBe(200)
  })

  test('leaves expires_in out for a token that never expires', async () => {
    const { exchange, inspect } = await setup({ tokenLifeSeconds: 0 })
    const { body } = await exchange(identity.accessToken)
    expect(body).not.toHaveProperty('expires_in')
    expect((await inspect(body.access_token)).body.data).toMatchObject({ is_valid: true, expires_at: 0 })
  })

  test('refuses an expired and a revoked token', async () => {
    const { exchange, simulator } = await setup()
    const [expired, revoked] = [simulator.issueToken(), simulator.issueToken()]
    simulator.expireToken(expired)
    simulator.revokeToken(revoked)
    const dead = await exchange(expired)
    expect([dead.statusCode, dead.body.error.code, dead.body.error.error_subcode]).toEqual([400, 190, 463])
    expect(dead.body.error.message).toMatch(datedSentence)
    expect((await exchange(revoked)).body.error).toMatchObject({ code: 190, error_subcode: 467 })
  })

  test.each([
    [{ client_secret: 'wrong' }, 1],
    [{ client_id: '1' }, 101],
    [{ fb_exchange_token: 'nonsense' }, 190],
    [{ fb_exchange_token: '' }, 100],
    [{ grant_type: 'password' }, 100],
  ])('with %j is refused with code %i', async (changes, graphCode) => {
    const { exchange } = await setup()
    const { statusCode, body } = await exchange(identity.accessToken, changes)
    expect([statusCode, body.error.code]).toEqual([400, graphCode])
    expect(body.error).not.toHaveProperty('error_data')
  })

  test('refuses a token of another app and one that was tampered with', async () => {
    const other = await setup({ appId: '77' })
    const { exchange, simulator } = await setup()
    expect((await exchange(other.simulator.issueToken())).body.error.code).toBe(190)
    const token = simulator.issueToken()
    const tampered = token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')
    expect((await exchange(tampered)).body.error.message).toMatch(/Cannot parse access token/)
  })
})

describe('a send', () => {
  test.each([
    ['expired', 463],
    ['revoked', 467],
    ['deauthorised', 458],
  ])('with a token that is %s answers 401/190/%i without error_data', async (end, subcode) => {
    const { send, simulator } = await setup()
    const token = simulator.issueToken()
    if (end === 'expired') simulator.expireToken(token)
    if (end === 'revoked') simulator.revokeToken(token)
    if (end === 'deauthorised') simulator.deauthoriseApp()
    const { statusCode, body } = await send(codeFor(online), token)
    expect(statusCode).toBe(401)
    expect(body.error).toMatchObject({ code: 190, error_subcode: subcode, type: 'OAuthException' })
    expect(body.error).not.toHaveProperty('error_data')
    if (end === 'expired') expect(body.error.message).toMatch(datedSentence)
  })

  test('with the first token fails once its life is over, and tokens given out later live on', async () => {
    const startAt = Date.parse('2026-11-22T18:00:00Z')
    const { simulator, send, exchange } = await setup({ tokenLifeSeconds: 60, clock: { startAt, speed: 0 } })
    simulator.clock.advance(30_000)
    const renewed = (await exchange(identity.accessToken)).body.access_token
    simulator.clock.advance(30_000)
    const { body } = await send(codeFor(online))
    expect(body.error.message).toBe(
      'Error validating access token: Session has expired on Sunday, 22-Nov-26 10:01:00 PST. ' +
        'The current time is Sunday, 22-Nov-26 10:01:00 PST.',
    )
    expect((await send(codeFor(online), renewed)).statusCode).toBe(200)
  })

  test('after the app was deauthorised works with a newer token', async () => {
    const { send, simulator } = await setup()
    simulator.deauthoriseApp()
    expect((await send(codeFor(online))).body.error.error_subcode).toBe(458)
    expect((await send(codeFor(online), simulator.issueToken())).statusCode).toBe(200)
  })
})

test('a simulator started again still knows the tokens it gave out', async () => {
  const before = await setup()
  const token = (await before.exchange(identity.accessToken)).body.access_token
  const after = await setup()
  expect((await after.send(codeFor(online), token)).statusCode).toBe(200)
  expect((await after.inspect(token)).body.data.is_valid).toBe(true)
})

describe('debug_token', () => {
  test('describes a live token, for an app token in the header or in the query', async () => {
    const { inspect, get } = await setup()
    const { body } = await inspect(identity.accessToken)
    expect(body.data).toMatchObject({
      app_id: identity.appId,
      type: 'SYSTEM_USER',
      is_valid: true,
      data_access_expires_at: 0,
      scopes: expect.arrayContaining(['whatsapp_business_messaging']),
      granular_scopes: expect.arrayContaining([
        { scope: 'whatsapp_business_messaging', target_ids: [identity.businessId] },
      ]),
    })
    expect(body.data.expires_at - body.data.issued_at).toBe(5_184_000)
    const appToken = encodeURIComponent(`${identity.appId}|${identity.appSecret}`)
    const path = `/v26.0/debug_token?input_token=${identity.accessToken}&access_token=${appToken}`
    expect((await get(path, null)).body.data.is_valid).toBe(true)
  })

  test('answers 200 for a dead token, with the reason inside data under `subcode`', async () => {
    const { inspect, simulator } = await setup()
    const token = simulator.issueToken()
    simulator.expireToken(token)
    const { statusCode, body } = await inspect(token)
    expect(statusCode).toBe(200)
    expect(body.data).toMatchObject({ is_valid: false, error: { code: 190, subcode: 463 } })
    expect((await inspect('nonsense')).body.data).toMatchObject({ is_valid: false, scopes: [] })
  })

  test('takes the app token of client_credentials, and no stranger', async () => {
    const { get } = await setup()
    const credentials = `client_id=${identity.appId}&client_secret=${identity.appSecret}`
    const { body } = await get(`/v26.0/oauth/access_token?grant_type=client_credentials&${credentials}`, null)
    expect(body).toEqual({
      access_token: expect.stringContaining(`${identity.appId}|`),
      token_type: 'bearer',
    })
    const path = `/v26.0/debug_token?input_token=${identity.accessToken}`
    expect((await get(path, body.access_token)).body.data.is_valid).toBe(true)
    expect((await get(path, `${identity.appId}|wrong`)).body.error.code).toBe(190)
    expect((await get(path, null)).body.error.code).toBe(104)
  })
})

test('a revoked token is dead at once and for good', async () => {
  const { get, send, simulator } = await setup()
  const token = simulator.issueToken()
  const query = `client_id=${identity.appId}&client_secret=${identity.appSecret}&revoke_token=${token}`
  expect((await get(`/v26.0/oauth/revoke?${query}`)).body).toEqual({ success: 'true' })
  expect((await send(codeFor(online), token)).body.error.error_subcode).toBe(467)
})

test('the system user issues a token for an app of the business, with proof', async () => {
  const { post, send, inspect } = await setup({ systemUserId: '5' })

  const proof = createHmac('sha256', identity.appSecret).update(identity.accessToken).digest('hex')
  const form = new URLSearchParams({
    business_app: identity.appId,
    scope: 'whatsapp_business_messaging',
    appsecret_proof: proof,
    access_token: identity.accessToken,
    set_token_expires_in_60_days: 'true',
  })
  const { body } = await post('/v26.0/5/access_tokens', form.toString(), null)
  expect((await send(codeFor(online), body.access_token)).statusCode).toBe(200)
  expect((await inspect(body.access_token)).body.data.scopes).toEqual(['whatsapp_business_messaging'])
  form.delete('appsecret_proof')
  expect((await post('/v26.0/5/access_tokens', form.toString(), null)).body.error.code).toBe(100)
})

test('tokens are listed by fingerprint, which also ends them', async () => {
  const { simulator, send } = await setup()
  const token = simulator.issueToken()
  const listed = simulator.tokens()
  expect(listed.map(({ state }) => state)).toEqual(['live', 'live'])
  expect(JSON.stringify(listed)).not.toContain(token)
  simulator.expireToken(listed[1]?.fingerprint ?? '')
  expect((await send(codeFor(online), token)).body.error.error_subcode).toBe(463)
})

test('reset brings the first token back to life and forgets what was seen', async () => {
  const { simulator, send } = await setup()
  await send(codeFor(online))
  simulator.revokeToken(identity.accessToken)
  simulator.reset()
  expect([simulator.messages(), simulator.calls()]).toEqual([[], []])
  expect((await createClient(simulator.graphUrl).send(codeFor(online))).statusCode).toBe(200)
})

test('dates are written in Pacific time, summer and winter', () => {
  expect(metaDate(Date.parse('2026-07-04T00:05:09Z'))).toBe('Friday, 03-Jul-26 17:05:09 PDT')
  expect(metaDate(Date.parse('2026-11-22T18:00:00Z'))).toBe('Sunday, 22-Nov-26 10:00:00 PST')
})
