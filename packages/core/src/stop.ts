/**
 * How a process ends when it is asked to. Whoever asked waits ten seconds and then kills it, so it is gone before that whatever hangs:
 * a call to Meta, Redis, a client.
 *
 *     asked ─► no new work ─► calls in flight finish ─► LAST_CALLS_MS: the rest is given up and noted ─► STOP_WITHIN_MS: gone
 */

/** What has not closed by then is left behind. */
export const STOP_WITHIN_MS = 7500

/** Calls to Meta get so long. Then they are given up, and there is time left to note what became of their messages. */
export const LAST_CALLS_MS = 5500

/** Something that `closeAll` does not see holds the process up: its own start, mostly. */
const GONE_WITHIN_MS = 9000

/** Things that were opened and have to be closed, last opened first. */
export type Closer = { name: string; close: () => unknown }

/**
 * Closes everything in reverse order, each within its share of `withinMs`. What does not close in time is named in the answer
 * and left behind: the process ends anyway, and unfinished jobs come back by themselves.
 */
export async function closeAll(closers: readonly Closer[], withinMs: number): Promise<string[]> {
  const endsAt = Date.now() + withinMs
  const left: string[] = []
  for (const { name, close } of [...closers].reverse()) {
    const timeOut = new Promise<'late'>((resolve) =>
      setTimeout(resolve, Math.max(50, endsAt - Date.now()), 'late').unref(),
    )
    const closing = Promise.resolve()
      .then(close)
      .then(
        () => 'closed' as const,
        () => 'late' as const,
      )
    if ((await Promise.race([closing, timeOut])) === 'late') left.push(name)
  }
  return left
}

/** From here on the process ends within `GONE_WITHIN_MS`, unless it ends earlier. */
export function endSoon(): void {
  setTimeout(() => process.exit(1), GONE_WITHIN_MS).unref()
}

/** Resolves with the name of the first signal that asks the process to stop. A second one ends it at once. */
export function untilAskedToStop(signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM']): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of signals) {
      process.once(signal, () => {
        for (const again of signals) process.once(again, () => process.exit(1))
        endSoon()
        resolve(signal)
      })
    }
  })
}
