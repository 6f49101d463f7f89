import { expect, test } from 'vitest'
import { childSettings, hasOwnRedisSettings } from './settings.mjs'
import { shownRedis, welcomeText } from './welcome.mjs'

const keys = {
  apiKey: 'made-api-key',
  opsKey: 'made-ops-key',
  encryptionKey: 'a2V5',
  webhookVerifyToken: 'made-verify',
  phoneNumberId: '111',
  businessId: '222',
  appId: '333',
  appSecret: 'made-secret',
}
const ports = {
  PORT: 3000,
  SIMULATOR_PORT: 4010,
  SIMULATOR_ADMIN_PORT: 4011,
  apiMetrics: 9464,
  workerMetrics: 9465,
}
const settingsFor = (env) =>
  childSettings({ env, keys, ports, redisUrl: 'redis://127.0.0.1:1', isTerminal: false })

test('without credentials all three processes share one simulated account', () => {
  const { api, worker, simulator } = settingsFor({})
  const shared = Object.keys(simulator).filter((name) => name.startsWith('WHATSAPP_'))
  expect(shared).toHaveLength(5)
  for (const name of shared) expect([api[name], worker[name]]).toEqual([simulator[name], simulator[name]])
  expect(api).toMatchObject({
    API_KEYS: 'demo:made-api-key',
    OPS_KEYS: 'ops:made-ops-key',
    METRICS_PORT: '9464',
  })
  expect(worker).toMatchObject({ METRICS_PORT: '9465', WHATSAPP_API_BASE_URL: 'http://127.0.0.1:4010' })
  expect(simulator.SIMULATOR_WEBHOOK_URL).toBe('http://127.0.0.1:3000/api/webhooks/whatsapp')
})

test('the simulated access token is another at each start', () => {
  expect(settingsFor({}).api.WHATSAPP_ACCESS_TOKEN).not.toBe(settingsFor({}).api.WHATSAPP_ACCESS_TOKEN)
})

test('real credentials start no simulator and expect no receipts that nobody configured', () => {
  const { api, simulator } = settingsFor({ WHATSAPP_PHONE_NUMBER_ID: '1', WHATSAPP_ACCESS_TOKEN: 'real' })
  expect(simulator).toBeUndefined()
  expect(Object.keys(api).filter((name) => name.startsWith('WHATSAPP_'))).toEqual([])
})

test('what the environment sets stays, and an empty value counts as none', () => {
  const { api } = settingsFor({ API_KEYS: 'wallet:k', OPS_KEYS: '', TOKEN_RENEW_BEFORE_SECONDS: '60' })
  expect(api).not.toHaveProperty('API_KEYS')
  expect(api).not.toHaveProperty('TOKEN_RENEW_BEFORE_SECONDS')
  expect(api.OPS_KEYS).toBe('ops:made-ops-key')
})

test('what a file holds counts as set, and a value is never put beside its file', () => {
  const files = { API_KEYS_FILE: '/keys', WHATSAPP_APP_SECRET_FILE: '/secret' }
  const { api, simulator } = settingsFor(files)
  expect(api).not.toHaveProperty('API_KEYS')
  expect(api).toMatchObject({ WHATSAPP_APP_SECRET: 'made-secret', WHATSAPP_APP_SECRET_FILE: '' })
  expect(simulator.WHATSAPP_APP_SECRET).toBe('made-secret')
  const real = { WHATSAPP_PHONE_NUMBER_ID: '1', WHATSAPP_ACCESS_TOKEN_FILE: '/token' }
  expect(settingsFor(real).simulator).toBeUndefined()
  expect(hasOwnRedisSettings({ REDIS_URL_FILE: '/url' })).toBe(true)
})

test('a Redis given by sentinels or a cluster is used too', () => {
  expect(hasOwnRedisSettings({ REDIS_SENTINELS: 'a:1' })).toBe(true)
  expect(hasOwnRedisSettings({ REDIS_URL: '' })).toBe(false)
})

test('the welcome shows keys of our making, and neither keys of the environment nor a password', () => {
  const facts = { api: 'http://127.0.0.1:3000', phones: undefined, redis: 'redis://db:6379', keys }
  expect(welcomeText({ ...facts, env: {} })).toContain('Bearer made-api-key')
  const text = welcomeText({ ...facts, env: { API_KEYS: 'wallet:hidden', OPS_KEYS: 'awa:hidden' } })
  expect(text).not.toMatch(/hidden|made-/)
  expect(shownRedis({ REDIS_URL: 'rediss://user:hidden@db:6379/2' })).toBe('rediss://db:6379/2')
})
