/** How we connect to Redis: two ways, because the one who accepts and the one who works need opposite things. */
import { Redis, type RedisOptions } from 'ioredis'

/** Reconnects within a second of Redis being back, however long it was away. */
const retryStrategy = (times: number) => Math.min(times * 100, 1000)

/** A demoted primary keeps the socket and refuses writes: connect anew, a name or proxy may point elsewhere by now. */
const reconnectOnError = (error: Error) => error.message.startsWith('READONLY')

/**
 * For the API: every command answers or fails within `commandTimeoutMs`, whatever Redis does. Nothing is buffered for later
 * and nothing is sent twice: a caller who was told "no" must not find that it was done after all by our own hand.
 */
export function failFastOptions(commandTimeoutMs: number): RedisOptions {
  return {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    socketTimeout: 3000,
    connectTimeout: 2000,
    retryStrategy,
    reconnectOnError,
  }
}

/** For the worker: it waits for Redis as long as it takes, but notices a dead link (a blocking read may take 10 s). */
export function patientOptions(): RedisOptions {
  return {
    maxRetriesPerRequest: null,
    socketTimeout: 15_000,
    connectTimeout: 5000,
    retryStrategy,
    reconnectOnError,
  }
}

/** Opens a connection; it may come up later. @param onError told of each connection fault */
export function openRedis(url: string, options: RedisOptions, onError: (error: Error) => void): Redis {
  const redis = new Redis(url, { ...options, replyMapping: 'legacy' })
  redis.on('error', onError)
  return redis
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

/** Gives a connection that was just opened a moment to come up. Has it? */
export async function comesUp(redis: Redis, withinMs: number): Promise<boolean> {
  if (redis.status === 'ready') return true
  const ready = new Promise<true>((resolve) => redis.once('ready', () => resolve(true)))
  return Promise.race([ready, new Promise<false>((resolve) => setTimeout(resolve, withinMs, false).unref())])
}

/** Does Redis answer within `withinMs`? */
export async function answersPing(redis: Redis, withinMs: number): Promise<boolean> {
  const timeOut = new Promise<false>((resolve) => setTimeout(resolve, withinMs, false).unref())
  const ping = redis.ping().then(
    () => true,
    () => false,
  )
  return Promise.race([ping, timeOut])
}
