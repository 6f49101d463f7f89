/**
 * What the door has to know of limits before it asks Redis: what operators have ruled, and which apps tell of used codes, so that the guard
 * looks at what they send. It is looked at when a request comes, so a quiet door asks nothing; while Redis is away it stays as it was, and
 * nothing is accepted anyway.
 */
import type { Keys } from '../keys.ts'
import { lookWhenUsed } from '../look-when-used.ts'
import type { RedisClient } from '../redis.ts'
import { tellsOfUse } from './guard.ts'
import { readRulings, rulingFor, type Ruling } from './rulings.ts'

/** While requests come it is about a second old, and never older than a ruling may take to hold everywhere. */
const AGES = { aheadMs: 1000, mostMs: 2000 }

/** @param options.now the clock, in milliseconds since 1970 */
export function createLimitWatch(options: {
  redis: Pick<RedisClient, 'hgetall'>
  keys: Keys
  onError: (error: Error) => void
  now?: () => number
}) {
  const { redis, keys, onError, now = Date.now } = options
  let rulings: Ruling[] = []
  let apps: Record<string, string> = {}

  return {
    look,

    /** To be waited for before a request is judged: what is known is then at most two seconds old. */
    beFresh: lookWhenUsed(look, AGES, onError),

    /** What an operator has ruled about this number for this app, if that holds now. */
    rulingFor(app: string, to: string): Ruling | undefined {
      const ruling = rulings.length > 0 ? rulingFor(rulings, app, to) : undefined
      return ruling && ruling.until > now() ? ruling : undefined
    },

    /** Does this app tell of used codes? */
    tellsOfUse: (app: string): boolean => tellsOfUse(apps[app], now()),
  }

  async function look(): Promise<void> {
    const [ruled, told] = await Promise.all([redis.hgetall(keys.rulings()), redis.hgetall(keys.guardApps())])
    rulings = readRulings(ruled, now())
    apps = told
  }
}

export type LimitWatch = ReturnType<typeof createLimitWatch>
