/**
 * What the door has to know of limits before it asks Redis: what operators have ruled, and which apps tell of used codes, so that the guard
 * looks at what they send. It is a second old at most; while Redis is away it stays as it was, and nothing is accepted anyway.
 */
import { keepLooking } from '../keep-looking.ts'
import type { Keys } from '../keys.ts'
import type { RedisClient } from '../redis.ts'
import { tellsOfUse } from './guard.ts'
import { readRulings, rulingFor, type Ruling } from './rulings.ts'

const LOOK_EVERY_MS = 1000

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
  let looking: { close: () => void } | undefined

  return {
    look,

    start(): void {
      looking = keepLooking(look, () => LOOK_EVERY_MS, onError)
    },

    close: () => looking?.close(),

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
