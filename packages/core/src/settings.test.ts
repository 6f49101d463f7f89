import { describe, expect, it } from 'vitest'
import { encryptionSettings, fallbackSettings, requireSense, sharedSettings } from './config.ts'
import { keyPrefix, redisTarget } from './redis-target.ts'
import { Fault } from './fault.ts'
import { readSettings, SettingsError, type Environment, type Setting } from './settings.ts'

const KEY = Buffer.alloc(32, 7).toString('base64')
const GOOD = { REDIS_URL: 'redis://127.0.0.1:6379', ENCRYPTION_KEYS: `k1:${KEY}` }

function linesOf(environment: Environment): string[] {
  try {
    requireSense(readSettings(environment, sharedSettings))
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.lines
    throw error
  }
}

const PUBLIC_KEY = fallbackSettings.fallbackPublicKey.example

describe('the settings', () => {
  it('have the defaults of the documentation', () => {
    const settings = readSettings(GOOD, sharedSettings)
    expect(settings).toMatchObject({
      prefix: 'relais',
      apiBaseUrl: 'https://graph.facebook.com',
      apiVersion: 'v26.0',
      otpTemplate: 'otp_login',
      templateLanguage: 'fr',
      otpTtlSeconds: 300,
      deliverWithinSeconds: 60,
      onUncertain: 'resend',
      maxAttempts: 5,
      sendTimeoutMs: 5000,
      sendRatePerSecond: 80,
      workerConcurrency: 50,
      renewCheckSeconds: 60,
      useMarginSeconds: 300,
      fallbackLog: 'stdout',
      fallbackCodes: 'plain',
      logLevel: 'info',
    })
    expect(settings.renewBeforeSeconds).toBeUndefined()
  })

  it('limit apps each by itself, or all alike', () => {
    const limits = (value?: string) =>
      readSettings({ ...GOOD, ...(value && { APP_MAX_PER_DAY: value }) }, sharedSettings).appMaxPerDay
    expect([limits()('wallet'), limits('5000')('wallet')]).toEqual([0, 5000])
    const each = limits('wallet:5000, shop:0')
    expect([each('wallet'), each('shop'), each('bank')]).toEqual([5000, 0, 0])
    const read = { ...GOOD, APP_COUNTRIES: 'wallet:SN|CI, shop:SN' }
    const { appCountries } = readSettings(read, sharedSettings)
    expect([...appCountries]).toEqual([
      ['wallet', new Set(['SN', 'CI'])],
      ['shop', new Set(['SN'])],
    ])
  })

  it('take an empty value for one that is not set', () => {
    expect(readSettings({ ...GOOD, OTP_TTL_SECONDS: '', LOG_LEVEL: ' ' }, sharedSettings).otpTtlSeconds).toBe(
      300,
    )
  })

  it('name every fault at once, one line each', () => {
    const lines = linesOf({ OTP_TTL_SECONDS: '5', MAX_ATTEMPTS: 'many' })
    expect(lines.map((line) => line.split(' ')[0])).toEqual([
      'REDIS_URL',
      'ENCRYPTION_KEYS',
      'OTP_TTL_SECONDS',
      'MAX_ATTEMPTS',
    ])
  })

  it.each([
    ['REDIS_URL', 'localhost:6379'],
    ['REDIS_URL', 'http://localhost'],
    ['QUEUE_PREFIX', 'a b'],
    ['REDIS_SENTINELS', 'a'],
    ['REDIS_SENTINELS', 'a:1,b:70000'],
    ['REDIS_SENTINEL_NAME', 'mymaster'],
    ['REDIS_CLUSTER', 'redis://a:1'],
    ['REDIS_CLUSTER', 'a:1'],
    ['REDIS_USERNAME', 'relais'],
    ['REDIS_PASSWORD', 'with space'],
    ['REDIS_SENTINEL_PASSWORD', 'secret'],
    ['REDIS_TLS', 'yes'],
    ['REDIS_TLS', 'on'],
    ['REDIS_TLS_CA', '/no/such/file'],
    ['REDIS_TLS_CERT', '/etc'],
    ['REDIS_TLS_KEY', '/dev/null'],
    ['REDIS_URL', 'rediss://a?tls=off'],
    ['REDIS_WAIT_REPLICAS', '11'],
    ['APP_MAX_WAITING', '-1'],
    ['RECIPIENT_MAX_PER_HOUR', '101'],
    ['RECIPIENT_COOLDOWN_SECONDS', 'a minute'],
    ['SOURCE_MAX_PER_HOUR', '100001'],
    ['PREFIX_MAX_PER_HOUR', '-1'],
    ['APP_MAX_PER_DAY', '1000000001'],
    ['APP_MAX_PER_DAY', 'wallet'],
    ['APP_MAX_PER_DAY', 'wallet:5,wallet:6'],
    ['APP_MAX_PER_DAY', 'wallet:5:6'],
    ['APP_MAX_PER_DAY', 'a b:5'],
    ['APP_COUNTRIES', 'SN'],
    ['APP_COUNTRIES', 'wallet:'],
    ['APP_COUNTRIES', 'wallet:sn'],
    ['APP_COUNTRIES', 'wallet:SN|XX'],
    ['APP_COUNTRIES', 'wallet:SN,wallet:CI'],
    ['PUMPING_GUARD', 'on'],
    ['ENCRYPTION_KEYS', 'k1:short'],
    ['ENCRYPTION_KEYS', `k1:${KEY},k1:${KEY}`],
    ['ENCRYPTION_KEYS', encryptionSettings.encryptionKeys.example],
    ['WHATSAPP_PHONE_NUMBER_ID', '+221771234567'],
    ['WHATSAPP_ACCESS_TOKEN', 'with space'],
    ['WHATSAPP_API_BASE_URL', 'graph.facebook.com'],
    ['WHATSAPP_API_VERSION', '26'],
    ['WHATSAPP_TEMPLATE_LANGUAGE', 'fr-FR'],
    ['OTP_TTL_SECONDS', '901'],
    ['OTP_TTL_SECONDS', '-1'],
    ['OTP_TTL_SECONDS', '60s'],
    ['OTP_TTL_SECONDS', '1e2'],
    ['ON_UNCERTAIN', 'maybe'],
    ['MAX_ATTEMPTS', '0'],
    ['SEND_RATE_PER_SECOND', '1.5'],
    ['TOKEN_RENEW_BEFORE_SECONDS', '0'],
    ['FALLBACK_CODES', 'hidden'],
    ['FALLBACK_PUBLIC_KEY', 'age1short'],
    ['FALLBACK_PUBLIC_KEY', `${PUBLIC_KEY},ssh-ed25519 AAAA`],
    ['FALLBACK_PUBLIC_KEY', Array.from({ length: 9 }, () => PUBLIC_KEY).join(',')],
    ['LOG_LEVEL', 'loud'],
    ['LOG_PRETTY', 'maybe'],
  ])('refuse %s=%s, with the name, what is wrong and an example', (name, value) => {
    const [line = '', ...others] = linesOf({ ...GOOD, [name]: value })
    expect(others).toEqual([])
    expect(line.startsWith(`${name} `)).toBe(true)
    expect(line).toContain(`Example: ${name}=`)
  })

  it('take public keys to seal codes to, and only to seal them', () => {
    const keys = `${PUBLIC_KEY}, ${PUBLIC_KEY}`
    const { fallbackPublicKey } = readSettings({ ...GOOD, FALLBACK_PUBLIC_KEY: keys }, sharedSettings)
    expect(fallbackPublicKey).toEqual([PUBLIC_KEY, PUBLIC_KEY])
    expect(linesOf({ ...GOOD, FALLBACK_PUBLIC_KEY: keys, FALLBACK_CODES: 'sealed' })).toEqual([])
    for (const mode of ['', 'plain', 'masked']) {
      const lines = linesOf({ ...GOOD, FALLBACK_PUBLIC_KEY: keys, FALLBACK_CODES: mode })
      expect(lines).toEqual([expect.stringContaining('nothing would be sealed to it')])
    }
  })

  it('refuse a private key in the place of a public one, and do not repeat it', () => {
    const identity = `AGE-SECRET-KEY-1${'Q'.repeat(58)}`
    const lines = linesOf({ ...GOOD, FALLBACK_CODES: 'sealed', FALLBACK_PUBLIC_KEY: identity })
    expect(lines).toEqual([expect.stringContaining('it is a private key')])
    expect(lines.join()).not.toContain(identity)
  })

  it('never repeat a value: it may be a secret in the wrong place', () => {
    const leaked = 'EAAG leaked 482913'
    const names = Object.values(sharedSettings).map(({ name }) => name)
    for (const name of names.filter((each) => each !== 'FALLBACK_LOG')) {
      const lines = linesOf({ ...GOOD, [name]: leaked })
      expect(lines).toHaveLength(1)
      expect(lines.join()).not.toContain('482913')
    }
  })

  it('have an example that is accepted, each of them', () => {
    const settings: Record<string, Setting<unknown>> = sharedSettings
    // The one key that everybody knows, and files that are not there.
    const others = Object.values(settings).filter(
      ({ name }) => !/^(ENCRYPTION_KEYS|REDIS_TLS_.*)$/.test(name),
    )
    for (const { example, parse } of others) {
      if (example !== '') expect(parse(example)).not.toBeInstanceOf(Fault)
    }
  })
})

describe('the Redis of the settings', () => {
  const { ENCRYPTION_KEYS } = GOOD
  const read = (environment: Environment) => readSettings({ ENCRYPTION_KEYS, ...environment }, sharedSettings)

  it('is one server, by its URL', () => {
    const settings = read({ REDIS_URL: GOOD.REDIS_URL })
    expect(redisTarget(settings)).toEqual({ kind: 'single', url: GOOD.REDIS_URL })
    expect(keyPrefix(settings)).toBe('relais')
  })

  it('is the primary that sentinels name', () => {
    const settings = read({ REDIS_SENTINELS: 'a:1, [::1]:26379', REDIS_SENTINEL_NAME: 'main' })
    expect(redisTarget(settings)).toMatchObject({
      kind: 'sentinel',
      sentinels: [
        { host: 'a', port: 1 },
        { host: '::1', port: 26379 },
      ],
      name: 'main',
    })
    expect(keyPrefix(settings)).toBe('relais')
  })

  it('is a cluster, and there all keys are in one slot', () => {
    const settings = read({ REDIS_CLUSTER: 'a:1,b:2', REDIS_PASSWORD: 'hidden', QUEUE_PREFIX: 'codes' })
    const target = redisTarget(settings)
    expect(target).toMatchObject({ kind: 'cluster', nodes: [{ host: 'a' }, { host: 'b' }] })
    expect(JSON.stringify(target)).not.toContain('hidden')
    expect(keyPrefix(settings)).toBe('{codes}')
  })

  it.each([
    [{}, ['REDIS_URL']],
    [{ REDIS_SENTINELS: 'a:1' }, ['REDIS_SENTINEL_NAME']],
    [{ REDIS_SENTINELS: 'a:1', REDIS_SENTINEL_NAME: 'm', REDIS_CLUSTER: 'a:1' }, ['REDIS_CLUSTER']],
  ])('is exactly one: %o', (environment, names) => {
    const lines = linesOf({ ENCRYPTION_KEYS, ...environment })
    expect(lines.map((line) => line.split(' ')[0])).toEqual(names)
  })
})
