/** Time limits for what Redis is told. */
import type { Late } from '@relais/core'
import { ProblemError, queueUnavailable } from './problem.ts'

/**
 * Everything Redis does here must be done in time; whatever it fails with, the caller may try again.
 *
 * @param work goes on after it was given up: it must look at the signal before each step that counts
 * @param undo called once when it is given up, or fails with anything but a problem; with the work, which may still be under way
 */
export function within<T>(
  ms: number,
  work: (late: Late) => Promise<T>,
  undo?: (working: Promise<T>) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const reason = `Redis took longer than ${ms} ms`
    const late = createLate(reason)
    const fail = (error: unknown) => {
      clearTimeout(timer)
      if (!(error instanceof ProblemError)) undo?.(working)
      reject(queueUnavailable(error))
    }
    const timer = setTimeout(() => {
      late.aborted = true
      fail(new Error(reason))
    }, ms)
    const working = work(late)
    working.then(
      (result) => {
        clearTimeout(timer)
        resolve(result)
      },
      (error: unknown) => late.aborted || fail(error),
    )
  })
}

/** What of an `AbortController` is wanted here, at a twentieth of the price. */
function createLate(reason: string) {
  return {
    aborted: false,
    throwIfAborted(): void {
      if (this.aborted) throw new Error(reason)
    },
  }
}

/**
 * Does many alike a part at a time: what is told to Redis at once has to be answered within the time limit of one command.
 *
 * @param late looked at before the first part and after each
 */
export async function inParts<T, R>(
  size: number,
  all: readonly T[],
  late: Late,
  work: (part: readonly T[]) => Promise<R[]>,
): Promise<R[]> {
  const results: R[] = []
  late.throwIfAborted()
  for (let from = 0; from < all.length; from += size) {
    results.push(...(await work(all.slice(from, from + size))))
    late.throwIfAborted()
  }
  return results
}
