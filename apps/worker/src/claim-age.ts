/** How long ago a claim was. */
export type ClaimAge = ReturnType<typeof createClaimAge>

/**
 * Begins before the claim. A machine that slept has a clock that did not go on; its wall clock did. A wall clock that was set says too much;
 * then a claim is given up that was good. So `mostMs` is on the safe side.
 */
export function createClaimAge(now: () => number) {
  const [at, wallAt] = [now(), Date.now()]
  const ms = () => now() - at
  return { ms, mostMs: () => Math.max(ms(), Date.now() - wallAt) }
}
