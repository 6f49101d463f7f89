/** The settings both apps share, in the order of `.env.example`, and the parsing of keys. */
import type { EncryptionKey } from './sealer.ts'
import type { RedisAddress } from './redis-target.ts'
import { Secret } from './secret.ts'
import {
  Fault,
  oneOf,
  optionalWholeNumber,
  SettingsError,
  text,
  url,
  wholeNumber,
  type Setting,
  type SettingsOf,
} from './settings.ts'

/** Sixty days: the longest life Meta gives a token that expires. */
const TOKEN_LIFE_SECONDS = 60 * 24 * 3600

/** Stands in `.env.example`, so the whole world knows it: refused. */
const EXAMPLE_ENCRYPTION_KEY = 'bWFrZSBvbmUgd2l0aDogb3BlbnNzbCByYW5kIC1iYXM='

export const redisSettings = {
  redisUrl: {
    ...url({
      name: 'REDIS_URL',
      about: 'Redis 6.2 or newer (or Valkey), with maxmemory-policy noeviction and the append-only file on',
      example: 'redis://127.0.0.1:6379',
      protocols: ['redis:', 'rediss:'],
    }),
    instead: ['REDIS_SENTINELS', 'REDIS_CLUSTER'],
  } as Setting<string | undefined>,
  redisSentinels: addresses({
    name: 'REDIS_SENTINELS',
    about: 'Instead of REDIS_URL: sentinels to ask for the primary, as host:port,host:port',
    example: '10.0.0.1:26379,10.0.0.2:26379,10.0.0.3:26379',
  }),
  redisSentinelName: text({
    name: 'REDIS_SENTINEL_NAME',
    about: 'With REDIS_SENTINELS: the name they know the primary by',
    example: 'mymaster',
    pattern: /^[A-Za-z0-9._-]{1,128}$/,
    form: '1 to 128 of A-Z a-z 0-9 . _ -',
    fallback: undefined,
  }),
  redisCluster: addresses({
    name: 'REDIS_CLUSTER',
    about:
      'Instead of REDIS_URL: some nodes of a Redis Cluster, as host:port,host:port. All keys are in one slot, so in one node',
    example: '10.0.0.1:6379,10.0.0.2:6379,10.0.0.3:6379',
  }),
  redisUsername: text({
    name: 'REDIS_USERNAME',
    about: 'With REDIS_SENTINELS or REDIS_CLUSTER: the user of the Redis servers; REDIS_URL holds its own',
    example: 'relais',
    pattern: /^\S{1,256}$/,
    form: 'a name without spaces',
    fallback: undefined,
  }),
  redisPassword: secret({
    name: 'REDIS_PASSWORD',
    about: 'The password, likewise',
    example: 'a-long-random-text',
  }),
  prefix: text({
    name: 'QUEUE_PREFIX',
    about: 'All keys in Redis live under it',
    example: 'relais',
    pattern: /^[A-Za-z0-9_-]{1,64}$/,
    form: '1 to 64 of A-Z a-z 0-9 _ -',
    fallback: 'relais',
  }),
}

export const encryptionSettings = {
  encryptionKeys: {
    name: 'ENCRYPTION_KEYS',
    about:
      'Keys that seal codes and tokens in Redis, as id:base64 of 32 bytes,...; the first seals, all open',
    example: `k1:${EXAMPLE_ENCRYPTION_KEY}`,
    parse: parseEncryptionKeys,
  } satisfies Setting<EncryptionKey[]>,
}

export const whatsappSettings = {
  phoneNumberId: text({
    name: 'WHATSAPP_PHONE_NUMBER_ID',
    about: 'The id (not the number) of the phone number that sends. Without it nothing is sent',
    example: '106540352242922',
    pattern: /^\d{1,32}$/,
    form: 'the digits of an id',
    fallback: undefined,
  }),
  accessToken: secret({
    name: 'WHATSAPP_ACCESS_TOKEN',
    about: 'The Meta access token to start with; a system-user token with a life of 60 days is best',
    example: 'EAAG...',
  }),
  appId: text({
    name: 'WHATSAPP_APP_ID',
    about: 'The Meta app; with its secret it allows token renewal and token checks',
    example: '138483919580948',
    pattern: /^\d{1,32}$/,
    form: 'the digits of an id',
    fallback: undefined,
  }),
  appSecret: secret({
    name: 'WHATSAPP_APP_SECRET',
    about: 'Its secret; receipts are signed with it, and without it none is accepted',
    example: '0123456789abcdef0123456789abcdef',
  }),
  businessId: text({
    name: 'WHATSAPP_BUSINESS_ID',
    about: 'The WhatsApp Business Account',
    example: '102290129340398',
    pattern: /^\d{1,32}$/,
    form: 'the digits of an id',
    fallback: undefined,
  }),
  apiBaseUrl: url({
    name: 'WHATSAPP_API_BASE_URL',
    about: "Where Meta's Graph API is",
    example: 'https://graph.facebook.com',
    protocols: ['https:', 'http:'],
    fallback: 'https://graph.facebook.com',
  }),
  apiVersion: text({
    name: 'WHATSAPP_API_VERSION',
    about: 'The version of it to speak',
    example: 'v26.0',
    pattern: /^v\d{1,3}\.\d$/,
    form: 'a version such as v26.0',
    fallback: 'v26.0',
  }),
  appSecretProof: onOff({
    name: 'WHATSAPP_APPSECRET_PROOF',
    about: 'Sign every call with the app secret; needed where "Require App Secret" is on at Meta',
    fallback: false,
  }),
  webhookVerifyToken: secret({
    name: 'WHATSAPP_WEBHOOK_VERIFY_TOKEN',
    about: 'The verify token typed into the webhook form at Meta; set means that receipts are expected',
    example: 'a-long-random-text',
  }),
}

export const deliverySettings = {
  otpTemplate: text({
    name: 'WHATSAPP_OTP_TEMPLATE',
    about: 'The authentication template of codes whose request names none',
    example: 'otp_login',
    pattern: /^[a-z0-9_]{1,512}$/,
    form: 'a template name: a-z 0-9 _',
    fallback: 'otp_login',
  }),
  templateLanguage: text({
    name: 'WHATSAPP_TEMPLATE_LANGUAGE',
    about: 'Its language, exactly as approved at Meta (en and en_US differ)',
    example: 'fr',
    pattern: /^[a-z]{2,3}(_[A-Z]{2})?$/,
    form: 'a language such as fr or en_US',
    fallback: 'fr',
  }),
  otpTtlSeconds: wholeNumber({
    name: 'OTP_TTL_SECONDS',
    about: 'Life of a message whose request gives none',
    min: 30,
    max: 900,
    fallback: 300,
  }),
  deliverWithinSeconds: wholeNumber({
    name: 'DELIVER_WITHIN_SECONDS',
    about: 'With receipts: a message that is not on its way so long after acceptance goes to the fallback',
    min: 1,
    max: 900,
    fallback: 60,
  }),
  onUncertain: oneOf({
    name: 'ON_UNCERTAIN',
    about: 'What follows when no receipt settles an uncertain send within 8 s: resend once, or fallback',
    values: ['resend', 'fallback'],
    fallback: 'resend',
  }),
  maxAttempts: wholeNumber({
    name: 'MAX_ATTEMPTS',
    about: 'Tries that count; waiting for a token, a limit or a receipt does not count',
    min: 1,
    max: 100,
    fallback: 5,
  }),
  sendTimeoutMs: wholeNumber({
    name: 'SEND_TIMEOUT_MS',
    about: 'One call to Meta, from connect to the last byte',
    min: 100,
    max: 30_000,
    fallback: 5000,
  }),
  sendRatePerSecond: wholeNumber({
    name: 'SEND_RATE_PER_SECOND',
    about: "The sender's pace across all workers; 0 = no pacing",
    min: 0,
    max: 10_000,
    fallback: 80,
  }),
  workerConcurrency: wholeNumber({
    name: 'WORKER_CONCURRENCY',
    about: 'Sends in flight per worker process',
    min: 1,
    max: 1000,
    fallback: 50,
  }),
  recipientCooldownSeconds: wholeNumber({
    name: 'RECIPIENT_COOLDOWN_SECONDS',
    about: 'The least time between two messages to one recipient, over all apps; 0 = off',
    min: 0,
    max: 3600,
    fallback: 0,
  }),
  recipientMaxPerHour: wholeNumber({
    name: 'RECIPIENT_MAX_PER_HOUR',
    about: 'The most messages to one recipient in any hour, over all apps; 0 = off',
    min: 0,
    max: 100,
    fallback: 0,
  }),
  appMaxWaiting: wholeNumber({
    name: 'APP_MAX_WAITING',
    about: 'The most messages of one app that have not reached an end; 0 = any number',
    min: 0,
    max: 100_000_000,
    fallback: 1_000_000,
  }),
  waitReplicas: wholeNumber({
    name: 'REDIS_WAIT_REPLICAS',
    about: 'Replicas that must have a message before it is acknowledged; 0 = nobody waits for them',
    min: 0,
    max: 10,
    fallback: 0,
  }),
}

export const tokenSettings = {
  renewCheckSeconds: wholeNumber({
    name: 'TOKEN_RENEW_CHECK_SECONDS',
    about: 'Period of the repeatable job that renews the token',
    min: 1,
    max: 86_400,
    fallback: 60,
  }),
  renewBeforeSeconds: optionalWholeNumber({
    name: 'TOKEN_RENEW_BEFORE_SECONDS',
    about: "Renew the token when less than this is left; half of the token's life unless set",
    min: 1,
    max: TOKEN_LIFE_SECONDS,
    example: '2592000',
    shown: '',
  }),
  useMarginSeconds: wholeNumber({
    name: 'TOKEN_USE_MARGIN_SECONDS',
    about: 'A token in memory is not used in its last seconds if Redis has a better one',
    min: 0,
    max: 86_400,
    fallback: 300,
  }),
}

export const fallbackSettings = {
  fallbackLog: text({
    name: 'FALLBACK_LOG',
    about: 'Where fallback records go: stdout, or the path of a file that is appended to, mode 0600',
    example: '/var/log/relais/fallback.log',
    pattern: /^[^\0]{1,4096}$/,
    form: 'stdout or a path',
    fallback: 'stdout',
  }),
  fallbackCodes: {
    name: 'FALLBACK_CODES',
    about: 'Codes in fallback records: plain, or masked (none)',
    example: 'plain',
    fallback: { value: 'plain', shown: 'plain' },
    parse(value) {
      if (value === 'plain' || value === 'masked') return value
      if (value === 'sealed') return new Fault('cannot be sealed in this version: use plain or masked')
      return new Fault('must be one of plain, masked')
    },
  } satisfies Setting<'plain' | 'masked'> as Setting<'plain' | 'masked'>,
}

export const processSettings = {
  logLevel: oneOf({
    name: 'LOG_LEVEL',
    about: 'The least level that is logged',
    values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
    fallback: 'info',
  }),
  logPretty: {
    name: 'LOG_PRETTY',
    about: 'Logs for people instead of JSON lines; on in a terminal unless set',
    example: 'false',
    fallback: { value: undefined, shown: '' },
    parse(value) {
      if (value === 'true' || value === '1') return true
      if (value === 'false' || value === '0') return false
      return new Fault('must be true or false')
    },
  } satisfies Setting<boolean | undefined>,
}

/** The address a process listens on. */
export function listenHost(about: string): Setting<string> {
  return text({
    name: 'HOST',
    about,
    example: '127.0.0.1',
    pattern: /^[A-Za-z0-9.:_-]{1,255}$/,
    form: 'an address or host name',
    fallback: '127.0.0.1',
  })
}

/** The port of `/metrics`, `/livez` and `/readyz` of one process. */
export function metricsPort(fallback: number): Setting<number> {
  return wholeNumber({
    name: 'METRICS_PORT',
    about:
      "The port of the process's own /metrics, /livez and /readyz (9464 api, 9465 worker); 0 turns it off",
    min: 0,
    max: 65535,
    fallback,
  })
}

/** A secret text without spaces; `undefined` unless set. */
function secret(options: { name: string; about: string; example: string }): Setting<Secret | undefined> {
  return {
    ...options,
    fallback: { value: undefined, shown: '' },
    parse(value) {
      if (/^[\x21-\x7e]{1,4096}$/.test(value)) return new Secret(value)
      return new Fault('must be printable characters without spaces, 4096 at most')
    },
  }
}

/** A switch. */
export function onOff(options: { name: string; about: string; fallback: boolean }): Setting<boolean> {
  const { fallback, ...common } = options
  return {
    ...common,
    example: 'on',
    fallback: { value: fallback, shown: fallback ? 'on' : 'off' },
    parse(value) {
      if (value === 'on') return true
      if (value === 'off') return false
      return new Fault('must be on or off')
    },
  }
}

/** Addresses of servers; `undefined` unless set. */
function addresses(options: {
  name: string
  about: string
  example: string
}): Setting<RedisAddress[] | undefined> {
  return {
    ...options,
    fallback: { value: undefined, shown: '' },
    parse(value) {
      const parsed = value.split(',').map(parseAddress)
      const at = parsed.indexOf(undefined)
      if (at >= 0) return new Fault(`has a fault in entry ${at + 1}: it must be host:port`)
      return parsed as RedisAddress[]
    },
  }
}

function parseAddress(entry: string): RedisAddress | undefined {
  const [, bracketed, host = bracketed, port] =
    /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]{1,253})):(\d{1,5})$/i.exec(entry.trim()) ?? []
  return host && Number(port) > 0 && Number(port) <= 65_535 ? { host, port: Number(port) } : undefined
}

/** What every process reads, so that a slip in a shared `.env` shows in whichever starts first. */
export const sharedSettings = {
  ...redisSettings,
  ...encryptionSettings,
  ...whatsappSettings,
  ...deliverySettings,
  ...tokenSettings,
  ...fallbackSettings,
  ...processSettings,
}

/** Throws a `SettingsError` for settings that are good each by itself and not together. */
export function requireSense(
  settings: Partial<Pick<SharedSettings, 'appSecretProof' | 'appSecret' | keyof typeof redisSettings>>,
): void {
  const faults = redisFaults(settings)
  const { name, example } = whatsappSettings.appSecret
  if (settings.appSecretProof && !settings.appSecret) {
    faults.push(
      `WHATSAPP_APPSECRET_PROOF is on, and ${name} to sign with is missing. Example: ${name}=${example}`,
    )
  }
  if (faults.length > 0) throw new SettingsError(faults)
}

/** There is one Redis, and what belongs to one way of naming it does not go with another. */
function redisFaults(settings: Partial<SettingsOf<typeof redisSettings>>): string[] {
  const { redisUrl, redisSentinels, redisSentinelName, redisCluster } = redisSettings
  const faults: string[] = []
  const refuse = ({ name, example }: Setting<unknown>, problem: string) =>
    faults.push(`${name} ${problem}. Example: ${name}=${example}`)
  const refuseBoth = (one: Setting<unknown>, other: Setting<unknown>) =>
    refuse(one, `is set, and ${other.name} too: unset one of them`)

  if (settings.redisUrl && settings.redisSentinels) refuseBoth(redisSentinels, redisUrl)
  if (settings.redisUrl && settings.redisCluster) refuseBoth(redisCluster, redisUrl)
  if (settings.redisSentinels && settings.redisCluster) refuseBoth(redisCluster, redisSentinels)
  if (settings.redisSentinels && !settings.redisSentinelName) {
    refuse(redisSentinelName, `is missing, and ${redisSentinels.name} is set`)
  }
  if (settings.redisSentinelName && !settings.redisSentinels) {
    refuse(redisSentinelName, `is set, and ${redisSentinels.name} is not`)
  }
  for (const key of ['redisUsername', 'redisPassword'] as const) {
    if (settings.redisUrl && settings[key]) {
      refuse(redisSettings[key], `is set, and ${redisUrl.name} too: put it in there`)
    }
  }
  return faults
}

export type SharedSettings = SettingsOf<typeof sharedSettings>

function parseEncryptionKeys(value: string): EncryptionKey[] | Fault {
  const ring: EncryptionKey[] = []
  for (const [index, entry] of value.split(',').entries()) {
    const [id = '', base64 = '', ...rest] = entry.trim().split(':')
    const place = `has a fault in entry ${index + 1}:`
    if (!/^[A-Za-z0-9_-]{1,32}$/.test(id))
      return new Fault(`${place} the id must be 1 to 32 of A-Z a-z 0-9 _ -`)
    if (rest.length > 0 || !isBase64Of32Bytes(base64)) {
      return new Fault(`${place} the key must be 32 bytes in base64 (openssl rand -base64 32)`)
    }
    if (base64 === EXAMPLE_ENCRYPTION_KEY)
      return new Fault(`${place} it is the example; make one of your own`)
    if (ring.some((key) => key.id === id)) return new Fault(`${place} its id is used twice`)
    ring.push({ id, key: new Secret(base64) })
  }
  return ring
}

function isBase64Of32Bytes(base64: string): boolean {
  return /^[A-Za-z0-9+/]{43}=?$/.test(base64) && Buffer.from(base64, 'base64').length === 32
}
