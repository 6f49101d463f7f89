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

/** Resolves with the name of the first signal that asks the process to stop. A second one ends it at once. */
export function untilAskedToStop(signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM']): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of signals) {
      process.once(signal, () => {
        for (const again of signals) process.once(again, () => process.exit(1))
        resolve(signal)
      })
    }
  })
}
