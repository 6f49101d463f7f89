/** Waits until something has become of a message: asks again and again, less and less often. */
import type { Message, MessageStatus } from './api-types.ts'
import { pause, type CallOptions } from './call.ts'
import { NetworkError, ProblemError, RelaisError, TimeoutError, WaitTimeoutError } from './errors.ts'

const FIRST_GAP_MS = 250
const MOST_GAP_MS = 5000
const GROWTH = 1.5

/** Nothing follows them, but that its code may still be used. */
const ENDS: readonly MessageStatus[] = ['read', 'fallback', 'expired', 'canceled', 'used']

export type WaitOptions = {
  /** One of these is waited for; `delivered` unless given. A state that was passed counts: what was read was delivered. */
  until?: readonly MessageStatus[]
  /** In milliseconds; a minute unless given. */
  timeoutMs?: number
  signal?: AbortSignal | undefined
}

export function createWaitFor(read: (id: string, options: CallOptions) => Promise<Message>) {
  return async (id: string, { until = ['delivered'], timeoutMs = 60_000, signal }: WaitOptions = {}) => {
    const endsAt = performance.now() + timeoutMs
    const leftMs = () => endsAt - performance.now()
    let lastStatus: MessageStatus | undefined
    for (let gapMs = FIRST_GAP_MS; ; gapMs = Math.min(gapMs * GROWTH, MOST_GAP_MS)) {
      const seen = await read(id, { signal, timeoutMs: Math.max(1, leftMs()) }).catch(unlessPassing)
      if (!(seen instanceof RelaisError)) {
        if (isReached(seen, until)) return seen
        lastStatus = seen.status
      }
      const askedForMs = seen instanceof ProblemError ? (seen.retryAfterSeconds ?? 0) * 1000 : 0
      const nextMs = Math.max(gapMs, askedForMs)
      if (nextMs >= leftMs()) throw waitedInVain(id, until, lastStatus)
      await pause(nextMs, signal)
    }
  }
}

function isReached({ status, timeline }: Message, until: readonly MessageStatus[]): boolean {
  return (
    ENDS.includes(status) ||
    [status, ...timeline.map((entry) => entry.status)].some((each) => until.includes(each))
  )
}

/** What may be over in a moment is waited out; everything else is thrown. */
function unlessPassing(error: unknown): RelaisError {
  const isPassing =
    error instanceof NetworkError ||
    error instanceof TimeoutError ||
    (error instanceof ProblemError && (error.status >= 500 || error.status === 429 || error.status === 408))
  if (isPassing) return error
  throw error
}

function waitedInVain(
  id: string,
  until: readonly MessageStatus[],
  lastStatus: MessageStatus | undefined,
): WaitTimeoutError {
  const seen = lastStatus === undefined ? 'it could not be seen' : `it is ${lastStatus}`
  return new WaitTimeoutError(
    `Message ${id} did not come to ${until.join(' or ')} in time: ${seen}.`,
    lastStatus,
  )
}
