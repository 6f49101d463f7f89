import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { account, bearer, call, start } from './provider.ts'

const appToken = `${account.appId}|${account.appSecret}`

async function open(options: Parameters<typeof start>[0] = {}) {
  const simulator = await start({ clock: { speed: 0 }, ...options })
  const base = `${simulator.graphUrl}/v26.0`
  const inspect = (token: string, caller = appToken) =>
    call('GET', `${base}/debug_token?input_token=${encodeURIComponent(token)}`, bearer(caller))
  return { simulator, base, inspect }
}

test('an inspection: a live token tells its app, its times and its rights', async () => {
  const { simulator, inspect } = await open()
  const { statusCode, json } = await inspect(account.accessToken)
  expect(statusCode).toBe(200)
  const now = Math.floor(simulator.clock.now() / 1000)
  expect(json.data).toEqual({
    app_id: account.appId,
    type: 'SYSTEM_USER',
    application: expect.any(String) as string,
    is_valid: true,
    issued_at: now,
    expires_at: now + 5_184_000,
    data_access_expires_at: 0,
    user_id: expect.stringMatching(/^\d+$/) as string,
    scopes: ['business_management', 'whatsapp_business_management', 'whatsapp_business_messaging'],
    granular_scopes: expect.arrayContaining([
      { scope: 'whatsapp_business_messaging', target_ids: [account.businessId] },
    ]) as object[],
  })
})

test('an inspection: a token that never expires has expires_at 0', async () => {
  const { inspect } = await open({ tokenLifeSeconds: 0 })
  const { json } = await inspect(account.accessToken)
  expect(json.data).toMatchObject({ is_valid: true, expires_at: 0 })
})

test('an inspection: an expired token is still a 200, with the reason inside', async () => {
  const { simulator, inspect } = await open()
  simulator.clock.advance(5_185_000_000)
  const { statusCode, json } = await inspect(account.accessToken)
  expect(statusCode).toBe(200)
  expect(json.data?.is_valid).toBe(false)
  expect(json.data?.error).toEqual({
    code: 190,
    message: expect.stringMatching(/^Error validating access token: Session has expired on /) as string,
    subcode: 463,
  })
})

test('an inspection: a revoked token is a 200 too', async () => {
  const { base, inspect } = await open()
  const query = new URLSearchParams({
    client_id: account.appId,
    client_secret: account.appSecret,
    revoke_token: account.accessToken,
    access_token: account.accessToken,
  })
  await call('GET', `${base}/oauth/revoke?${query}`)
  const { statusCode, json } = await inspect(account.accessToken)
  expect([statusCode, json.data?.is_valid, json.data?.error?.code]).toEqual([200, false, 190])
})

test('an inspection: the app token may stand in the query', async () => {
  const { base } = await open()
  const query = new URLSearchParams({ input_token: account.accessToken, access_token: appToken })
  const { statusCode, json } = await call('GET', `${base}/debug_token?${query}`)
  expect([statusCode, json.data?.is_valid]).toEqual([200, true])
})

test('an inspection: a token of the same app may ask, one of nobody may not', async () => {
  const { base, inspect } = await open()
  expect((await inspect(account.accessToken, account.accessToken)).statusCode).toBe(200)
  const { statusCode, json } = await call('GET', `${base}/debug_token?input_token=x`)
  expect(statusCode).toBeGreaterThanOrEqual(400)
  expect(json.error?.code).toBe(104)
})

test('the token of the app: the app token of client_credentials asks as well', async () => {
  const { base, inspect } = await open()
  const query = `client_id=${account.appId}&client_secret=${account.appSecret}&grant_type=client_credentials`
  const { json } = await call('GET', `${base}/oauth/access_token?${query}`)
  expect((await inspect(account.accessToken, json.access_token)).json.data?.is_valid).toBe(true)
})

test('issue and revocation: an issued token has the rights and the life that were asked for', async () => {
  const { base, inspect } = await open()
  const proof = createHmac('sha256', account.appSecret).update(account.accessToken).digest('hex')
  const query = new URLSearchParams({
    business_app: account.appId,
    scope: 'whatsapp_business_messaging',
    appsecret_proof: proof,
    access_token: account.accessToken,
    set_token_expires_in_60_days: 'true',
  })
  const { json } = await call('POST', `${base}/${account.systemUserId}/access_tokens?${query}`)
  const { data } = (await inspect(json.access_token ?? '')).json
  expect(data).toMatchObject({ is_valid: true, scopes: ['whatsapp_business_messaging'] })
  expect(Number(data?.expires_at) - Number(data?.issued_at)).toBe(5_184_000)
})
