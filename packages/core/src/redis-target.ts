/** Where Redis is, and what all our keys begin with there. */
import type { Secret } from './secret.ts'

export type RedisAddress = { host: string; port: number }

export type RedisLogin = { username?: string | undefined; password?: Secret | undefined }

/** In PEM. `ca`: who may sign the certificate of Redis, if not those whom Node trusts. `cert` and `key`: our own. */
export type RedisTls = { ca?: string | undefined; cert?: string | undefined; key?: Secret | undefined }

/**
 * One server, the primary that sentinels name, or the nodes of a cluster; and how to speak to it. A URL may hold a login of its own. `tls` is
 * there when TLS is to be spoken.
 */
export type RedisTarget = RedisLogin & { tls?: RedisTls | undefined } & (
    | { kind: 'single'; url: string }
    | { kind: 'sentinel'; sentinels: RedisAddress[]; name: string; sentinelLogin?: RedisLogin }
    | { kind: 'cluster'; nodes: RedisAddress[] }
  )

/** The settings of it. `requireSense` has seen to it that they name one Redis. */
export type RedisSettings = {
  redisUrl?: string | undefined
  redisSentinels?: RedisAddress[] | undefined
  redisSentinelName?: string | undefined
  redisCluster?: RedisAddress[] | undefined
  redisUsername?: string | undefined
  redisPassword?: Secret | undefined
  redisSentinelUsername?: string | undefined
  redisSentinelPassword?: Secret | undefined
  redisTls?: boolean | undefined
  redisTlsCa?: string | undefined
  redisTlsCert?: string | undefined
  redisTlsKey?: Secret | undefined
}

/** @throws Error when the settings name none */
export function redisTarget(settings: RedisSettings): RedisTarget {
  const { redisUrl: url, redisSentinels: sentinels, redisSentinelName: name, redisCluster: nodes } = settings
  const { redisTlsCa: ca, redisTlsCert: cert, redisTlsKey: key } = settings
  const isTls = settings.redisTls || url?.startsWith('rediss:')
  const common = {
    username: settings.redisUsername,
    password: settings.redisPassword,
    ...(isTls && { tls: { ca, cert, key } }),
  }
  if (nodes) return { kind: 'cluster', nodes, ...common }
  if (sentinels && name) {
    const { redisSentinelUsername: username, redisSentinelPassword: password } = settings
    return { kind: 'sentinel', sentinels, name, sentinelLogin: { username, password }, ...common }
  }
  if (url) return { kind: 'single', url, ...common }
  throw new Error('these settings name no Redis')
}

/**
 * What all keys begin with. Scripts and queues touch several keys at once, and in a cluster those must be in one slot: there the
 * prefix is a hash tag.
 */
export function keyPrefix({ prefix, redisCluster }: RedisSettings & { prefix: string }): string {
  return redisCluster ? `{${prefix}}` : prefix
}
