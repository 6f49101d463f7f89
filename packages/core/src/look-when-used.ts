/**
 * What is looked at when it is used, and not before: it costs nothing while nobody uses it.
 *
 * @param look may fail: then `onError` is told, and what was known goes on to be used
 * @param ages of what is known, in milliseconds. From `aheadMs` on a use begins the next look and does not wait for it; from `mostMs`
 *   on it waits for it. So under load nobody waits
 * @param elapsed a clock that nobody sets, in milliseconds
 * @returns to be called with each use
 */
export function lookWhenUsed(
  look: () => Promise<void>,
  ages: { aheadMs: number; mostMs: number },
  onError: (error: Error) => void,
  elapsed: () => number = () => performance.now(),
): () => Promise<void> {
  let lookedAt = -Infinity
  let looking: Promise<void> | undefined

  return async () => {
    const ageMs = elapsed() - lookedAt
    if (ageMs < ages.aheadMs) return
    looking ??= lookOnce()
    if (ageMs >= ages.mostMs) await looking
  }

  async function lookOnce(): Promise<void> {
    const beganAt = elapsed()
    await look().catch(onError)
    // What is known is as old as the question. One that failed is not asked again at once either.
    lookedAt = beganAt
    looking = undefined
  }
}
