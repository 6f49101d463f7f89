import type { Clock } from '../world/clock.ts'
import type { Random } from '../world/random.ts'
import type { Update } from './update.ts'

/** Meta's own limit. */
export const LARGEST_BATCH = 1000
const LONGEST_LINGER_MS = 100

/** Updates that travel together. `nth` counts batches from 0. */
export type Batch = { readonly nth: number; readonly updates: readonly Update[] }

/**
 * Gathers updates until there are `size()` of them, or for up to 100 ms of simulated time: so how they share POSTs
 * depends on the seed and the simulated time alone, not on the speed of the receiver.
 */
export function createBatches(deps: {
  size: () => number
  clock: Clock
  random: Random
  close: (batch: Batch) => void
}) {
  const linger = deps.random.stream('batch linger')
  let open: Update[] = []
  let nth = 0

  function flush(): void {
    if (open.length === 0) return
    const batch = { nth, updates: open }
    open = []
    nth += 1
    deps.close(batch)
  }

  return {
    add(update: Update): void {
      open.push(update)
      const isAwaited = update.kind === 'status' && update.posted !== undefined
      if (isAwaited || open.length >= deps.size()) return flush()
      if (open.length > 1) return
      const started = nth
      deps.clock.after(Math.round(linger() * LONGEST_LINGER_MS), () => {
        if (started === nth) flush()
      })
    },
    clear(): void {
      open = []
      nth += 1
    },
  }
}
