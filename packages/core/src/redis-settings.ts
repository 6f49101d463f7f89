/** The settings of Redis: which one, as whom, and over TLS or not. Its certificates are read here, so that a slip shows at the start. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { Fault } from './fault.ts'
import type { RedisAddress } from './redis-target.ts'
import { Secret } from './secret.ts'
import { readSettingFile } from './setting-file.ts'
import { onOff, secret, text, url, type Setting, type SettingsOf } from './settings.ts'

/** Which Redis, and how it is spoken to. */
export const redisSettings = {
  redisUrl: redisUrl(),
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
  redisUsername: username({
    name: 'REDIS_USERNAME',
    about: 'The user of the Redis servers, unless REDIS_URL holds it',
  }),
  redisPassword: secret({
    name: 'REDIS_PASSWORD',
    about: 'The password, likewise',
    example: 'a-long-random-text',
  }),
  redisSentinelUsername: username({
    name: 'REDIS_SENTINEL_USERNAME',
    about: 'With REDIS_SENTINELS: their user, if they have users of their own',
  }),
  redisSentinelPassword: secret({
    name: 'REDIS_SENTINEL_PASSWORD',
    about: 'The password, likewise',
    example: 'a-long-random-text',
  }),
  redisTls: onOff({
    name: 'REDIS_TLS',
    about:
      'With REDIS_SENTINELS or REDIS_CLUSTER: speak TLS, also to the sentinels; REDIS_URL says it as rediss://',
    fallback: false,
  }),
  redisTlsCa: certificates({
    name: 'REDIS_TLS_CA',
    about:
      'With TLS: a PEM file of those who may sign the certificate of Redis, instead of the authorities that Node trusts',
    example: '/etc/relais/redis-ca.pem',
  }),
  redisTlsCert: certificates({
    name: 'REDIS_TLS_CERT',
    about: 'With TLS: a PEM file of our own certificate, for a Redis that asks for one',
    example: '/etc/relais/redis-client.pem',
  }),
  redisTlsKey: privateKey({
    name: 'REDIS_TLS_KEY',
    about: 'The PEM file of its key',
    example: '/etc/relais/redis-client-key.pem',
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

/** There is one Redis, and what belongs to one way of naming it does not go with another. */
export function redisFaults(settings: Partial<SettingsOf<typeof redisSettings>>): string[] {
  const { redisUrl, redisSentinels, redisSentinelName, redisCluster } = redisSettings
  const faults: string[] = []
  const refuse = ({ name, example }: Setting<unknown>, problem: string) =>
    faults.push(`${name} ${problem}. Example: ${name}=${example}`)
  const refuseBoth = (one: Setting<unknown>, other: Setting<unknown>) =>
    refuse(one, `is set, and ${other.name} too: unset one of them`)
  type Key = keyof typeof redisSettings
  /** Each of these is set only together with that one. */
  const refuseWithout = (keys: Key[], needed: Key) => {
    if (settings[needed]) return
    for (const key of keys) {
      if (settings[key]) refuse(redisSettings[key], `is set, and ${redisSettings[needed].name} is not`)
    }
  }

  if (settings.redisUrl && settings.redisSentinels) refuseBoth(redisSentinels, redisUrl)
  if (settings.redisUrl && settings.redisCluster) refuseBoth(redisCluster, redisUrl)
  if (settings.redisSentinels && settings.redisCluster) refuseBoth(redisCluster, redisSentinels)
  if (settings.redisSentinels && !settings.redisSentinelName) {
    refuse(redisSentinelName, `is missing, and ${redisSentinels.name} is set`)
  }
  refuseWithout(['redisSentinelName', 'redisSentinelUsername', 'redisSentinelPassword'], 'redisSentinels')
  refuseWithout(['redisUsername'], 'redisPassword')
  refuseWithout(['redisSentinelUsername'], 'redisSentinelPassword')
  if (holdsLogin(settings.redisUrl)) {
    for (const key of ['redisUsername', 'redisPassword'] as const) {
      if (settings[key])
        refuse(redisSettings[key], `is set, and ${redisUrl.name} holds a login: unset one of them`)
    }
  }
  const { redisTls, redisTlsCa, redisTlsCert, redisTlsKey } = redisSettings
  if (settings.redisTls && settings.redisUrl && !isTlsUrl(settings.redisUrl)) {
    refuse(redisTls, `is on, and ${redisUrl.name} begins with redis://: let it begin with rediss://`)
  } else if (!settings.redisTls && !isTlsUrl(settings.redisUrl)) {
    for (const [key, setting] of Object.entries({ redisTlsCa, redisTlsCert, redisTlsKey })) {
      if (settings[key as Key])
        refuse(setting, 'is set, and the connection is without TLS: use rediss://, or REDIS_TLS=on')
    }
  }
  refuseWithout(['redisTlsCert'], 'redisTlsKey')
  refuseWithout(['redisTlsKey'], 'redisTlsCert')
  if (settings.redisTlsCert && settings.redisTlsKey && !isPair(settings.redisTlsCert, settings.redisTlsKey)) {
    refuse(redisTlsKey, `is not the key of ${redisTlsCert.name}`)
  }
  return faults
}

/** The URL may hold the login, so it is a secret. A login of its own keeps it out of the environment. */
function redisUrl(): Setting<string | undefined> {
  const { parse, ...setting } = url({
    name: 'REDIS_URL',
    about: 'Redis 6.2 or newer (or Valkey), with maxmemory-policy noeviction and the append-only file on',
    example: 'redis://127.0.0.1:6379',
    protocols: ['redis:', 'rediss:'],
  })
  return {
    ...setting,
    isSecret: true,
    instead: ['REDIS_SENTINELS', 'REDIS_CLUSTER'],
    parse(value) {
      // It would replace what REDIS_TLS_CA says.
      const isOdd = URL.canParse(value) && new URL(value).searchParams.has('tls')
      return isOdd
        ? new Fault('must not have a parameter tls: it is rediss:// that makes it TLS')
        : parse(value)
    },
  }
}

function isTlsUrl(redisUrl: string | undefined): boolean {
  return redisUrl?.startsWith('rediss:') ?? false
}

function holdsLogin(redisUrl: string | undefined): boolean {
  if (redisUrl === undefined) return false
  const { username, password } = new URL(redisUrl)
  return username !== '' || password !== ''
}

/** A user of Redis; `undefined` unless set. */
function username(options: { name: string; about: string }): Setting<string | undefined> {
  return text({
    ...options,
    example: 'relais',
    pattern: /^\S{1,256}$/,
    form: 'a name without spaces',
    fallback: undefined,
  })
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The certificates in a PEM file, as text; `undefined` unless set. */
function certificates(options: {
  name: string
  about: string
  example: string
}): Setting<string | undefined> {
  return pemFile(options, (pem) => {
    const found = pem.match(CERTIFICATE) ?? []
    const isGood = found.length > 0 && found.every(isCertificate)
    return isGood ? found.join('\n') : new Fault('names a file that is not a certificate in PEM')
  })
}

/** The key in a PEM file; `undefined` unless set. */
function privateKey(options: { name: string; about: string; example: string }): Setting<Secret | undefined> {
  return pemFile(options, (pem) => {
    try {
      createPrivateKey(pem)
      return new Secret(pem)
    } catch {
      return new Fault('names a file that is not a private key in PEM, without a passphrase')
    }
  })
}

/** What is read in a PEM file; `undefined` unless set. */
function pemFile<T>(
  options: { name: string; about: string; example: string },
  read: (pem: string) => T | Fault,
): Setting<T | undefined> {
  return {
    ...options,
    fallback: { value: undefined, shown: '' },
    parse(path) {
      const pem = readSettingFile(path)
      return pem instanceof Fault ? pem : read(pem)
    },
  }
}

function isCertificate(pem: string): boolean {
  try {
    return Boolean(new X509Certificate(pem).fingerprint256)
  } catch {
    return false
  }
}

/** @param certificates the first one is our own; the others lead from it to its authority */
function isPair(certificates: string, key: Secret): boolean {
  return new X509Certificate(certificates).checkPrivateKey(createPrivateKey(key.reveal()))
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
