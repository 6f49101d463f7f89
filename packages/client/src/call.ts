/**
 * One call: tried again while that can help and the call's time lasts. Every try of a call has the same idempotency key, so whatever
 * becomes of an answer on its way, the server does what was asked for once.
 */
import { readAnswer, UNREADABLE, type TryResult } from './answer.ts'
import { NetworkError, ProblemError, TimeoutError, type RelaisError } from './errors.ts'
import { gapBefore } from './retry.ts'
import { secretsOf } from './secrets.ts'

export type CallOptions = {
  /** Ends the call: it then rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /** The deadline of the whole call, retries included, in milliseconds from now. */
  timeoutMs?: number | undefined
}

export type Call = {
  method: 'GET' | 'POST' | 'DELETE'
  /** Begins with a slash. */
  path: string
  body?: unknown
  idempotencyKey?: string
  /** The key that errors tell, where it is another. */
  repeatWith?: string
  /** Whether a body is what this route answers. */
  isExpected: (body: unknown) => boolean
}

export type Caller = <Answer>(call: Call, options?: CallOptions) => Promise<Answer>

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/**
 * @param deps.url where the API is, without a slash at the end
 * @param deps.tryTimeoutMs the most one try may take, to the last byte of its answer
 * @param deps.retries how many tries may follow the first
 */
export function createCaller(deps: {
  url: string
  key: string
  timeoutMs: number
  tryTimeoutMs: number
  retries: number
  fetch: Fetch
}): Caller {
  const { url, key, tryTimeoutMs, retries } = deps

  return async <Answer>(call: Call, options: CallOptions = {}): Promise<Answer> => {
    const { signal, timeoutMs = deps.timeoutMs } = options
    const endsAt = performance.now() + timeoutMs
    const leftMs = () => endsAt - performance.now()
    for (let tries = 1; ; tries += 1) {
      signal?.throwIfAborted()
      const result = await tryOnce(call, Math.min(tryTimeoutMs, leftMs()), signal)
      if (result.kind === 'answered') return result.body as Answer
      const gapMs = tries <= retries ? gapBefore(result, tries, Math.random()) : undefined
      const isOver = leftMs() <= 0
      if (gapMs === undefined || isOver || gapMs >= leftMs()) {
        throw errorOf(result, { tries, isOver, idempotencyKey: call.repeatWith ?? call.idempotencyKey })
      }
      await pause(gapMs, signal)
    }
  }

  async function tryOnce(call: Call, limitMs: number, signal: AbortSignal | undefined): Promise<TryResult> {
    const { method, path, body, idempotencyKey, isExpected } = call
    const controller = new AbortController()
    const stop = () => controller.abort()
    let isLate = false
    const timer = setTimeout(
      () => {
        isLate = true
        stop()
      },
      Math.max(1, limitMs),
    )
    signal?.addEventListener('abort', stop)
    try {
      const response = await deps.fetch(url + path, {
        method,
        // A key is for one server: where it points to elsewhere is not asked.
        redirect: 'manual',
        signal: controller.signal,
        headers: {
          authorization: `Bearer ${key}`,
          accept: 'application/json, application/problem+json',
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      return await readAnswer(response, isExpected, () => [key, ...secretsOf(body)])
    } catch (error) {
      signal?.throwIfAborted()
      return isLate ? { kind: 'late' } : { kind: 'lost', reason: reasonIn(error) }
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
  }
}

/** What the call ends with after its last try. */
function errorOf(
  result: Exclude<TryResult, { kind: 'answered' }>,
  how: { tries: number; isOver: boolean; idempotencyKey: string | undefined },
): RelaisError {
  const { tries, isOver } = how
  const times = `${tries} ${tries === 1 ? 'try' : 'tries'}`
  switch (result.kind) {
    case 'refused':
      return new ProblemError(result.problem, how)
    case 'late':
      return new TimeoutError(`Relais did not answer in time (${times}).`, how)
    case 'lost': {
      if (isOver) return new TimeoutError(`Relais did not answer in time (${times}).`, how)
      const what = result === UNREADABLE ? 'What answered is not Relais' : 'Relais cannot be reached'
      return new NetworkError(`${what} (${result.reason}, ${times}).`, { ...how, reason: result.reason })
    }
  }
}

/** The platform's word for what went wrong, and nothing else of the error: it may hold what was sent. */
function reasonIn(error: unknown): string {
  const { code, cause, name } = (error ?? {}) as {
    code?: unknown
    cause?: { code?: unknown }
    name?: unknown
  }
  const word = [cause?.code, code, name].find((each) => typeof each === 'string' && /^\w{1,40}$/.test(each))
  return typeof word === 'string' ? word : 'network_fault'
}

/** Rejects with the signal's reason. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      if (signal?.aborted) reject(signal.reason as Error)
      else resolve()
    }
    const timer = setTimeout(end, ms)
    signal?.addEventListener('abort', end)
  })
}
