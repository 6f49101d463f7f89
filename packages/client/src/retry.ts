/** Whether to try again, and when: a table, pure. */
import type { TryResult } from './answer.ts'

const FIRST_GAP_MS = 200
const MOST_GAP_MS = 4000

/** Who is asked to come back later than this is better told: somebody waits for the code. */
const MOST_ASKED_SECONDS = 10

/**
 * How long to wait before the next try; undefined: there is none. Only for calls that may be made twice: those that read, those that
 * carry an idempotency key, and those that Relais answers alike when they come again.
 *
 * @param tries how often it was tried so far
 * @param random from 0 up to 1: many that failed at the same moment do not come again at one
 */
export function gapBefore(result: TryResult, tries: number, random: number): number | undefined {
  switch (result.kind) {
    case 'answered':
      return undefined
    case 'late':
    case 'lost':
      return backoff(tries, random)
    case 'refused': {
      const { status, retryAfterSeconds } = result.problem
      if (status !== 408 && status !== 429 && status < 500) return undefined
      const isToldWhen = (status === 429 || status === 503) && retryAfterSeconds !== undefined
      if (!isToldWhen) return backoff(tries, random)
      // Not sooner than was asked for, and not all at once.
      return retryAfterSeconds > MOST_ASKED_SECONDS
        ? undefined
        : retryAfterSeconds * 1000 + random * FIRST_GAP_MS
    }
  }
}

/** Doubles, up to a cap; anywhere in the upper half of it. */
function backoff(tries: number, random: number): number {
  const most = Math.min(MOST_GAP_MS, FIRST_GAP_MS * 2 ** (tries - 1))
  return most * (0.5 + random / 2)
}
