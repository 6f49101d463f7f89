/** Finds the primary by asking sentinels, and leaves it as soon as they say that another has taken over. */
import { Redis, SentinelConnector } from 'ioredis'

/** A sentinel that is away is tried again so often. */
const WATCH_AGAIN_MS = 2000

/**
 * A primary that was only frozen, or cut off, keeps its connections. When it is back it takes writes until the sentinels get to it,
 * and those are lost. So nobody must be connected to it by then.
 *
 * ioredis can do this too (`failoverDetector`). But word that comes while it asks where the primary is ends its connection for good,
 * and the faults of its connections to sentinels it writes to standard error.
 */
export class WatchfulSentinelConnector extends SentinelConnector {
  override async connect(...args: Parameters<SentinelConnector['connect']>) {
    const stream = await super.connect(...args)
    stream.once('connect', () => {
      const watching = this.#watch(() => stream.destroy())
      stream.once('close', () => watching.forEach((sentinel) => sentinel.disconnect()))
    })
    return stream
  }

  #watch(onSwitch: () => void): Redis[] {
    const {
      sentinels = [],
      name,
      connectTimeout,
      sentinelUsername,
      sentinelPassword,
      sentinelTLS,
    } = this.options
    return sentinels.map(({ host = '', port = 26_379 }) => {
      const sentinel = new Redis(port, host, {
        ...(connectTimeout && { connectTimeout }),
        ...(sentinelUsername && { username: sentinelUsername }),
        ...(sentinelPassword && { password: sentinelPassword }),
        ...(sentinelTLS && { tls: sentinelTLS }),
        disableClientInfo: true,
        enableReadyCheck: false,
        maxRetriesPerRequest: null,
        retryStrategy: () => WATCH_AGAIN_MS,
      })
      // The others watch as well, and what matters is the connection to the primary.
      sentinel.on('error', () => undefined)
      // `<name> <old host> <old port> <new host> <new port>`
      sentinel.on('message', (_channel, change: string) => {
        if (change.startsWith(`${name} `)) onSwitch()
      })
      sentinel.subscribe('+switch-master').catch(() => undefined)
      return sentinel
    })
  }
}
