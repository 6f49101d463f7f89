/** The settings both apps share, in the order of `.env.example`, and the parsing of keys. */
import { AGE_RECIPIENT } from './age.ts'
import { Fault } from './fault.ts'
import { limitSettings } from './limit-settings.ts'
import { redisFaults, redisSettings } from './redis-settings.ts'
import type { EncryptionKey } from './sealer.ts'
import { Secret } from './secret.ts'
import {
  oneOf,
  onOff,
  optionalWholeNumber,
  secret,
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

export const encryptionSettings = {
  encryptionKeys: {
    name: 'ENCRYPTION_KEYS',
    about:
      'Keys that seal codes and tokens in Redis, as id:base64 of 32 bytes,...; the first seals, all open',
    example: `k1:${EXAMPLE_ENCRYPTION_KEY}`,
    isSecret: true,
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
  fallbackCodes: oneOf({
    name: 'FALLBACK_CODES',
    about: 'Codes in fallback records: plain, masked (none), or sealed',
    values: ['plain', 'masked', 'sealed'],
    fallback: 'plain',
  }),
  fallbackPublicKey: {
    name: 'FALLBACK_PUBLIC_KEY',
    about:
      'With FALLBACK_CODES=sealed: whom codes are sealed to, as age public keys, age1...,age1...; Relais then cannot read them. Without it they are sealed under ENCRYPTION_KEYS',
    example: 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p',
    fallback: { value: undefined, shown: '' },
    parse: parsePublicKeys,
  } satisfies Setting<string[] | undefined> as Setting<string[] | undefined>,
}

export const callbackSettings = {
  callbackAllowPrivate: onOff({
    name: 'CALLBACK_ALLOW_PRIVATE',
    about: 'For tests: callbacks may go over http, and to addresses inside a network',
    fallback: false,
  }),
}

export const auditSettings = {
  auditKeptDays: wholeNumber({
    name: 'AUDIT_KEPT_DAYS',
    about: 'Entries of the audit go when they are older',
    min: 1,
    max: 3650,
    fallback: 400,
  }),
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
  logSampleAbovePerSecond: wholeNumber({
    name: 'LOG_SAMPLE_ABOVE_PER_SECOND',
    about:
      'Good news beyond so many lines a second of one kind is left out by message; faults never are; 0 = all is logged',
    min: 0,
    max: 100_000,
    fallback: 0,
  }),
  tracing: onOff({
    name: 'TRACING',
    about:
      'Trace messages by OpenTelemetry; where to, and how much, the standard OTEL_* names say (docs/tracing.md)',
    fallback: false,
  }),
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

/** What every process reads, so that a slip in a shared `.env` shows in whichever starts first. */
export const sharedSettings = {
  ...redisSettings,
  ...encryptionSettings,
  ...whatsappSettings,
  ...deliverySettings,
  ...limitSettings,
  ...tokenSettings,
  ...fallbackSettings,
  ...callbackSettings,
  ...auditSettings,
  ...processSettings,
}

/** Throws a `SettingsError` for settings that are good each by itself and not together. */
export function requireSense(
  settings: Partial<
    Pick<
      SharedSettings,
      'appSecretProof' | 'appSecret' | keyof typeof redisSettings | keyof typeof fallbackSettings
    >
  >,
): void {
  const faults = [...redisFaults(settings), ...fallbackFaults(settings)]
  const { name, example } = whatsappSettings.appSecret
  if (settings.appSecretProof && !settings.appSecret) {
    faults.push(
      `WHATSAPP_APPSECRET_PROOF is on, and ${name} to sign with is missing. Example: ${name}=${example}`,
    )
  }
  if (faults.length > 0) throw new SettingsError(faults)
}

/** Who sets a key believes that nobody else can read the codes. */
function fallbackFaults(settings: Partial<SettingsOf<typeof fallbackSettings>>): string[] {
  const { fallbackCodes, fallbackPublicKey } = fallbackSettings
  if (!settings.fallbackPublicKey || settings.fallbackCodes === 'sealed') return []
  return [
    `${fallbackPublicKey.name} is set, and ${fallbackCodes.name} is ${settings.fallbackCodes ?? 'plain'}: nothing would be sealed to it. Example: ${fallbackCodes.name}=sealed`,
  ]
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

/** Each to seal costs time, while somebody waits for the code. */
const MOST_PUBLIC_KEYS = 8

function parsePublicKeys(value: string): string[] | Fault {
  const recipients = value.split(',').map((entry) => entry.trim())
  if (recipients.length > MOST_PUBLIC_KEYS) return new Fault(`must be ${MOST_PUBLIC_KEYS} keys at most`)
  const at = recipients.findIndex((recipient) => !AGE_RECIPIENT.test(recipient))
  if (at < 0) return recipients
  const isPrivate = recipients[at]?.toUpperCase().startsWith('AGE-SECRET-KEY')
  return new Fault(
    `has a fault in entry ${at + 1}: ` +
      (isPrivate
        ? 'it is a private key. Keep that away from here, and make a new pair: this one was seen'
        : 'it must be an age public key, age1 and 58 more characters'),
  )
}

function isBase64Of32Bytes(base64: string): boolean {
  return /^[A-Za-z0-9+/]{43}=?$/.test(base64) && Buffer.from(base64, 'base64').length === 32
}
