import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { reachableHost } from './ports.mjs'
import { simulatedAccessToken } from './keys.mjs'

/** Reads `.env` into process.env, as the apps do by themselves: the environment wins. */
export function loadEnvFile(folder) {
  const file = join(folder, '.env')
  if (existsSync(file)) process.loadEnvFile(file)
}

/** Is it set, or does NAME_FILE name a file that holds it? An empty value counts as not set. */
export function isSet(env, name) {
  return Boolean(env[name] || env[`${name}_FILE`])
}

/** Without real credentials the simulator stands in for Meta. */
export function isSimulated(env) {
  return !(isSet(env, 'WHATSAPP_PHONE_NUMBER_ID') && isSet(env, 'WHATSAPP_ACCESS_TOKEN'))
}

/** Whether another Redis than our own is configured. */
export function hasOwnRedisSettings(env) {
  return ['REDIS_URL', 'REDIS_SENTINELS', 'REDIS_CLUSTER'].some((name) => isSet(env, name))
}

/**
 * The environment of each process, without what it inherits. What the caller's environment sets stays as it is.
 * @param deps `env` the caller's, `keys` of loadKeys, `ports` of readPorts, `redisUrl` of our own Redis if any.
 * @returns `{ api, worker, simulator }`; no simulator when Meta is real.
 */
export function childSettings({ env, keys, ports, redisUrl, isTerminal }) {
  const unlessSet = (values) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !isSet(env, name)))
  const meta = isSimulated(env) ? simulatedMeta({ env, keys, ports, unlessSet }) : { apps: {} }
  const logging = unlessSet({ LOG_PRETTY: String(isTerminal) })
  const apps = {
    ...unlessSet({
      API_KEYS: `demo:${keys.apiKey}`,
      OPS_KEYS: `ops:${keys.opsKey}`,
      ENCRYPTION_KEYS: `k1:${keys.encryptionKey}`,
    }),
    ...logging,
    ...meta.apps,
    ...(redisUrl ? { REDIS_URL: redisUrl } : {}),
    PORT: String(ports.PORT),
  }
  return {
    api: { ...apps, METRICS_PORT: String(ports.apiMetrics) },
    worker: { ...apps, METRICS_PORT: String(ports.workerMetrics) },
    ...(meta.simulator ? { simulator: { ...logging, ...meta.simulator } } : {}),
  }
}

function simulatedMeta({ env, keys, ports, unlessSet }) {
  const credentials = {
    WHATSAPP_PHONE_NUMBER_ID: env.WHATSAPP_PHONE_NUMBER_ID || keys.phoneNumberId,
    WHATSAPP_BUSINESS_ID: env.WHATSAPP_BUSINESS_ID || keys.businessId,
    WHATSAPP_APP_ID: env.WHATSAPP_APP_ID || keys.appId,
    WHATSAPP_APP_SECRET: env.WHATSAPP_APP_SECRET || keys.appSecret,
    WHATSAPP_ACCESS_TOKEN: simulatedAccessToken(),
    // A value must not be set beside its file.
    ...emptied(env, ['WHATSAPP_APP_SECRET_FILE', 'WHATSAPP_ACCESS_TOKEN_FILE']),
  }
  const apps = {
    ...credentials,
    ...unlessSet({
      WHATSAPP_WEBHOOK_VERIFY_TOKEN: keys.webhookVerifyToken,
      // Just under the token's hour: a newcomer sees a renewal within a minute or so, and a laptop may nap.
      TOKEN_RENEW_BEFORE_SECONDS: '3540',
    }),
    WHATSAPP_API_BASE_URL: origin(env.SIMULATOR_HOST, ports.SIMULATOR_PORT),
  }
  const simulator = {
    ...credentials,
    ...unlessSet({ SIMULATOR_TOKEN_LIFE_SECONDS: '3600' }),
    SIMULATOR_PORT: String(ports.SIMULATOR_PORT),
    SIMULATOR_ADMIN_PORT: String(ports.SIMULATOR_ADMIN_PORT),
    SIMULATOR_WEBHOOK_URL: `${origin(env.HOST, ports.PORT)}/api/webhooks/whatsapp`,
  }
  return { apps, simulator }
}

/** Where this machine reaches what listens on this host and port. */
export function origin(listenHost, port) {
  const host = reachableHost(listenHost)
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function emptied(env, names) {
  return Object.fromEntries(names.filter((name) => env[name]).map((name) => [name, '']))
}
