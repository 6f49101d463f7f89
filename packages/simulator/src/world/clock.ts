/** The simulator's own time. It can run at any pace, stand still, and jump. */
export type Clock = {
  /** Milliseconds since 1970, in simulated time. */
  now(): number
  /** Runs once `ms` of simulated time have passed; never before this call returns. */
  after(ms: number, run: () => void): void
  /**
   * Jumps ahead. What falls due on the way runs in its order before this returns, each thing at its own moment, also
   * what such things start.
   */
  advance(ms: number): void
  /** Simulated seconds per real second from now on; 0 stands still and moves only by `advance`. */
  setSpeed(speed: number): void
  speed(): number
  /** Things that wait for their time. */
  waiting(): number
  /** Forgets everything that waits. The time stays what it is. */
  clear(): void
}

export type ClockOptions = {
  /** Milliseconds since 1970; default: the real time. */
  readonly startAt?: number | undefined
  /** Simulated seconds per real second; default 1, 0 = stands still. */
  readonly speed?: number | undefined
}

type Due = { readonly at: number; readonly order: number; readonly run: () => void }

/** The longest wait a timer of Node takes. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A clock that starts at once. */
export function createClock({ startAt = Date.now(), speed = 1 }: ClockOptions = {}): Clock {
  const queue = createDueQueue()
  let anchor = { simulated: startAt, real: Date.now(), speed }
  /** While something due runs, the time is the moment it was due. */
  let moment: number | undefined
  let timer: NodeJS.Timeout | undefined
  let order = 0

  function now(): number {
    return moment ?? anchor.simulated + (Date.now() - anchor.real) * anchor.speed
  }

  function after(ms: number, run: () => void): void {
    order += 1
    queue.add({ at: now() + Math.max(0, ms), order, run })
    if (queue.first()?.order === order) wind()
  }

  /** Sets the one timer to what is due next. */
  function wind(): void {
    clearTimeout(timer)
    const next = queue.first()
    if (next === undefined || moment !== undefined) return
    const ms = Math.max(0, next.at - now())
    if (ms > 0 && anchor.speed === 0) return
    timer = setTimeout(strike, Math.min(LONGEST_TIMER_MS, ms === 0 ? 0 : Math.ceil(ms / anchor.speed)))
  }

  function strike(): void {
    runUntil(now())
  }

  function runUntil(until: number): void {
    try {
      for (let next = queue.first(); next !== undefined && next.at <= until; next = queue.first()) {
        queue.removeFirst()
        moment = next.at
        next.run()
      }
    } finally {
      moment = undefined
      wind()
    }
  }

  function moveAnchor(changes: { simulated?: number; speed?: number }): void {
    anchor = { simulated: now(), speed: anchor.speed, ...changes, real: Date.now() }
  }

  return {
    now,
    after,
    advance(ms): void {
      const until = now() + ms
      runUntil(until)
      moveAnchor({ simulated: until })
      wind()
    },
    setSpeed(next): void {
      moveAnchor({ speed: next })
      wind()
    },
    speed: () => anchor.speed,
    waiting: queue.size,
    clear(): void {
      queue.clear()
      clearTimeout(timer)
    },
  }
}

/** A binary heap: a send leaves three things to be done later, thousands of times a second. */
function createDueQueue() {
  let heap: Due[] = []

  function isBefore(a: number, b: number): boolean {
    const left = heap[a]
    const right = heap[b]
    if (left === undefined || right === undefined) return left !== undefined
    return left.at < right.at || (left.at === right.at && left.order < right.order)
  }

  function swap(a: number, b: number): void {
    ;[heap[a], heap[b]] = [heap[b] as Due, heap[a] as Due]
  }

  function rise(index: number): void {
    for (let at = index; at > 0;) {
      const parent = (at - 1) >> 1
      if (!isBefore(at, parent)) return
      swap(at, parent)
      at = parent
    }
  }

  function sink(): void {
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      const child = isBefore(right, left) ? right : left
      if (!isBefore(child, at)) return
      swap(child, at)
      at = child
    }
  }

  return {
    add(due: Due): void {
      heap.push(due)
      rise(heap.length - 1)
    },
    first: (): Due | undefined => heap[0],
    removeFirst(): void {
      const last = heap.pop()
      if (last === undefined || heap.length === 0) return
      heap[0] = last
      sink()
    },
    size: () => heap.length,
    clear: () => void (heap = []),
  }
}
