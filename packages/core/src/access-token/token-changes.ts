/**
 * Word of changes to a sender's tokens, pushed to every process by Redis. The word may be lost: it is a wake-up call, and whoever
 * listens looks at the record by itself as well.
 */
import type { Redis } from 'ioredis'
import type { Keys } from '../keys.ts'

/** @param options.redis commands go elsewhere: this opens a connection of its own, as a subscriber needs */
export function createTokenChanges(options: {
  redis: Redis
  keys: Keys
  senderId: string
  onError: (error: Error) => void
}) {
  const channel = options.keys.tokenChanges(options.senderId)
  let subscriber: Redis | undefined

  return {
    /** Calls back on each change, and whenever listening begins anew: a change may have been missed. */
    listen(onChange: () => void): void {
      // Patient whatever the commands are: it waits for Redis as long as it takes.
      const connection = options.redis.duplicate({
        enableOfflineQueue: true,
        maxRetriesPerRequest: null,
        commandTimeout: undefined,
        socketTimeout: undefined,
      })
      subscriber = connection
      connection.on('error', options.onError)
      connection.on('message', onChange)
      connection.on('ready', () => void connection.subscribe(channel).then(onChange, options.onError))
    },

    close: () => subscriber?.disconnect(),
  }
}

export type TokenChanges = ReturnType<typeof createTokenChanges>
