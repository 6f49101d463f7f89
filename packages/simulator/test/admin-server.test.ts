import { createHmac } from 'node:crypto'
import http from 'node:http'
import { expect, test } from 'vitest'
import { codeFor, createReceiver, eventually, identity, online, setup } from './setup.ts'

/** What tests look at in an answer; which part is there depends on the path. */
type AdminBody = {
  messages: object[]
  calls: object[]
  accessToken: string
  tokens: { fingerprint: string; state: string }[]
  url: string
  message: string
}

async function setupAdmin() {
  const bundle = await setup({ adminPort: 0 })
  const adminUrl = bundle.simulator.adminUrl ?? ''
  async function admin(method: string, path: string, body?: unknown) {
    const init =
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const response = await fetch(adminUrl + path, { method, ...init })
    return { statusCode: response.status, body: (await response.json()) as AdminBody }
  }
  return { ...bundle, admin }
}

test('the control API shows what happened', async () => {
  const { admin, send } = await setupAdmin()
  await send(codeFor(online))
  expect((await admin('GET', '/healthz')).body).toEqual({ ok: true })
  expect((await admin('GET', '/state')).body).toMatchObject({
    messages: 1,
    calls: 1,
    faultsWaiting: 0,
    tokens: 1,
  })
  expect((await admin('GET', '/messages')).body.messages).toMatchObject([{ to: online, code: '482913' }])
  expect((await admin('GET', '/calls')).body.calls).toMatchObject([{ kind: 'send', statusCode: 200 }])
})

test('faults are put in and taken out', async () => {
  const { admin, send } = await setupAdmin()
  const faults = [
    { kind: 'error', code: 190, subcode: 463 },
    { kind: 'html', statusCode: 502, times: 3 },
  ]
  expect((await admin('POST', '/faults', { faults })).body).toEqual({ waiting: 4 })
  expect((await send(codeFor(online))).body.error.error_subcode).toBe(463)
  expect((await admin('DELETE', '/faults')).body).toEqual({ waiting: 0 })
  expect((await send(codeFor(online))).statusCode).toBe(200)
})

test('tokens are issued, expired and revoked; the list shows fingerprints', async () => {
  const { admin, send } = await setupAdmin()
  const issued = await admin('POST', '/tokens', { type: 'SYSTEM_USER', lifeSeconds: 60 })
  expect(issued.statusCode).toBe(201)
  const { accessToken } = issued.body
  expect((await send(codeFor(online), accessToken)).statusCode).toBe(200)
  const listed = await admin('POST', '/tokens/expire', { accessToken })
  expect(listed.body.tokens.map(({ state }) => state)).toEqual(['live', 'expired'])
  await admin('POST', '/tokens/revoke', { fingerprint: listed.body.tokens[0]?.fingerprint })
  expect((await send(codeFor(online))).body.error.error_subcode).toBe(467)
  expect(JSON.stringify((await admin('GET', '/tokens')).body)).not.toContain(accessToken)
})

test('the webhook address can change, and reset brings everything back', async () => {
  const { admin, send } = await setupAdmin()
  const receiver = await createReceiver()
  expect((await admin('POST', '/webhook', { url: receiver.url })).body.url).toBe(receiver.url)
  await send(codeFor('+221771230001'))
  await eventually(receiver.statuses, ({ length }) => length === 1)
  expect((await admin('POST', '/reset')).body).toMatchObject({ messages: 0, webhook: { url: null } })
})

test.each([
  ['/faults', { faults: [{ kind: 'earthquake' }] }],
  ['/faults', { faults: [{ kind: 'error', code: '190' }] }],
  ['/faults', { faults: [{ kind: 'reset' }] }],
  ['/faults', [{ kind: 'none' }]],
  ['/webhook', { url: 'ftp://x' }],
  ['/webhook', {}],
  ['/tokens', { type: 'KING' }],
  ['/tokens', { lifeSeconds: -1 }],
  ['/tokens/revoke', {}],
])('POST %s with %j is a 400 in JSON', async (path, body) => {
  const { admin } = await setupAdmin()
  const answer = await admin('POST', path, body)
  expect(answer.statusCode).toBe(400)
  expect(answer.body.message).toEqual(expect.any(String))
})

test('a bad fault is told what its own kind wants', async () => {
  const { admin } = await setupAdmin()
  const { body } = await admin('POST', '/faults', { faults: [{ kind: 'reset' }] })
  expect(body.message).toBe("body/faults/0 must have required property 'accepted'")
})

test('a call without a body may call itself JSON', async () => {
  const { simulator } = await setupAdmin()
  const headers = { 'content-type': 'application/json' }
  expect(await statusOf(simulator.adminUrl, headers)).toBe(200)
  expect(await statusOf(simulator.adminUrl, headers, '/tokens/revoke')).toBe(400)
})

test('web sites can neither read nor change anything', async () => {
  const { simulator, send } = await setupAdmin()
  await send(codeFor(online))
  const status = (headers: http.OutgoingHttpHeaders) => statusOf(simulator.adminUrl, headers)
  expect(await status({ origin: 'https://evil.example' })).toBe(403)
  expect(await status({ origin: 'null' })).toBe(403)
  // The phones page is another origin, too.
  expect(await status({ origin: simulator.graphUrl })).toBe(403)
  // A foreign name that was made to point to this machine.
  expect(await status({ host: 'evil.example', origin: 'http://evil.example' })).toBe(403)
  expect(await status({ host: 'evil.example:4011' })).toBe(403)
  expect(simulator.messages()).toHaveLength(1)
  for (const host of [
    'localhost:4011',
    'simulator:4011',
    'simulator.default.svc.cluster.local',
    '[::1]:4011',
  ])
    expect(await status({ host })).toBe(200)
})

test('the app secret changes while everything runs, and the old one is worth nothing', async () => {
  const { admin, exchange, get, send } = await setupAdmin()
  const receiver = await createReceiver()
  await admin('POST', '/webhook', { url: receiver.url })
  const proven = (secret: string) => {
    const proof = createHmac('sha256', secret).update(identity.accessToken).digest('hex')
    return get(`/v26.0/me?appsecret_proof=${proof}`)
  }
  expect((await proven(identity.appSecret)).statusCode).toBe(200)
  expect((await admin('POST', '/app-secret', { appSecret: 'two words' })).statusCode).toBe(400)
  expect((await admin('POST', '/app-secret', { appSecret: 'new-secret' })).body).toEqual({ changed: true })
  expect((await exchange(identity.accessToken)).body.error.code).toBe(1)
  const renewed = await exchange(identity.accessToken, { client_secret: 'new-secret' })
  expect((await send(codeFor('+5351234567'), renewed.body.access_token)).statusCode).toBe(200)
  expect((await proven(identity.appSecret)).statusCode).toBe(400)
  expect((await proven('new-secret')).statusCode).toBe(200)
  const debug = `/v26.0/debug_token?input_token=${identity.accessToken}`
  expect((await get(debug, `${identity.appId}|${identity.appSecret}`)).statusCode).toBe(400)
  expect((await get(debug, `${identity.appId}|new-secret`)).statusCode).toBe(200)
  await eventually(receiver.posts, (posts) => posts === 1)
  const [post] = receiver.requests
  const hash = createHmac('sha256', 'new-secret').update(post?.raw ?? '')
  expect(post?.signature).toBe(`sha256=${hash.digest('hex')}`)
  await admin('POST', '/reset')
  expect((await exchange(identity.accessToken)).statusCode).toBe(200)
})

test('nothing of it is on the Graph port, and without an admin port there is none', async () => {
  const { simulator, get } = await setup()
  expect(simulator.adminUrl).toBeUndefined()
  for (const path of ['/state', '/tokens', '/faults', '/v26.0/state']) {
    expect((await get(path)).statusCode).toBe(400)
  }
})

test('a simulator whose port is taken rejects and leaves nothing open', async () => {
  const { simulator } = await setup()
  const port = Number(new URL(simulator.graphUrl).port)
  await expect(setup({ port })).rejects.toMatchObject({ code: 'EADDRINUSE', port })
})

/** The status of a POST with exactly these headers, which `fetch` would not send. */
function statusOf(url = '', headers: http.OutgoingHttpHeaders = {}, path = '/reset'): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${url}${path}`, { method: 'POST', headers }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('error', reject)
    request.end()
  })
}
