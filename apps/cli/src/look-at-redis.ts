/** Everything the diagnosis reads in Redis. It writes nothing there. */
import { createKeys, createSealer, createTokenVault, type TokenRecord } from '@relais/core'
import type { Redis } from 'ioredis'
import { skipped, type Check } from './checks/check.ts'
import { checkVault, connect, judgeRedis, readInfo, unreachableRedis } from './checks/redis.ts'
import type { KnownSettings } from './checks/settings.ts'

/** `lastReceiptAt`: null is never, undefined not known. */
export type RedisLook = {
  checks: Check[]
  record?: TokenRecord | undefined
  lastReceiptAt?: number | null | undefined
}

export async function lookAtRedis(settings: KnownSettings): Promise<RedisLook> {
  const { redisUrl } = settings
  if (redisUrl === undefined) return { checks: [skipped('redis', 'its settings are faulty')] }
  const opened = await connect(redisUrl)
  if (opened.kind === 'closed') return { checks: [unreachableRedis(opened.why)] }
  const { redis } = opened
  try {
    const info = await readInfo(redis)
    const stored = await readVault(redis, settings)
    const lastReceiptAt = await readLastReceipt(redis, settings.prefix)
    return { record: stored.record, lastReceiptAt, checks: [...judgeRedis(info), stored.check] }
  } finally {
    redis.disconnect()
  }
}

async function readVault(redis: Redis, { prefix, encryptionKeys, phoneNumberId }: KnownSettings) {
  if (!prefix || !encryptionKeys || !phoneNumberId) {
    const check = skipped(
      'stored token',
      'ENCRYPTION_KEYS or WHATSAPP_PHONE_NUMBER_ID is not there to read it with',
    )
    return { record: undefined, check }
  }
  const sealer = createSealer(encryptionKeys)
  return checkVault(createTokenVault({ redis, keys: createKeys(prefix), sealer, senderId: phoneNumberId }))
}

async function readLastReceipt(redis: Redis, prefix: string | undefined): Promise<number | null | undefined> {
  if (!prefix) return undefined
  const text = await redis.get(createKeys(prefix).lastReceipt()).catch(() => undefined)
  return typeof text === 'string' ? Number(text) : text
}
