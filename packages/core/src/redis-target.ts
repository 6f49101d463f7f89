/** Where Redis is, and what all our keys begin with there. */
import type { Secret } from './secret.ts'

export type RedisAddress = { host: string; port: number }

/** For the servers; sentinels are asked without. A URL holds its own. */
export type RedisLogin = { username: string | undefined; password: Secret | undefined }

/** One server, the primary that sentinels name, or the nodes of a cluster. */
export type RedisTarget =
  | { kind: 'single'; url: string }
  | ({ kind: 'sentinel'; sentinels: RedisAddress[]; name: string } & RedisLogin)
  | ({ kind: 'cluster'; nodes: RedisAddress[] } & RedisLogin)

/** The settings of it. `requireSense` has seen to it that they name one Redis. */
export type RedisSettings = {
  redisUrl?: string | undefined
  redisSentinels?: RedisAddress[] | undefined
  redisSentinelName?: string | undefined
  redisCluster?: RedisAddress[] | undefined
  redisUsername?: string | undefined
  redisPassword?: Secret | undefined
}

/** @throws Error when the settings name none */
export function redisTarget(settings: RedisSettings): RedisTarget {
  const { redisUrl: url, redisSentinels: sentinels, redisSentinelName: name, redisCluster: nodes } = settings
  const login = { username: settings.redisUsername, password: settings.redisPassword }
  if (nodes) return { kind: 'cluster', nodes, ...login }
  if (sentinels && name) return { kind: 'sentinel', sentinels, name, ...login }
  if (url) return { kind: 'single', url }
  throw new Error('these settings name no Redis')
}

/**
 * What all keys begin with. Scripts and queues touch several keys at once, and in a cluster those must be in one slot: there the
 * prefix is a hash tag.
 */
export function keyPrefix({ prefix, redisCluster }: RedisSettings & { prefix: string }): string {
  return redisCluster ? `{${prefix}}` : prefix
}
