const MINUTE_MS = 60_000
const MINUTES = 60

/** Calls of the last hour, by the minute. */
export function createCallCount(deps: { now: () => number }) {
  /** Minute since 1970 -> calls; at most 60 of them. */
  const counts = new Map<number, number>()

  function minute(): number {
    return Math.floor(deps.now() / MINUTE_MS)
  }

  function total(): number {
    const oldest = minute() - MINUTES
    let sum = 0
    for (const [at, count] of counts) {
      if (at <= oldest) counts.delete(at)
      else sum += count
    }
    return sum
  }

  return {
    add: () => void counts.set(minute(), (counts.get(minute()) ?? 0) + 1),
    total,
    /** Minutes until fewer than `limit` calls lie in the last hour, if none are added. */
    minutesUntilBelow(limit: number): number {
      let left = total()
      let minutes = 0
      for (const [at, count] of counts) {
        if (left < limit) break
        left -= count
        minutes = at + MINUTES - minute()
      }
      return minutes
    },
    reset: () => counts.clear(),
  }
}

export type CallCount = ReturnType<typeof createCallCount>
