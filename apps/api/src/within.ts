/** Time limits for what Redis is told. */
import { queueUnavailable } from './problem.ts'

/**
 * Everything Redis does here must be done in time; whatever it fails with, the caller may try again.
 *
 * @param work goes on after it was given up: it must look at the signal before each step that counts
 */
export async function within<T>(ms: number, work: (late: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController()
  const timeOut = new Promise<never>((_resolve, reject) => {
    late.signal.addEventListener('abort', () => reject(new Error(`Redis took longer than ${ms} ms`)))
  })
  const timer = setTimeout(() => late.abort(), ms)
  try {
    return await Promise.race([work(late.signal), timeOut])
  } catch (error) {
    throw queueUnavailable(error)
  } finally {
    clearTimeout(timer)
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
  late: AbortSignal,
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
