import type { LimitState } from './account-state.ts'
import { keepNewest } from './keep-newest.ts'

const PAIR_INTERVAL_MS = 6000
const PAIR_BURST = 45
const REMEMBERED_PAIRS = 10_000
const DAY_MS = 86_400_000

type Bucket = { left: number; at: number }
type Pair = { debt: number; at: number; windowStart: number; windowCount: number }

/** The throughput of each number: a bucket of one second. A refused call takes nothing from it. */
export function createThroughputLimit(deps: { now: () => number }) {
  const buckets = new Map<string, Bucket>()
  return {
    /** Takes one message, or says that the limit is reached. `perSecond` 0 = unlimited. */
    take(phoneNumberId: string, perSecond: number): boolean {
      if (perSecond === 0) return true
      const now = deps.now()
      const bucket = buckets.get(phoneNumberId) ?? { left: perSecond, at: now }
      buckets.set(phoneNumberId, bucket)
      bucket.left = Math.min(perSecond, bucket.left + ((now - bucket.at) / 1000) * perSecond)
      bucket.at = now
      if (bucket.left < 1) return false
      bucket.left -= 1
      return true
    },
    reset: () => buckets.clear(),
  }
}

/**
 * One message per 6 s to one person. `borrowing`: bursts are borrowed from the future, up to 45 in a window of 6 s,
 * after which nothing passes until the debt, paid back at one per 6 s, is below one. `bucket`: 45 at once, and one
 * more every 6 s. The true algorithm is unknown.
 */
export function createPairLimit(deps: { mode: () => LimitState['pair']; now: () => number }) {
  const pairs = new Map<string, Pair>()

  function take(phoneNumberId: string, waId: string): boolean {
    const mode = deps.mode()
    if (mode === 'off') return true
    const now = deps.now()
    const key = `${phoneNumberId} ${waId}`
    const pair = pairs.get(key) ?? { debt: 0, at: now, windowStart: -Infinity, windowCount: 0 }
    pair.debt = Math.max(0, pair.debt - (now - pair.at) / PAIR_INTERVAL_MS)
    pair.at = now
    if (mode === 'bucket' ? pair.debt > PAIR_BURST - 1 : !mayBorrow(pair, now)) return false
    pair.debt += 1
    keepNewest(pairs, key, pair, REMEMBERED_PAIRS)
    return true
  }

  return {
    take,
    /** Pairs that still owe messages, deepest debt first. */
    inDebt(): { waId: string; debt: number }[] {
      const now = deps.now()
      return [...pairs]
        .map(([key, { debt, at }]) => ({
          waId: key.slice(key.indexOf(' ') + 1),
          debt: debt - (now - at) / PAIR_INTERVAL_MS,
        }))
        .filter(({ debt }) => debt > 0)
        .toSorted((a, b) => b.debt - a.debt)
    },
    reset: () => pairs.clear(),
  }
}

function mayBorrow(pair: Pair, now: number): boolean {
  const isInWindow = now - pair.windowStart < PAIR_INTERVAL_MS
  if (isInWindow ? pair.windowCount >= PAIR_BURST : pair.debt >= 1) return false
  if (!isInWindow) Object.assign(pair, { windowStart: now, windowCount: 0 })
  pair.windowCount += 1
  return true
}

/** Different people in the last 24 h, over all numbers of the business. Nothing is counted while it is unlimited. */
export function createMessagingLimit(deps: { tier: () => string; now: () => number }) {
  /** Oldest message first. */
  const lastSentAt = new Map<string, number>()

  function forgetYesterday(now: number): void {
    for (const [waId, at] of lastSentAt) {
      if (at > now - DAY_MS) return
      lastSentAt.delete(waId)
    }
  }

  return {
    /** Counts one message outside a service window, or says that the limit is reached. */
    take(waId: string): boolean {
      const most = peopleOf(deps.tier())
      if (most === Infinity) return true
      const now = deps.now()
      forgetYesterday(now)
      if (!lastSentAt.has(waId) && lastSentAt.size >= most) return false
      lastSentAt.delete(waId)
      lastSentAt.set(waId, now)
      return true
    },
    reset: () => lastSentAt.clear(),
  }
}

/** `TIER_2K` -> 2000 */
function peopleOf(tier: string): number {
  const [, count = '', thousands] = /^TIER_(\d+)(K?)$/.exec(tier) ?? []
  return count === '' ? Infinity : Number(count) * (thousands === 'K' ? 1000 : 1)
}
