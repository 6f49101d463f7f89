/**
 * What operators rule about numbers: a prefix is allowed, whatever the guard says, or stopped, for one app or for all, for some days at
 * most. Rulings are in Redis; each API reads them once a second while requests come and goes on with what it knows while Redis is away.
 */
import type { Audit } from '../audit.ts'
import { CALLER_NAME } from '../callers/caller.ts'
import type { Keys } from '../keys.ts'
import { parsePhoneNumber } from '../phone-number.ts'
import type { RedisClient } from '../redis.ts'

const DAY_MS = 24 * 3600 * 1000

/** A ruling that nobody looks after must end. */
export const RULING_MOST_MS = 7 * DAY_MS

/** The app of a ruling that is for all. */
export const ALL_APPS = '*'

/** `+` is every number. */
const PREFIX = /^\+(?:[1-9]\d{0,10})?$/

export type Ruling = {
  /** An app's name, or `*`. */
  app: string
  /** The first digits of the numbers, with `+`. */
  prefix: string
  ruling: 'allow' | 'stop'
  /** Milliseconds since 1970. */
  until: number
  /** The operator. */
  by: string
  why: string
}

/** A ruling that makes no sense; says what is wrong with it. */
export class RulingError extends Error {
  override name = 'RulingError'
}

/** A prefix that the guard stopped, and when (milliseconds since 1970). */
export type GuardStop = { app: string; prefix: string; since: number }

/**
 * For operators: what is ruled and stopped, and changes to it. Each change is told to the audit first: one that cannot be told is not made.
 *
 * @param options.now the clock, in milliseconds since 1970
 */
export function createRulings(options: {
  redis: RedisClient
  keys: Keys
  audit: Pick<Audit, 'append'>
  now?: () => number
}) {
  const { redis, keys, audit, now = Date.now } = options

  return {
    /** Those that hold now, and the prefixes that the guard has stopped. */
    async list(): Promise<{ rulings: Ruling[]; stops: GuardStop[] }> {
      const [rulings, stops] = await Promise.all([
        redis.hgetall(keys.rulings()),
        redis.hgetall(keys.guardStops()),
      ])
      const told = Object.entries(stops).map(async ([field, since]) => {
        const [app = '', prefix = ''] = field.split(' ')
        const record = await redis.get(keys.guard(app, prefix))
        // What nobody has sent to since has been forgotten.
        return record?.endsWith(' stopped') ? { app, prefix, since: Number(since) } : undefined
      })
      const found = await Promise.all(told)
      return { rulings: readRulings(rulings, now()), stops: found.filter((stop) => stop !== undefined) }
    },

    /** @param ruling.forMs how long it holds. Throws a `RulingError`. */
    async rule({ forMs, ...ruling }: Omit<Ruling, 'until'> & { forMs: number }): Promise<Ruling> {
      requireSense(ruling)
      if (!(forMs > 0 && forMs <= RULING_MOST_MS)) throw new RulingError('it must end within seven days')
      if (!ruling.why.trim()) throw new RulingError('the audit needs a reason')
      const made = { ...ruling, until: now() + Math.round(forMs) }
      const until = new Date(made.until).toISOString()
      await tell(made, { ruling: made.ruling, until, why: made.why })
      await redis.hset(keys.rulings(), fieldOf(made), JSON.stringify(made))
      await redis.pexpire(keys.rulings(), RULING_MOST_MS)
      return made
    },

    /** Ends a ruling; for one app also what the guard holds against the prefix. */
    async clear(what: { app: string; prefix: string; by: string }): Promise<void> {
      requireSense(what)
      await tell(what, { ruling: 'none' })
      await redis.hdel(keys.rulings(), fieldOf(what))
      if (what.app === ALL_APPS) return
      await redis.del(keys.guard(what.app, what.prefix))
      await redis.hdel(keys.guardStops(), fieldOf(what))
    },
  }

  async function tell(
    what: { app: string; prefix: string; by: string },
    detail: Record<string, string>,
  ): Promise<void> {
    await audit.append({ actor: what.by, action: 'limit.overridden', subject: fieldOf(what), detail })
  }
}

export type Rulings = ReturnType<typeof createRulings>

/** Those of a hash that hold at a moment. */
export function readRulings(fields: Record<string, string>, now: number): Ruling[] {
  return Object.values(fields)
    .map((json) => JSON.parse(json) as Ruling)
    .filter(({ until }) => until > now)
}

/** The ruling that counts for a number: the one with the longest prefix, and of two such that of the app. */
export function rulingFor(rulings: readonly Ruling[], app: string, to: string): Ruling | undefined {
  const weight = (ruling: Ruling) => ruling.prefix.length * 2 + (ruling.app === ALL_APPS ? 0 : 1)
  return rulings
    .filter((ruling) => (ruling.app === app || ruling.app === ALL_APPS) && to.startsWith(ruling.prefix))
    .reduce<Ruling | undefined>((best, one) => (best && weight(best) > weight(one) ? best : one), undefined)
}

function requireSense({ app, prefix }: { app: string; prefix: string }): void {
  if (!PREFIX.test(prefix)) throw new RulingError('a prefix is + and the first digits, 11 at most')
  if (parsePhoneNumber(prefix)) throw new RulingError('that is a whole number: leave its last digits out')
  if (app !== ALL_APPS && !CALLER_NAME.test(app)) throw new RulingError('that is no name of an app')
}

function fieldOf({ app, prefix }: { app: string; prefix: string }): string {
  return `${app} ${prefix}`
}
