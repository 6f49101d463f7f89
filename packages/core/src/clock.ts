/**
 * The time by which messages live: that of Redis, so all processes agree on every deadline, whatever the clocks of their machines say.
 * Between two looks at Redis it goes on by a clock that never jumps.
 */
import type { RedisClient } from './redis.ts'
import { keepLooking } from './keep-looking.ts'
import { askOurNode } from './our-node.ts'

const LOOK_EVERY_MS = 5000

/** Redis answers within half of a look's duration of the time it tells; what lies within that is no difference. */
const TOLERANCE_MS = 5

/** Jumps above this are told. */
const TOLD_FROM_MS = 1000

/** A clock that was set. `byMs`: how far, ahead if positive. `machineOffMs`: how far this machine's clock is from that of Redis. */
export type ClockChange = { byMs: number; machineOffMs: number }

/**
 * @param options.onChange told of a jump of more than a second, and, at the first look, of a machine whose clock is off by as much
 * @param options.onError told of looks that failed: the clock goes on
 */
export function createClock(options: {
  redis: Pick<RedisClient, 'pipeline'>
  /** One of our keys: the time is that of the node which holds them. */
  key: string
  onChange: (change: ClockChange) => void
  onError: (error: Error) => void
}) {
  const { redis, key, onChange, onError } = options
  // What is added to the clock that never jumps. Until Redis has told its time, this machine's must do.
  let base = Date.now() - performance.now()
  let looking: { close: () => void } | undefined

  return {
    /** Milliseconds since 1970. */
    now: (): number => Math.round(base + performance.now()),

    look,

    /** Looks now, and goes on looking. */
    start(): void {
      looking = keepLooking(look, () => LOOK_EVERY_MS, onError)
    },

    close: () => looking?.close(),
  }

  /** Asks Redis for its time, and sets the clock if it is another. */
  async function look(): Promise<void> {
    const askedAt = performance.now()
    const [seconds, micros] = (await askOurNode(redis, key, (pipeline) => pipeline.time())) as [
      string,
      string,
    ]
    const answeredAt = performance.now()
    const theirs = Number(seconds) * 1000 + Number(micros) / 1000
    const unsureMs = (answeredAt - askedAt) / 2 + TOLERANCE_MS
    const byMs = theirs - (base + (askedAt + answeredAt) / 2)
    if (Math.abs(byMs) <= unsureMs) return
    base += byMs
    if (Math.abs(byMs) > TOLD_FROM_MS)
      onChange({ byMs, machineOffMs: Date.now() - (base + performance.now()) })
  }
}

export type Clock = ReturnType<typeof createClock>
