import type { Clock } from './clock.ts'
import { keepNewest } from './keep-newest.ts'

const WINDOW_MS = 24 * 3_600_000
const REMEMBERED_PEOPLE = 20_000

/**
 * Customer service windows: free text reaches a person for 24 h after they last wrote. `startOpen`: who never wrote
 * counts as somebody who always just did. Remembered: the newest 20,000 people.
 */
export function createServiceWindows(deps: { clock: Pick<Clock, 'now'>; startOpen: boolean }) {
  const wroteAt = new Map<string, number>()

  /** Whether the person themselves opened a window that holds at this time: what is sent in it costs less. */
  function wasOpened(number: string, at: number): boolean {
    const since = wroteAt.get(number)
    return since !== undefined && at - since < WINDOW_MS
  }

  return {
    wasOpened,
    isOpen: (number: string): boolean =>
      wroteAt.has(number) ? wasOpened(number, deps.clock.now()) : deps.startOpen,
    /** The person at `+E.164` wrote: their window opens, or starts again. */
    open: (number: string) => keepNewest(wroteAt, number, deps.clock.now(), REMEMBERED_PEOPLE),
    clear: () => wroteAt.clear(),
  }
}

export type ServiceWindows = ReturnType<typeof createServiceWindows>
