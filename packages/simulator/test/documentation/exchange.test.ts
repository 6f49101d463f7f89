import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { account, bearer, call, start, type Answer } from './provider.ts'

const SIXTY_DAYS_MS = 5_184_000_000

async function open(options: Parameters<typeof start>[0] = {}) {
  const simulator = await start(options)
  const base = `${simulator.graphUrl}/v26.0`
  const exchange = (token: string, changes: Record<string, string> = {}): Promise<Answer> => {
    const query = {
      grant_type: 'fb_exchange_token',
      client_id: account.appId,
      client_secret: account.appSecret,
      fb_exchange_token: token,
      ...changes,
    }
    return call('GET', `${base}/oauth/access_token?${new URLSearchParams(query)}`)
  }
  const phone = (token: string) => call('GET', `${base}/${account.phoneNumberId}`, bearer(token))
  return { simulator, base, exchange, phone }
}

test('an exchange: a live token buys a new one, and the old one lives on', async () => {
  const { exchange, phone } = await open()
  const { statusCode, json } = await exchange(account.accessToken, { set_token_expires_in_60_days: 'true' })
  expect(statusCode).toBe(200)
  expect(json).toMatchObject({ token_type: 'bearer', access_token: expect.any(String) as string })
  expect(Number(json.expires_in)).toBeGreaterThan(5_180_000)
  expect(Number(json.expires_in)).toBeLessThanOrEqual(5_184_000)
  expect(json.access_token).not.toBe(account.accessToken)
  expect((await phone(json.access_token ?? '')).statusCode).toBe(200)
  expect((await phone(account.accessToken)).statusCode).toBe(200)
})

test('an exchange: a token that never expires has no expires_in', async () => {
  const { exchange } = await open({ tokenLifeSeconds: 0 })
  const { statusCode, json } = await exchange(account.accessToken)
  expect([statusCode, 'expires_in' in json]).toEqual([200, false])
})

test('an exchange: an expired token buys nothing', async () => {
  const { simulator, exchange } = await open({ clock: { speed: 0 } })
  simulator.clock.advance(SIXTY_DAYS_MS + 1000)
  const { statusCode, json } = await exchange(account.accessToken)
  expect(statusCode).toBe(400)
  expect(json.error).toMatchObject({ type: 'OAuthException', code: 190, error_subcode: 463 })
  expect(json.error?.message).toMatch(
    /^Error validating access token: Session has expired on \w+, \d\d-\w{3}-\d\d \d\d:\d\d:\d\d P[DS]T\. The current time is /,
  )
})

test('an exchange: a wrong secret and a wrong app are refused', async () => {
  const { exchange } = await open()
  const secret = await exchange(account.accessToken, { client_secret: 'x' })
  expect(secret.statusCode).toBe(400)
  expect(secret.json.error).toMatchObject({
    message: 'Error validating client secret.',
    type: 'OAuthException',
    code: 1,
  })
  const app = await exchange(account.accessToken, { client_id: '1' })
  expect([app.statusCode, app.json.error?.code]).toEqual([400, 101])
  expect(app.json.error?.message).toMatch(/^Error validating application/)
})

test('the token of the app: an app gets a token of its own', async () => {
  const { base } = await open()
  const query = {
    client_id: account.appId,
    client_secret: account.appSecret,
    grant_type: 'client_credentials',
  }
  const { statusCode, json } = await call('GET', `${base}/oauth/access_token?${new URLSearchParams(query)}`)
  expect(statusCode).toBe(200)
  expect(Object.keys(json).toSorted()).toEqual(['access_token', 'token_type'])
  expect(json).toMatchObject({ token_type: 'bearer' })
  expect(json.access_token).toMatch(new RegExp(`^${account.appId}\\|.+`))
})

const proofOf = (token: string) => createHmac('sha256', account.appSecret).update(token).digest('hex')

test('issue and revocation: a system user is issued a token', async () => {
  const { base, phone } = await open()
  const query = new URLSearchParams({
    business_app: account.appId,
    scope: 'whatsapp_business_messaging,whatsapp_business_management',
    appsecret_proof: proofOf(account.accessToken),
    access_token: account.accessToken,
    set_token_expires_in_60_days: 'true',
  })
  const { statusCode, json } = await call('POST', `${base}/${account.systemUserId}/access_tokens?${query}`)
  expect([statusCode, Object.keys(json)]).toEqual([200, ['access_token']])
  expect((await phone(json.access_token ?? '')).statusCode).toBe(200)
})

test('issue and revocation: a revoked token is dead at once', async () => {
  const { base, exchange, phone } = await open()
  const next = (await exchange(account.accessToken)).json.access_token ?? ''
  const query = new URLSearchParams({
    client_id: account.appId,
    client_secret: account.appSecret,
    revoke_token: account.accessToken,
    access_token: next,
  })
  const { statusCode, text } = await call('GET', `${base}/oauth/revoke?${query}`)
  expect([statusCode, text]).toEqual([200, '{"success":"true"}'])
  const { statusCode: refused, json } = await phone(account.accessToken)
  expect([refused, json.error?.code]).toEqual([401, 190])
  expect((await phone(next)).statusCode).toBe(200)
  const late = await exchange(account.accessToken)
  expect([late.statusCode, late.json.error?.code]).toEqual([400, 190])
})

test('issue and revocation: a user who takes all permissions back turns the app out', async () => {
  const { simulator, base, phone } = await open()
  const token = simulator.issueToken({ type: 'USER' })
  const who = await call('GET', `${base}/me`, bearer(token))
  const taken = await call('DELETE', `${base}/${who.json.id}/permissions`, bearer(token))
  expect([taken.statusCode, taken.text]).toEqual([200, expect.stringMatching(/true/)])
  const { json } = await phone(token)
  expect(json.error).toMatchObject({ code: 190, error_subcode: 458 })
})

test('the proof of the app secret: the proof of the app secret goes with every call once it is required', async () => {
  const { base } = await open({ requireProof: true })
  const url = `${base}/${account.phoneNumberId}`
  const without = await call('GET', url, bearer(account.accessToken))
  expect([without.statusCode, without.json.error?.code]).toEqual([400, 100])
  expect(without.json.error).toMatchObject({
    type: 'GraphMethodException',
    message: 'API calls from the server require an appsecret_proof argument',
  })
  const given = `${url}?appsecret_proof=${proofOf(account.accessToken)}`
  expect((await call('GET', given, bearer(account.accessToken))).statusCode).toBe(200)
  const wrong = await call('GET', `${url}?appsecret_proof=${proofOf('x')}`, bearer(account.accessToken))
  expect(wrong.json.error?.message).toBe('Invalid appsecret_proof provided in the API argument')
})
