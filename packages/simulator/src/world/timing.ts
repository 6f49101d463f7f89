/** A delay in milliseconds, drawn evenly between both ends. */
export type Delay = { readonly min: number; readonly max: number }

/** `answer` delays the HTTP answer; the others count from acceptance. */
export type Timing = {
  readonly answer: Delay
  readonly sent: Delay
  readonly delivered: Delay
  readonly read: Delay
}

export const defaultTiming: Timing = {
  answer: { min: 20, max: 60 },
  sent: { min: 100, max: 300 },
  delivered: { min: 400, max: 1200 },
  read: { min: 6000, max: 15_000 },
}

/** One delay, in whole milliseconds. */
export function drawDelay(delay: Delay, random: () => number): number {
  return Math.round(delay.min + random() * Math.max(0, delay.max - delay.min))
}

/** Timers that can all be dropped at once. */
export function createTimers() {
  const pending = new Set<NodeJS.Timeout>()

  function after(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      pending.delete(timer)
      run()
    }, ms)
    pending.add(timer)
  }

  function clear(): void {
    for (const timer of pending) clearTimeout(timer)
    pending.clear()
  }

  return { after, wait: (ms: number) => new Promise<void>((resolve) => after(ms, resolve)), clear }
}

export type Timers = ReturnType<typeof createTimers>
