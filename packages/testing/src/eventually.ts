import { inspect } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'

export interface EventuallyOptions {
  /** How long to go on asking. Default 10 s. */
  timeoutMs?: number
  /** The pause between two reads. Default 20 ms. */
  everyMs?: number
  /** What is waited for, to be named in the error. */
  what?: string
}

/**
 * Reads until the value holds, and returns that value. What `read` throws rises at once.
 * @throws Error naming `what` and the last value, once `timeoutMs` have passed.
 */
export async function eventually<Value>(
  read: () => Value | Promise<Value>,
  holds: (value: Value) => boolean,
  { timeoutMs = 10_000, everyMs = 20, what = 'the expected value' }: EventuallyOptions = {},
): Promise<Value> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const value = await read()
    if (holds(value)) return value
    if (Date.now() >= deadline)
      throw new Error(`${what} did not come within ${timeoutMs} ms; last value: ${show(value)}`)
    await sleep(everyMs)
  }
}

function show(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return inspect(value) // circular, or a bigint
  }
}
