/**
 * Looks at something now, and again some time after each look has ended. Keeps no process alive.
 *
 * @param look may fail, then `onError` is told and it goes on
 * @param afterMs how long after a look the next one is; told what it answered, undefined if it failed
 */
export function keepLooking<Answer>(
  look: () => Promise<Answer>,
  afterMs: (answer: Answer | undefined) => number,
  onError: (error: Error) => void,
): { close: () => void } {
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  void goOn()

  return {
    close(): void {
      isClosed = true
      clearTimeout(timer)
    },
  }

  async function goOn(): Promise<void> {
    const answer = await look().catch((error: Error) => {
      onError(error)
      return undefined
    })
    if (!isClosed) timer = setTimeout(() => void goOn(), afterMs(answer)).unref()
  }
}
