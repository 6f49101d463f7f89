/** The settings of the operator's tools: the environment, a `.env`, and what `npm start` made for itself. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { fieldOf, isSet, type Environment } from '@relais/core'

/** The root folder of the project, seen from `src` and from `dist`. */
const ROOT: string = fileURLToPath(new URL('../../..', import.meta.url))

/** The `.env` that the apps read too when they are started from the root. */
export const DEFAULT_ENV_FILE: string = join(ROOT, '.env')

/** Reads the environment over the file, as the apps do: what is in the environment wins. A file that cannot be read counts as none. */
export function readOwnEnvironment(file: string, environment: Environment = process.env): Environment {
  return { ...parseEnv(readText(file) ?? ''), ...environment }
}

/** The same, with what `npm start` made for itself where nothing is set. */
export function readEnvironment(file: string = DEFAULT_ENV_FILE, environment?: Environment): Environment {
  return withLocalRun(readOwnEnvironment(file, environment))
}

/** `--url` is what RELAIS_URL is, and wins. @param url what stands behind the option, if it was given */
export function withUrl(environment: Environment, url: string | boolean | undefined): Environment {
  return typeof url === 'string' ? { ...environment, RELAIS_URL: url } : environment
}

/**
 * `npm start` makes keys and a Redis of its own for what nobody set (`scripts/settings.mjs`). They fill the same gaps here, so that
 * the tools work beside it without any setting; what is set is never replaced.
 */
function withLocalRun(environment: Environment): Environment {
  const folder = environment['RELAIS_DATA_DIR'] || join(ROOT, '.data')
  const keys = readJson(join(folder, 'keys.json'))
  const made = (name: string, prefix = '') => {
    const value = fieldOf(keys, name)
    return typeof value === 'string' ? prefix + value : undefined
  }
  const callers = { API_KEYS: made('apiKey', 'demo:'), OPS_KEYS: made('opsKey', 'ops:') }
  // There while its Redis runs.
  const port = fieldOf(readJson(join(folder, 'redis/server.json')), 'port')
  if (typeof port !== 'number') return filled(environment, callers)
  return filled(environment, {
    ...callers,
    ...(!isSet(environment, 'REDIS_SENTINELS') &&
      !isSet(environment, 'REDIS_CLUSTER') && { REDIS_URL: `redis://127.0.0.1:${port}` }),
    ENCRYPTION_KEYS: made('encryptionKey', 'k1:'),
    ...(isSimulated(environment) && {
      WHATSAPP_PHONE_NUMBER_ID: made('phoneNumberId'),
      WHATSAPP_BUSINESS_ID: made('businessId'),
      WHATSAPP_APP_ID: made('appId'),
      WHATSAPP_APP_SECRET: made('appSecret'),
      WHATSAPP_WEBHOOK_VERIFY_TOKEN: made('webhookVerifyToken'),
      WHATSAPP_API_BASE_URL: `http://127.0.0.1:${environment['SIMULATOR_PORT'] || 4010}`,
      TOKEN_RENEW_BEFORE_SECONDS: '3540',
    }),
  })
}

/** As `npm start` decides it. */
function isSimulated(environment: Environment): boolean {
  return !(isSet(environment, 'WHATSAPP_PHONE_NUMBER_ID') && isSet(environment, 'WHATSAPP_ACCESS_TOKEN'))
}

function filled(environment: Environment, made: Environment): Environment {
  const gaps = Object.entries(made).filter(([name]) => !isSet(environment, name))
  return { ...environment, ...Object.fromEntries(gaps) }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readText(file) ?? '')
  } catch {
    return undefined
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
