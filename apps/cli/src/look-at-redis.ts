/** Everything the diagnosis reads in Redis. It writes nothing there. */
import {
  createKeys,
  createSealer,
  createTokenVault,
  keyPrefix,
  readRedisFacts,
  redisTarget,
  type Keys,
  type RedisClient,
  type TokenRecord,
} from '@relais/core'
import { skipped, type Check } from './checks/check.ts'
import { checkVault, connect, judgeRedis, unreachableRedis } from './checks/redis.ts'
import type { KnownSettings } from './checks/settings.ts'

/** `lastReceiptAt`: null is never, undefined not known. */
export type RedisLook = {
  checks: Check[]
  record?: TokenRecord | undefined
  lastReceiptAt?: number | null | undefined
}

export async function lookAtRedis(settings: KnownSettings): Promise<RedisLook> {
  const { prefix, redisUrl, redisSentinels, redisSentinelName, redisCluster } = settings
  const isKnown = redisUrl ?? redisCluster ?? (redisSentinels && redisSentinelName)
  // Without knowing whether it is to be TLS nothing is sent, least of all a password.
  if (!isKnown || !prefix || settings.redisTls === undefined)
    return { checks: [skipped('redis', 'its settings are faulty')] }
  const keys = createKeys(keyPrefix({ prefix, redisCluster }))
  const opened = await connect(redisTarget(settings), keys.timers())
  if (opened.kind === 'closed') return { checks: [unreachableRedis(opened.why)] }
  const { redis } = opened
  try {
    // `undefined` when this user may not ask.
    const facts = await readRedisFacts(redis, keys.timers()).catch(() => undefined)
    const stored = await readVault(redis, keys, settings)
    const lastReceiptAt = await readLastReceipt(redis, keys)
    return { record: stored.record, lastReceiptAt, checks: [...judgeRedis(facts), stored.check] }
  } finally {
    redis.disconnect()
  }
}

async function readVault(redis: RedisClient, keys: Keys, { encryptionKeys, phoneNumberId }: KnownSettings) {
  if (!encryptionKeys || !phoneNumberId) {
    const check = skipped(
      'stored token',
      'ENCRYPTION_KEYS or WHATSAPP_PHONE_NUMBER_ID is not there to read it with',
    )
    return { record: undefined, check }
  }
  const sealer = createSealer(encryptionKeys)
  return checkVault(createTokenVault({ redis, keys, sealer, senderId: phoneNumberId }))
}

async function readLastReceipt(redis: RedisClient, keys: Keys): Promise<number | null | undefined> {
  const text = await redis.get(keys.lastReceipt()).catch(() => undefined)
  return typeof text === 'string' ? Number(text) : text
}
