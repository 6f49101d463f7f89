/**
 * How much is taken in before it becomes too much. A Redis that is full cannot even hand out what it holds, so nothing new is taken long
 * before; and an app that floods is told so while there is still room for the others.
 *
 * What is known is a moment old (`LOOK_AFTER_MS`), and what this process has taken since is added to it: the caps are guards, not
 * an account. A quiet process looks now and then: the first who ask it may be judged by what was `QUIET_LOOK_MS` ago, until the look that
 * they begin is answered. A fifth of Redis is left for what comes in so.
 */
import {
  forgetsWhenFull,
  keepLooking,
  lookWhenUsed,
  readRedisFacts,
  type RedisClient,
  type RedisFacts,
  type Unsettled,
} from '@relais/core'
import { ProblemError } from './problem.ts'

/** Who asks after so long begins a look, and does not wait for it. */
const LOOK_AFTER_MS = 500

/** Looked at by itself, so that nobody is judged by what is older. */
const QUIET_LOOK_MS = 5000

/** From here on apps with more than their share of what waits have to wait, */
const TIGHT_AT = 0.6

/** and from here on all. What is left is for the work on what is there. */
const FULL_AT = 0.8

const RETRY_AFTER_SECONDS = 5

/**
 * @param deps.maxUnsettled the most messages of an app that have not reached an end; 0 = no cap
 * @param deps.apps how many there are at least, beside those that have messages: each has an equal share of what room there is
 * @param deps.onError told of looks that failed: what was known stays
 */
export function createCapacity(deps: {
  redis: Pick<RedisClient, 'pipeline'>
  /** One of our keys: the memory is that of the node which holds them. */
  key: string
  unsettled: Pick<Unsettled, 'countByApp'>
  maxUnsettled: number
  apps: number
  onError: (error: Error) => void
}) {
  const { redis, key, maxUnsettled, apps, onError } = deps
  let unsettled = new Map<string, number>()
  const taken = new Map<string, number>()
  let facts: RedisFacts | undefined
  let looking: { close: () => void } | undefined
  const beFresh = lookWhenUsed(look, { aheadMs: LOOK_AFTER_MS, mostMs: Infinity }, onError)

  return {
    look,

    start(): void {
      looking = keepLooking(beFresh, () => QUIET_LOOK_MS, onError)
    },

    close: () => looking?.close(),

    /** Throws a 503 while nothing can be kept safely. */
    requireSafety,

    /** The same, and a 429 `app_limited` for an app that has too many waiting. */
    requireRoom(app: string, messages: number): void {
      requireSafety()
      const waiting = waitingOf(app)
      if (maxUnsettled > 0 && waiting + messages > maxUnsettled) throw limited(waiting)
      const sharers = Math.max(apps, unsettled.size)
      const isTight = sharers > 1 && fullnessOf(facts) >= TIGHT_AT
      if (isTight && waiting + messages > total() / sharers) throw limited(waiting)
    },

    /** Counts what was taken, until the next look tells. */
    took(app: string, messages: number): void {
      taken.set(app, (taken.get(app) ?? 0) + messages)
    },
  }

  function requireSafety(): void {
    void beFresh()
    if (facts && forgetsWhenFull(facts)) throw noRoom('Redis would throw messages away (maxmemory-policy).')
    if (fullnessOf(facts) >= FULL_AT) throw noRoom('Redis is nearly full.')
  }

  async function look(): Promise<void> {
    // What the answer will tell of. Until it is there, all that was taken is counted here.
    const before = new Map(taken)
    const [counts, told] = await Promise.all([
      deps.unsettled.countByApp(),
      readRedisFacts(redis, key, 'memory'),
    ])
    unsettled = counts
    facts = told
    for (const [app, count] of before) taken.set(app, (taken.get(app) ?? 0) - count)
  }

  function waitingOf(app: string): number {
    return (unsettled.get(app) ?? 0) + (taken.get(app) ?? 0)
  }

  function total(): number {
    return [...new Set([...unsettled.keys(), ...taken.keys()])].reduce((sum, app) => sum + waitingOf(app), 0)
  }
}

export type Capacity = ReturnType<typeof createCapacity>

/** The part of its memory that Redis has used; 0 without a limit. */
function fullnessOf({ usedMemoryBytes = 0, maxMemoryBytes = 0 }: Partial<RedisFacts> = {}): number {
  return maxMemoryBytes > 0 ? usedMemoryBytes / maxMemoryBytes : 0
}

function noRoom(why: string): ProblemError {
  const detail = `No message can be taken: ${why} Nothing was accepted; try again later.`
  return new ProblemError(503, 'queue_unavailable', detail, { retryAfterSeconds: RETRY_AFTER_SECONDS })
}

function limited(waiting: number): ProblemError {
  const detail = `This app has ${waiting} messages that have not reached an end, and may have no more for now. Nothing was accepted; try again later.`
  return new ProblemError(429, 'app_limited', detail, { retryAfterSeconds: RETRY_AFTER_SECONDS })
}
