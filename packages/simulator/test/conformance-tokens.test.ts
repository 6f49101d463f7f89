import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Operation } from '../src/conformance/index.ts'
import type { Simulator } from '../src/index.ts'
import { checked, reads, sending, type Call } from './checked.ts'
import { codeFor, identity, online, setup } from './setup.ts'

const app = { client_id: identity.appId, client_secret: identity.appSecret }
const appToken = `${identity.appId}|${identity.appSecret}`
const proof = createHmac('sha256', identity.appSecret).update(identity.accessToken).digest('hex')
const systemUserId = '122000000000001'

const tokenCalls: [string, Operation, number, Call][] = [
  [
    'an exchange',
    'exchange',
    200,
    {
      path: '/v26.0/oauth/access_token',
      token: null,
      query: { grant_type: 'fb_exchange_token', ...app, fb_exchange_token: identity.accessToken },
    },
  ],
  [
    'an exchange for another secret',
    'exchange',
    1,
    {
      path: '/v26.0/oauth/access_token',
      token: null,
      query: {
        grant_type: 'fb_exchange_token',
        ...app,
        client_secret: 'x',
        fb_exchange_token: identity.accessToken,
      },
    },
  ],
  [
    'an exchange for another app',
    'exchange',
    101,
    {
      path: '/v26.0/oauth/access_token',
      token: null,
      query: {
        grant_type: 'fb_exchange_token',
        ...app,
        client_id: '1',
        fb_exchange_token: identity.accessToken,
      },
    },
  ],
  [
    'an exchange of nothing',
    'exchange',
    100,
    { path: '/v26.0/oauth/access_token', token: null, query: { grant_type: 'fb_exchange_token', ...app } },
  ],
  [
    'an exchange of nonsense',
    'exchange',
    190,
    {
      path: '/v26.0/oauth/access_token',
      token: null,
      query: { grant_type: 'fb_exchange_token', ...app, fb_exchange_token: 'nonsense' },
    },
  ],
  [
    'an exchange by another grant',
    'exchange',
    100,
    { path: '/v26.0/oauth/access_token', token: null, query: { grant_type: 'refresh_token', ...app } },
  ],
  [
    "the app's own token",
    'app_token',
    200,
    { path: '/v26.0/oauth/access_token', token: null, query: { grant_type: 'client_credentials', ...app } },
  ],
  [
    'an inspection',
    'debug_token',
    200,
    { path: '/v26.0/debug_token', token: appToken, query: { input_token: identity.accessToken } },
  ],
  [
    'an inspection of nonsense',
    'debug_token',
    200,
    { path: '/v26.0/debug_token', token: appToken, query: { input_token: 'nonsense' } },
  ],
  ['an inspection of nothing', 'debug_token', 100, { path: '/v26.0/debug_token', token: appToken }],
  [
    'an inspection by nobody',
    'debug_token',
    104,
    { path: '/v26.0/debug_token', token: null, query: { input_token: 'x' } },
  ],
  [
    'an inspection by another app',
    'debug_token',
    190,
    { path: '/v26.0/debug_token', token: '1|x', query: { input_token: 'x' } },
  ],
  [
    'a revocation',
    'revoke',
    200,
    {
      path: '/v26.0/oauth/revoke',
      token: null,
      query: { ...app, revoke_token: identity.accessToken, access_token: identity.accessToken },
    },
  ],
  [
    'a revocation of nonsense',
    'revoke',
    190,
    {
      path: '/v26.0/oauth/revoke',
      token: null,
      query: { ...app, revoke_token: 'x', access_token: identity.accessToken },
    },
  ],
  [
    'an issue',
    'issue_token',
    200,
    {
      method: 'POST',
      path: `/v26.0/${systemUserId}/access_tokens`,
      token: null,
      query: {
        business_app: identity.appId,
        scope: 'whatsapp_business_messaging',
        appsecret_proof: proof,
        access_token: identity.accessToken,
      },
    },
  ],
  [
    'an issue without proof',
    'issue_token',
    100,
    {
      method: 'POST',
      path: `/v26.0/${systemUserId}/access_tokens`,
      query: { business_app: identity.appId },
    },
  ],
  [
    'an issue for another user',
    'issue_token',
    100,
    {
      method: 'POST',
      path: '/v26.0/77/access_tokens',
      query: { business_app: identity.appId, appsecret_proof: proof },
    },
  ],
]

test.each(tokenCalls)('%s conforms', async (_what, operation, expected, call) => {
  const { simulator } = await setup()
  expect(await checked(simulator.graphUrl, operation, call)).toBe(expected)
})

type Spoil = (simulator: Simulator) => string | null

const spoiledTokens: [string, number, Spoil][] = [
  ['no token', 104, () => null],
  ['an unreadable token', 190, () => 'nonsense'],
  [
    'an expired token',
    190,
    (simulator) => (simulator.expireToken(identity.accessToken), identity.accessToken),
  ],
  [
    'a revoked token',
    190,
    (simulator) => (simulator.revokeToken(identity.accessToken), identity.accessToken),
  ],
  [
    'a token of an app that was turned out',
    190,
    (simulator) => (simulator.deauthoriseApp(), identity.accessToken),
  ],
]

test.each(spoiledTokens)('%s is turned down in conformity on every call', async (_what, code, spoil) => {
  const { simulator } = await setup()
  const token = spoil(simulator)
  expect(await checked(simulator.graphUrl, 'send', sending(codeFor(online), { token }))).toBe(code)
  for (const [operation, call] of reads)
    expect(await checked(simulator.graphUrl, operation, { ...call, token })).toBe(code)
  if (token === null) return
  const inspection = { path: '/v26.0/debug_token', token: appToken, query: { input_token: token } }
  expect(await checked(simulator.graphUrl, 'debug_token', inspection)).toBe(200)
  const query = { grant_type: 'fb_exchange_token', ...app, fb_exchange_token: token }
  expect(
    await checked(simulator.graphUrl, 'exchange', { path: '/v26.0/oauth/access_token', token: null, query }),
  ).toBe(190)
})

test('a token that may not, an unknown object and a wrong proof are turned down in conformity', async () => {
  const { simulator } = await setup()
  const powerless = simulator.issueToken({ scopes: ['business_management'] })
  expect(await checked(simulator.graphUrl, 'send', sending(codeFor(online), { token: powerless }))).toBe(
    131005,
  )
  for (const [operation, call] of reads)
    expect([10, 200]).toContain(await checked(simulator.graphUrl, operation, { ...call, token: powerless }))
  expect(
    await checked(simulator.graphUrl, 'send', sending(codeFor(online), { path: '/v26.0/999/messages' })),
  ).toBe(100)
  expect(await checked(simulator.graphUrl, 'phone_number', { path: '/v26.0/999' })).toBe(100)
  const query = { appsecret_proof: 'f'.repeat(64) }
  expect(await checked(simulator.graphUrl, 'send', sending(codeFor(online), { query }))).toBe(100)
  expect(await checked(simulator.graphUrl, 'phone_number', { path: '/v26.0/1/2/3' })).toBe(2500)
  expect(await checked(simulator.graphUrl, 'phone_number', { path: '/v9.0/1' })).toBe(2500)
})
