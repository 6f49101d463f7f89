const PAIR_INTERVAL_MS = 6000
const PAIR_BURST = 45
const REMEMBERED_PAIRS = 10_000

type Pair = { debt: number; at: number; windowStart: number; windowCount: number }

/** The number's throughput: a bucket of one second. A refused call takes nothing from it. */
export function createThroughputLimit(deps: { perSecond: number; now: () => number }) {
  const { perSecond, now } = deps
  let left = perSecond
  let at = now()
  return {
    /** Takes one message, or says that the limit is reached. */
    take(): boolean {
      if (perSecond === 0) return true
      left = Math.min(perSecond, left + ((now() - at) / 1000) * perSecond)
      at = now()
      if (left < 1) return false
      left -= 1
      return true
    },
    reset(): void {
      left = perSecond
      at = now()
    },
  }
}

/**
 * One message per 6 s to one person, with bursts borrowed from the future: up to 45 in a window of 6 s, after
 * which nothing passes until the debt, paid back at one per 6 s, is below one. The true algorithm is unknown.
 */
export function createPairLimit(deps: { isOn: boolean; now: () => number }) {
  const pairs = new Map<string, Pair>()

  function take(waId: string): boolean {
    if (!deps.isOn) return true
    const now = deps.now()
    const pair = pairs.get(waId) ?? { debt: 0, at: now, windowStart: -Infinity, windowCount: 0 }
    pair.debt = Math.max(0, pair.debt - (now - pair.at) / PAIR_INTERVAL_MS)
    pair.at = now
    const isInWindow = now - pair.windowStart < PAIR_INTERVAL_MS
    if (isInWindow ? pair.windowCount >= PAIR_BURST : pair.debt >= 1) return false
    if (!isInWindow) Object.assign(pair, { windowStart: now, windowCount: 0 })
    pair.windowCount += 1
    pair.debt += 1
    remember(waId, pair)
    return true
  }

  function remember(waId: string, pair: Pair): void {
    pairs.delete(waId)
    pairs.set(waId, pair)
    const oldest = pairs.size > REMEMBERED_PAIRS ? pairs.keys().next().value : undefined
    if (oldest !== undefined) pairs.delete(oldest)
  }

  return { take, reset: () => pairs.clear() }
}
