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
  let isLive = false

  return {
    /** Calls back on each change, and whenever listening begins anew: a change may have been missed. */
    listen(onChange: () => void): void {
      // Patient whatever the commands are: it waits for Redis as long as it takes.
      subscriber = options.redis.duplicate({
        enableOfflineQueue: true,
        maxRetriesPerRequest: null,
        commandTimeout: undefined,
        socketTimeout: undefined,
        autoResubscribe: true,
      })
      subscriber.on('error', options.onError)
      subscriber.on('close', () => (isLive = false))
      subscriber.on('message', onChange)
      subscriber.on('ready', () => {
        subscriber?.subscribe(channel).then(() => {
          isLive = true
          onChange()
        }, options.onError)
      })
    },

    /** Does word of a change come at once, for all we know? */
    isLive: () => isLive,

    close: () => subscriber?.disconnect(),
  }
}

export type TokenChanges = ReturnType<typeof createTokenChanges>
