import type { Draw } from './random.ts'

/** A delay in milliseconds: drawn evenly between both ends, or log-normal through three percentiles. */
export type Delay =
  | { readonly min: number; readonly max: number }
  | { readonly p50: number; readonly p95: number; readonly p99: number }

/** `answer` delays the HTTP answer, in real time; the others count from acceptance, in simulated time. */
export type Timing = {
  readonly answer: Delay
  readonly sent: Delay
  readonly delivered: Delay
  readonly read: Delay
}

/** `quick` is made for tests and demos, `realistic` for judging a client under load. */
export const timings = {
  quick: {
    answer: { min: 20, max: 60 },
    sent: { min: 100, max: 300 },
    delivered: { min: 400, max: 1200 },
    read: { min: 6000, max: 15_000 },
  },
  realistic: {
    answer: { p50: 180, p95: 450, p99: 1200 },
    sent: { min: 300, max: 1000 },
    delivered: { min: 500, max: 5000 },
    read: { min: 5000, max: 120_000 },
  },
} as const satisfies Record<string, Timing>

export type TimingPreset = keyof typeof timings

/** The longest delay that is drawn, in multiples of the 99th percentile. */
const LONGEST_TAIL = 10
const Z95 = 1.6449
const Z99 = 2.3263

/** One delay, in whole milliseconds. Takes one draw, or two when it is log-normal. */
export function drawDelay(delay: Delay, draw: Draw): number {
  if ('min' in delay) return Math.round(delay.min + draw() * Math.max(0, delay.max - delay.min))
  return Math.round(percentileDelay(delay, normal(draw)))
}

/** Log-normal up to the 95th percentile; from there on a steeper one, as three percentiles rarely fit one curve. */
function percentileDelay({ p50, p95, p99 }: { p50: number; p95: number; p99: number }, z: number): number {
  const body = Math.log(p95 / p50) / Z95
  const tail = Math.log(p99 / p95) / (Z99 - Z95)
  const log = z <= Z95 ? body * z : body * Z95 + tail * (z - Z95)
  return Math.min(p50 * Math.exp(log), LONGEST_TAIL * p99)
}

/** A standard normal draw (Box and Muller). */
function normal(draw: Draw): number {
  return Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw())
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

  return {
    after,
    /** Nothing to wait for costs no timer. */
    wait: (ms: number) => (ms <= 0 ? Promise.resolve() : new Promise<void>((resolve) => after(ms, resolve))),
    clear,
  }
}

export type Timers = ReturnType<typeof createTimers>
