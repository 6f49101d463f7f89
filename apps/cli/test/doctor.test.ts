/** Every check against a simulated Meta and a real Redis, each with its fault planted. */
import {
  createKeys,
  createSealer,
  createTokenVault,
  fingerprint,
  parseRedisFacts,
  Secret,
  type StoredToken,
} from '@relais/core'
import { createSimulator, type Simulator } from '@relais/simulator'
import { freePort, startRedis, uniquePrefix } from '@relais/testing'
import { Redis } from 'ioredis'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { judgeRedis } from '../src/checks/redis.ts'
import { judgeTokenInUse } from '../src/checks/token.ts'
import { judgeTemplate } from '../src/checks/template.ts'
import { runDoctor } from '../src/commands/doctor.ts'
import { createPaint } from '../src/paint.ts'

type Row = { name: string; result: string; what: string; nextStep?: string }
type Report = { code: number; rows: Row[]; text: string }

const appSecret = 'appsecretappsecretappsecret'
const accessToken = 'EAAfirsttokenfirsttokenfirsttoken'
const encryptionKey = Buffer.alloc(32, 7).toString('base64')
const ids = { phoneNumberId: '106540352242922', businessId: '102290129340398', appId: '138483919580948' }
const DAY_MS = 86_400_000

let simulator: Simulator
let redis: Redis
let redisUrl = ''
beforeAll(async () => {
  const server = await startRedis({ persistent: true })
  redisUrl = server.url
  redis = new Redis(redisUrl, { replyMapping: 'legacy' })
  const template = { name: 'otp_login', language: 'fr', messageSendTtlSeconds: 300 }
  simulator = await createSimulator({
    ...ids,
    accessToken,
    appSecret,
    templates: [
      template,
      { ...template, name: 'waiting', status: 'PENDING' },
      { ...template, name: 'slow', messageSendTtlSeconds: -1 },
    ],
    webhookUrl: 'http://127.0.0.1:1/',
  })
  return async () => {
    redis.disconnect()
    await Promise.all([simulator.close(), server.stop()])
  }
})

/** A system whose token is stored and whose receipts come. */
let environment: Record<string, string>
beforeEach(async () => {
  const prefix = uniquePrefix()
  environment = {
    REDIS_URL: redisUrl,
    QUEUE_PREFIX: prefix,
    ENCRYPTION_KEYS: `k1:${encryptionKey}`,
    API_KEYS: 'wallet:a-good-key',
    OPS_KEYS: 'awa:another-key',
    WHATSAPP_PHONE_NUMBER_ID: ids.phoneNumberId,
    WHATSAPP_BUSINESS_ID: ids.businessId,
    WHATSAPP_APP_ID: ids.appId,
    WHATSAPP_APP_SECRET: appSecret,
    WHATSAPP_ACCESS_TOKEN: accessToken,
    WHATSAPP_API_BASE_URL: simulator.graphUrl,
    WHATSAPP_WEBHOOK_VERIFY_TOKEN: 'verify-token-verify-token',
  }
  await vaultOf(prefix).bootstrap({
    accessToken: new Secret(accessToken),
    source: 'env',
    obtainedAt: Date.now(),
  })
  await redis.set(createKeys(prefix).lastReceipt(), String(Date.now()))
})

function vaultOf(prefix: string) {
  const sealer = createSealer([{ id: 'k1', key: new Secret(encryptionKey) }])
  return createTokenVault({ redis, keys: createKeys(prefix), sealer, senderId: ids.phoneNumberId })
}

async function check(changes: Record<string, string> = {}, mayExchange = false): Promise<Report> {
  let text = ''
  const print = (more: string) => void (text += more)
  const code = await runDoctor({
    environment: { ...environment, ...changes },
    mayExchange,
    isJson: true,
    paint: createPaint(false),
    print,
  })
  return { code, rows: (JSON.parse(text) as { checks: Row[] }).checks, text }
}

/** The row with the fault; every complaint must say what to do, and none may show a secret. */
async function expectFault(name: string, result: string, changes: Record<string, string>): Promise<Row> {
  const { rows, text, code } = await check(changes)
  const found = rows.find((row) => row.name === name && row.result === result)
  expect(found, text).toBeDefined()
  for (const row of rows.filter((each) => ['warn', 'fail'].includes(each.result)))
    expect(row.nextStep, row.what).toMatch(/.{10}/)
  expect(code).toBe(name === 'settings' ? 78 : rows.some((row) => row.result === 'fail') ? 2 : 1)
  for (const secret of [appSecret, accessToken, encryptionKey, 'EAA', 'another-key', 'verify-token'])
    expect(text).not.toContain(secret)
  return found ?? { name: '', result: '', what: '' }
}

it('a good system gets nothing but ok', async () => {
  const { rows, code } = await check()
  expect(rows.filter(({ result }) => result !== 'ok')).toMatchObject([
    { name: 'exchange', result: 'skipped' },
  ])
  expect(code).toBe(0)
})

describe('a planted fault is found, with the next step', () => {
  it.for<[string, string, Record<string, string>]>([
    ['template', 'fail', { WHATSAPP_TEMPLATE_LANGUAGE: 'en_US' }],
    ['template', 'fail', { WHATSAPP_OTP_TEMPLATE: 'no_such_template' }],
    ['template', 'fail', { WHATSAPP_OTP_TEMPLATE: 'waiting' }],
    ['template', 'fail', { WHATSAPP_BUSINESS_ID: '999999999' }],
    ['template time to live', 'warn', { WHATSAPP_OTP_TEMPLATE: 'slow' }],
    ['template time to live', 'warn', { OTP_TTL_SECONDS: '60' }],
    ['business account', 'warn', { WHATSAPP_BUSINESS_ID: '' }],
    ['token', 'fail', { QUEUE_PREFIX: 'empty', WHATSAPP_ACCESS_TOKEN: '' }],
    ['token', 'fail', { QUEUE_PREFIX: 'empty', WHATSAPP_ACCESS_TOKEN: 'EAAgarbage' }],
    ["environment's token", 'warn', { WHATSAPP_ACCESS_TOKEN: 'EAAgarbage' }],
    ['stored token', 'fail', { ENCRYPTION_KEYS: `k2:${Buffer.alloc(32, 9).toString('base64')}` }],
    ['app', 'fail', { WHATSAPP_APP_SECRET: 'not-the-secret' }],
    ['app', 'warn', { WHATSAPP_APP_SECRET: '' }],
    ['receipts', 'fail', { WHATSAPP_APP_SECRET: '' }],
    ['receipts', 'warn', { WHATSAPP_WEBHOOK_VERIFY_TOKEN: '' }],
    ['phone number', 'fail', { QUEUE_PREFIX: 'empty', WHATSAPP_PHONE_NUMBER_ID: '999999999' }],
    ['phone number', 'fail', { WHATSAPP_PHONE_NUMBER_ID: '' }],
    ['webhook subscription', 'fail', { WHATSAPP_APP_ID: '999999999' }],
    ['settings', 'fail', { OTP_TTL_SECONDS: 'soon' }],
    ['settings', 'fail', { REDIS_URL: '' }],
    ['settings', 'fail', { WHATSAPP_API_BASE_URL: 'graph' }],
  ])('%s: %s with %j', async ([name, result, changes]) => {
    await expectFault(name, result, changes)
  })

  it.for<[string, string, Parameters<Simulator['issueToken']>[0]]>([
    ['token permissions', 'fail', { scopes: ['whatsapp_business_management'] }],
    ['token permissions', 'warn', { scopes: ['whatsapp_business_messaging'] }],
    ['token kind', 'warn', { type: 'USER' }],
  ])('%s: %s of a token with %j', async ([name, result, request]) => {
    const token = { QUEUE_PREFIX: 'empty', WHATSAPP_ACCESS_TOKEN: simulator.issueToken(request) }
    await expectFault(name, result, token)
  })

  it('a revoked token, told by its fingerprint', async () => {
    const token = simulator.issueToken()
    const vault = vaultOf(environment['QUEUE_PREFIX'] ?? '')
    const record = await vault.read()
    await vault.commit(record ?? { generation: '', version: 0 }, {
      accessToken: new Secret(token),
      source: 'manual',
      obtainedAt: Date.now(),
    })
    simulator.revokeToken(token)
    const { what } = await expectFault('token', 'fail', {})
    expect(what).toContain(fingerprint(new Secret(token)))
  })

  it('a Meta or a Redis that does not answer, and the other one is looked at all the same', async () => {
    const port = await freePort()
    await expectFault('meta', 'fail', { WHATSAPP_API_BASE_URL: `http://127.0.0.1:${port}` })
    const { rows } = await check({
      REDIS_URL: `redis://:${encryptionKey.replaceAll('/', '')}@127.0.0.1:${port}`,
    })
    expect(rows.find(({ name }) => name === 'redis')).toMatchObject({ result: 'fail' })
    expect(rows.find(({ name }) => name === 'template')).toMatchObject({ result: 'ok' })
    expect(JSON.stringify(rows)).not.toContain(encryptionKey.slice(0, 20))
  })

  it('an exchange without an API, which would be lost', async () => {
    const exchanges = () => simulator.calls().filter(({ kind }) => kind === 'exchange').length
    const { rows } = await check({ RELAIS_URL: `http://127.0.0.1:${await freePort()}` }, true)
    expect(rows.find(({ name }) => name === 'exchange')).toMatchObject({
      result: 'fail',
      what: expect.stringContaining('Not made'),
    })
    expect(exchanges()).toBe(0)
  })
})

describe('redis', () => {
  const info = (fields: Record<string, string>) =>
    Object.entries({ redis_version: '7.2.4', maxmemory_policy: 'noeviction', aof_enabled: '1', ...fields })
      .map(([name, value]) => `${name}:${value}`)
      .join('\r\n')
  const results = (text: string | undefined) =>
    judgeRedis(text === undefined ? undefined : parseRedisFacts(text)).map(({ result }) => result)

  it('is judged by what INFO says, and what it does not say is a warning', () => {
    expect(results(info({}))).toEqual(['ok', 'ok', 'ok'])
    expect(results(info({ redis_version: '6.2.0' }))).toEqual(['ok', 'ok', 'ok'])
    expect(results(info({ redis_version: '6.0.20' }))).toEqual(['fail', 'ok', 'ok'])
    expect(results(info({ maxmemory_policy: 'allkeys-lru' }))).toEqual(['ok', 'fail', 'ok'])
    expect(results(info({ aof_enabled: '0' }))).toEqual(['ok', 'ok', 'fail'])
    expect(results('# nothing')).toEqual(['warn', 'warn', 'warn'])
    expect(results(undefined)).toEqual(['warn'])
  })
})

describe('the expiry of the token', () => {
  const now = Date.parse('2026-11-22T12:00:00Z')
  const token = {
    version: 1,
    accessToken: new Secret('EAAx'),
    source: 'env',
    obtainedAt: now - 50 * DAY_MS,
  } as const
  const failed = { at: now, ok: false, error: '2 down', failures: 1, retryAt: now } as const
  const judge = (expiresAt: number | null, lastRenewal?: typeof failed) => {
    const inspected = { kind: 'inspected' as const, isValid: true, expiresAt }
    const context = { appId: '1', renewBeforeMs: undefined, now, ...(lastRenewal && { lastRenewal }) }
    return judgeTokenInUse(token satisfies StoredToken, inspected, context).find(
      ({ name }) => name === 'token expiry',
    )
  }

  it('is fine while renewal is not due, a warning when it is overdue or failed, and a failure in the last days', () => {
    expect(judge(null)).toMatchObject({ result: 'ok' })
    expect(judge(now + 59 * DAY_MS)).toMatchObject({ result: 'ok' })
    expect(judge(now + 59 * DAY_MS, failed)).toMatchObject({ result: 'warn' })
    expect(judge(now + 10 * DAY_MS)).toMatchObject({ result: 'warn' })
    expect(judge(now + 2 * DAY_MS)).toMatchObject({ result: 'fail' })
    expect(judge(now + 2 * DAY_MS, failed)).toMatchObject({ result: 'fail' })
  })
})

describe("the template's time to live", () => {
  const template = { name: 'otp_login', language: 'fr', status: 'APPROVED', category: 'AUTHENTICATION' }
  const judge = (changes: object) => {
    const found = { kind: 'templates' as const, templates: [{ ...template, ...changes }] }
    return judgeTemplate(found, { name: 'otp_login', language: 'fr', otpTtlSeconds: 300 })
  }
  it.for([
    [{ ttlSeconds: 300 }, 'ok'],
    [{ ttlSeconds: 301 }, 'warn'],
    [{ ttlSeconds: null }, 'warn'],
    [{ ttlSeconds: -1 }, 'warn'],
    [{}, 'skipped'],
  ] as const)('%j is %s for codes that live 300 s', ([changes, result]) => {
    expect(judge(changes).at(-1)).toMatchObject({ name: 'template time to live', result })
  })

  it('a template that is no authentication template cannot carry codes', () => {
    expect(judge({ category: 'UTILITY' })[1]).toMatchObject({ result: 'fail' })
  })
})
