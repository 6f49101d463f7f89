/**
 * Word of changes to a sender's tokens, pushed to every process by Redis. The word may be lost: it is a wake-up call, and whoever
 * listens looks at the record by itself as well.
 */
import type { Keys } from '../keys.ts'
import { openBeside, type RedisClient } from '../redis.ts'

/** @param options.redis commands go elsewhere: this opens a connection of its own, as a subscriber needs */
export function createTokenChanges(options: {
  redis: RedisClient
  keys: Keys
  senderId: string
  onError: (error: Error) => void
}) {
  const channel = options.keys.tokenChanges(options.senderId)
  let subscriber: ReturnType<typeof openBeside> | undefined

  return {
    /** Calls back on each change, and whenever listening begins anew: a change may have been missed. */
    listen(onChange: () => void): void {
      const connection = openBeside(options.redis, options.onError)
      subscriber = connection
      connection.on('message', onChange)
      connection.on('ready', () => void connection.subscribe(channel).then(onChange, options.onError))
    },

    close: () => subscriber?.disconnect(),
  }
}

export type TokenChanges = ReturnType<typeof createTokenChanges>
