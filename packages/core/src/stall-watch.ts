/**
 * Notices that this process did nothing for a while: its event loop was blocked, or all of it was frozen, or the machine slept. What it
 * holds is made so that nothing is sent twice because of that, but somebody should know.
 */

const LOOK_MS = 250

/** Shorter than this is a crowded machine. */
const STALLED_MS = 1000

/** @param onStalled told afterwards, with how long it was held at least, in milliseconds */
export function watchForStalls(onStalled: (heldMs: number) => void): { close: () => void } {
  // Not the wall clock, which may jump.
  let lookedAt = performance.now()
  const timer = setInterval(() => {
    const heldMs = performance.now() - lookedAt - LOOK_MS
    lookedAt = performance.now()
    if (heldMs >= STALLED_MS) onStalled(Math.round(heldMs))
  }, LOOK_MS).unref()
  return { close: () => clearInterval(timer) }
}
