/**
 * The right to renew a sender's token, held by one process at a time and for a bounded time.
 *
 * The lease keeps two processes from asking Meta at once; it does not keep a token safe. That is the vault's part: it
 * refuses a commit whose lease is lost or whose record was changed. A holder that dies simply lets the lease run out.
 */
import { randomBytes } from 'node:crypto'
import type { Result } from 'ioredis'
import type { Keys } from '../keys.ts'
import type { RedisClient } from '../redis.ts'

/** KEYS 1 the lease · ARGV 1 the owner. Gives up a lease only if it is still the owner's. */
const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisReleaseLease(key: string, owner: string): Result<number, Context>
  }
}

/** A lease that is held. `leftMs` is what is certainly left of it: it counts from before it was asked for. */
export type HeldLease = { owner: string; leftMs: () => number }

/** @param options.leaseMs longer than the calls made under it, so that it is lost only by a holder that hangs or died */
export function createRenewalLease(options: {
  redis: RedisClient
  keys: Keys
  senderId: string
  leaseMs: number
}) {
  const { redis, leaseMs } = options
  const key = options.keys.renewalLease(options.senderId)
  redis.defineCommand('relaisReleaseLease', { numberOfKeys: 1, lua: RELEASE })
  const uses = new Set<Promise<unknown>>()
  let isClosed = false

  return {
    /** Runs `use` while holding the lease and gives it up however `use` ends; `undefined` if another holds it, or after `close`. */
    async hold<T>(use: (lease: HeldLease) => Promise<T>): Promise<T | undefined> {
      if (isClosed) return undefined
      const using = holdFor(use)
      uses.add(using)
      try {
        return await using
      } finally {
        uses.delete(using)
      }
    },

    isClosed: () => isClosed,

    /** Resolves when this process has given the lease up, and does not take it again. */
    async close(): Promise<void> {
      isClosed = true
      await Promise.allSettled(uses)
    },
  }

  async function holdFor<T>(use: (lease: HeldLease) => Promise<T>): Promise<T | undefined> {
    const owner = randomBytes(16).toString('base64url')
    // Not the wall clock, which may jump.
    const endsAt = performance.now() + leaseMs
    if ((await redis.set(key, owner, 'PX', leaseMs, 'NX')) !== 'OK') return undefined
    try {
      return await use({ owner, leftMs: () => endsAt - performance.now() })
    } finally {
      await redis.relaisReleaseLease(key, owner)
    }
  }
}

export type RenewalLease = ReturnType<typeof createRenewalLease>
