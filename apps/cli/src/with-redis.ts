/** For commands that work in Redis itself. */
import {
  auditSettings,
  createAudit,
  createKeys,
  createSealer,
  encryptionSettings,
  keyPrefix,
  readSettings,
  redisSettings,
  redisTarget,
  requireSense,
  type Audit,
  type EncryptionKey,
  type Environment,
  type Keys,
  type RedisClient,
  type Sealer,
} from '@relais/core'
import { userInfo } from 'node:os'
import { connect } from './checks/redis.ts'

/** What such a command has at hand. */
export type Inside = {
  redis: RedisClient
  keys: Keys
  sealer: Sealer
  encryptionKeys: readonly EncryptionKey[]
  audit: Audit
  /** Who this is, in the audit: `cli:awa`. */
  actor: string
}

const EXIT_NOT_DONE = 1

const settings = { ...redisSettings, ...encryptionSettings, ...auditSettings }

/**
 * Opens Redis, works in it, and closes it. Answers what the work answers, or 1 when Redis is not to be had.
 *
 * Throws a `SettingsError` when the settings of Redis or `ENCRYPTION_KEYS` are missing or malformed.
 */
export async function withRedis(
  environment: Environment,
  work: (inside: Inside) => Promise<number>,
): Promise<number> {
  const read = readSettings(environment, settings)
  requireSense(read)
  const { encryptionKeys, auditKeptDays: keptDays } = read
  const keys = createKeys(keyPrefix(read))
  const opened = await connect(redisTarget(read), keys.timers())
  if (opened.kind === 'closed') {
    process.stderr.write(`Redis does not answer: ${opened.why}. Nothing was changed.\n`)
    return EXIT_NOT_DONE
  }
  const { redis } = opened
  try {
    const audit = createAudit({ redis, keys, encryptionKeys, keptDays })
    const sealer = createSealer(encryptionKeys)
    return await work({ redis, keys, sealer, encryptionKeys, audit, actor: actorOf(environment) })
  } finally {
    redis.disconnect()
  }
}

function actorOf(environment: Environment): string {
  const given = environment['RELAIS_OPERATOR']?.trim()
  return `cli:${(given || userName()).replaceAll(/[^A-Za-z0-9._@-]/g, '?').slice(0, 64)}`
}

/** In a container the user may have no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`
  }
}
