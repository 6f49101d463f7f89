/**
 * Leaves out good news at high rates, so that a busy process does not spend its time, and somebody's money, on lines that say that all
 * is well. Faults are not its business: they are all logged.
 *
 * Whether a line stays is drawn from the id of its message, one in 2, 4, 8... What stays at one in 8 stays at one in 2 as well: so the lines of a
 * message are kept or left out together, in all processes, as far as these are equally busy.
 */

/** How often it is said what was left out. */
const TELL_EVERY_MS = 10_000

/**
 * @param options.abovePerSecond lines of one event in a second; beyond that some are left out. 0: never
 * @param options.tell told of what was left out, per event, some seconds later
 * @param options.elapsed a clock that nobody sets, in milliseconds
 */
export function createSampling(options: {
  abovePerSecond: number
  tell: (event: string, leftOut: number, seconds: number) => void
  elapsed?: () => number
}) {
  const { abovePerSecond, tell, elapsed = () => performance.now() } = options
  const rates = new Map<string, ReturnType<typeof createRate>>()
  const leftOut = new Map<string, number>()

  return {
    /** One in how many lines of this event is kept at this moment, this one among them: 1 = all are. 0: this one is not. */
    rateFor(event: string, id: string): number {
      if (abovePerSecond === 0) return 1
      let rate = rates.get(event)
      if (!rate) rates.set(event, (rate = createRate(abovePerSecond)))
      const oneIn = rate.count(elapsed())
      if (oneIn === 1 || hashOf(id) % oneIn === 0) return oneIn
      if (leftOut.size === 0) setTimeout(tellAll, TELL_EVERY_MS).unref()
      leftOut.set(event, (leftOut.get(event) ?? 0) + 1)
      return 0
    },
  }

  function tellAll(): void {
    for (const [event, count] of leftOut) tell(event, count, TELL_EVERY_MS / 1000)
    leftOut.clear()
  }
}

export type Sampling = ReturnType<typeof createSampling>

/** What comes goes by the second before, and within a second by what has come already: a burst is not logged whole. */
function createRate(above: number) {
  let second = -1
  let counted = 0
  let oneIn = 1
  return {
    count(atMs: number): number {
      const present = Math.floor(atMs / 1000)
      if (present !== second) {
        oneIn = present === second + 1 ? oneInFor(counted) : 1
        second = present
        counted = 0
      }
      counted += 1
      if (counted > above * oneIn) oneIn *= 2
      return oneIn
    },
  }

  function oneInFor(lines: number): number {
    let each = 1
    while (lines > above * each) each *= 2
    return each
  }
}

/** FNV-1a, mixed once more: its low bits alone follow the last letters. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}
