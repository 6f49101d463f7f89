/**
 * How we connect to Redis: two ways, because the one who accepts and the one who works need opposite things; and to three kinds of
 * Redis, which nobody else tells apart.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionOptions } from 'node:tls'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { WatchfulSentinelConnector } from './sentinel-connector.ts'
import type { RedisAddress, RedisLogin, RedisTarget, RedisTls } from './redis-target.ts'

/** A connection to wherever our keys are. */
export type RedisClient = Redis | Cluster

/**
 * What a command does while Redis cannot take it.
 *
 * `failWithinMs`, for the API: it answers or fails within so long, whatever Redis does. Nothing is buffered for later and nothing is
 * sent twice: a caller who was told "no" must not find that it was done after all by our own hand.
 *
 * `patient`, for the worker: it waits for Redis as long as it takes, but notices a dead link (a blocking read may take 10 s).
 */
export type Patience = 'patient' | { failWithinMs: number }

/** Reconnects within a second of Redis being back, however long it was away. */
const retryStrategy = (times: number) => Math.min(times * 100, 1000)

/** A demoted primary keeps the socket and refuses writes: connect anew, a name or proxy may point elsewhere by now. */
const reconnectOnError = (error: Error) => error.message.startsWith('READONLY')

/** A frozen server never says goodbye: it is not waited for. */
const GOODBYE_MS = 500

/** Where the slots of a cluster are is asked so often: a frozen primary says to nobody that another has taken over. */
const ASK_SLOTS_MS = 1000

/** A sentinel that does not answer within so long is passed over. */
const SENTINEL_TIMEOUT_MS = 1000

/**
 * Opens a connection; it may come up later.
 *
 * @param onError told of each connection fault
 * @param name what CLIENT LIST shows
 */
export function openRedis(
  target: RedisTarget,
  patience: Patience,
  onError: (error: Error) => void,
  name = 'relais',
): RedisClient {
  const options = {
    ...connectionOptions(patience),
    ...login(target),
    ...(target.tls && { tls: tlsOptions(target.tls) }),
    connectionName: name,
  }
  switch (target.kind) {
    case 'single':
      return watched(new Redis(target.url, options), onError)
    case 'sentinel':
      return watched(new Redis({ ...options, ...sentinelOptions(target) }), onError)
    case 'cluster': {
      const cluster = new Cluster(target.nodes, { ...clusterOptions(patience), redisOptions: options })
      nodesOf.set(cluster, target.nodes)
      return watched(cluster, onError)
    }
  }
}

/** One more connection to the same Redis, for a subscriber. It is patient whatever the other is. */
export function openBeside(redis: RedisClient, onError: (error: Error) => void): Redis {
  const options = { ...connectionOptions('patient'), commandTimeout: undefined, socketTimeout: undefined }
  if (!(redis instanceof Cluster)) return watched(redis.duplicate(options), onError)
  return watched(openAnyNode(redis, options), onError)
}

/**
 * Each node of a cluster tells of what is published at any. With every attempt to connect it is another one's turn, so one that is gone is left.
 * The subscriber that a cluster connection has inside loses its channels when nodes come to be known while it subscribes.
 */
function openAnyNode(cluster: Cluster, options: RedisOptions): Redis {
  let tries = 0
  const place = (): Partial<RedisAddress> => {
    const known = cluster.nodes('all').map(({ options: { host = '', port = 0 } }) => ({ host, port }))
    const all = known.length > 0 ? known : (nodesOf.get(cluster) ?? [])
    return all[(tries += 1) % all.length] ?? {}
  }
  const redis: Redis = new Redis({
    ...cluster.options.redisOptions,
    ...options,
    ...place(),
    replyMapping: 'legacy',
    retryStrategy(times: number) {
      Object.assign(redis.options, place())
      return retryStrategy(times)
    },
  })
  return redis
}

/** The addresses that a cluster was opened with. */
const nodesOf = new WeakMap<Cluster, RedisAddress[]>()

function watched<Client extends RedisClient>(redis: Client, onError: (error: Error) => void): Client {
  redis.on('error', onError)
  if (redis instanceof Redis) redis.on('connect', () => writeByTurns(redis.stream))
  if (redis instanceof Cluster) {
    redis.on('node error', onError)
    redis.on('+node', (node: Redis) => {
      node.on('connect', () => writeByTurns(node.stream))
      // Else the first command for a node connects to it, and others fail until it has, where nothing is buffered.
      node.connect().catch(() => undefined)
    })
  }
  return redis
}

/**
 * What is written in one turn of the event loop goes out in one system call: a busy worker spends a tenth of its time in these. Nothing
 * waits for an answer, as it would with the pipelining that ioredis offers.
 */
function writeByTurns(stream: Redis['stream']): void {
  const write = stream.write.bind(stream)
  stream.write = ((...args: Parameters<typeof write>) => {
    if (stream.writableCorked === 0) {
      stream.cork()
      process.nextTick(() => stream.uncork())
    }
    return write(...args)
  }) as typeof stream.write
}

function connectionOptions(patience: Patience) {
  const common = {
    replyMapping: 'legacy',
    retryStrategy,
    reconnectOnError,
    disconnectTimeout: GOODBYE_MS,
    maxLoadingRetryTime: 1000,
    // Older servers do not know it, and the least user of `deploy/redis/users.acl` need not be allowed it.
    disableClientInfo: true,
  } as const
  if (patience === 'patient') {
    return {
      ...common,
      enableOfflineQueue: true,
      maxRetriesPerRequest: null,
      socketTimeout: 15_000,
      connectTimeout: 5000,
    }
  }
  return {
    ...common,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: patience.failWithinMs,
    socketTimeout: 3000,
    connectTimeout: 2000,
  }
}

function sentinelOptions({
  sentinels,
  name,
  sentinelLogin,
  tls,
}: Extract<RedisTarget, { kind: 'sentinel' }>) {
  const { username, password } = login(sentinelLogin ?? {})
  return {
    sentinels,
    name,
    ...(username && { sentinelUsername: username }),
    ...(password && { sentinelPassword: password }),
    ...(tls && { sentinelTLS: tlsOptions(tls), enableTLSForSentinelMode: true }),
    Connector: WatchfulSentinelConnector as unknown as NonNullable<RedisOptions['Connector']>,
    sentinelRetryStrategy: retryStrategy,
    sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
  }
}

function clusterOptions(patience: Patience) {
  const common = { clusterRetryStrategy: retryStrategy, slotsRefreshInterval: ASK_SLOTS_MS }
  if (patience === 'patient') {
    // A command whose node is gone is tried again until there is another one for its slot.
    return { ...common, enableOfflineQueue: true, maxRedirections: Infinity, retryDelayOnMoved: 50 }
  }
  // It follows "that slot is elsewhere", for then nothing was done. Anything else fails: it may have been. The check whether the cluster is
  // ready would fail as well, as long as a node is being connected to, and begin all over again; `CLUSTERDOWN` says it too.
  return {
    ...common,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
  }
}

/** A certificate that cannot be verified ends the connection, whatever the environment says to Node. */
function tlsOptions({ ca, cert, key }: RedisTls): ConnectionOptions {
  return {
    rejectUnauthorized: true,
    ...(ca && { ca }),
    ...(cert && key && { cert, key: key.reveal() }),
  }
}

function login({ username, password }: RedisLogin) {
  return { ...(username && { username }), ...(password && { password: password.reveal() }) }
}

/** The same fault is said again after this. */
const SAY_AGAIN_MS = 30_000

/**
 * Says a connection fault once, not at every attempt to reconnect: an outage is one thing, and a thousand stacks bury it.
 *
 * @param say told of a fault that is new, or that was not said for `SAY_AGAIN_MS`
 */
export function sayOnce(say: (fault: { message: string; code?: string }) => void): (error: Error) => void {
  const saidAt = new Map<string, number>()
  return (error) => {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
    // An address that resolves to several answers with a fault for each, and no message of its own.
    const message = error.message || code || error.name
    if (Date.now() - (saidAt.get(message) ?? -Infinity) < SAY_AGAIN_MS) return
    if (saidAt.size > 100) saidAt.clear()
    saidAt.set(message, Date.now())
    say({ message, ...(code !== undefined && { code }) })
  }
}

/** A connection that is coming up is looked at so often. */
const LOOK_MS = 25

/**
 * Gives a connection that was just opened a moment to come up. Has it?
 *
 * @param key one of ours, as for `answersPing`
 */
export async function comesUp(redis: RedisClient, key: string, withinMs: number): Promise<boolean> {
  const endsAt = performance.now() + withinMs
  while (performance.now() < endsAt) {
    if (await answersPing(redis, key, endsAt - performance.now())) return true
    await sleep(LOOK_MS)
  }
  return false
}

/**
 * Does Redis answer within `withinMs`?
 *
 * @param key one of ours: in a cluster, the node that holds it is what counts
 */
export async function answersPing(redis: RedisClient, key: string, withinMs: number): Promise<boolean> {
  const timeOut = new Promise<false>((resolve) => setTimeout(resolve, withinMs, false).unref())
  const ping = redis.exists(key).then(
    () => true,
    () => false,
  )
  return Promise.race([ping, timeOut])
}
