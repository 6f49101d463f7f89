/** What one try came to: read from the answer, or from the want of one. */
import type { FieldFault, ProblemCode } from './api-types.ts'
import type { ProblemFacts } from './errors.ts'
import { without } from './secrets.ts'

export type TryResult =
  | { kind: 'answered'; body: unknown }
  | { kind: 'refused'; problem: ProblemFacts }
  /** No answer in the time of one try. */
  | { kind: 'late' }
  /** No answer that could be read; `reason` is what the platform calls it. */
  | { kind: 'lost'; reason: string }

/** More is no answer of Relais: that to a batch of a thousand has less than a megabyte. */
const MOST_BYTES = 8 * 1024 * 1024

/** Longer texts are cut: they go into logs. */
const MOST_DETAIL = 1000
const MOST_FAULTS = 20

export const UNREADABLE: TryResult = { kind: 'lost', reason: 'unreadable_answer' }

/**
 * Reads an answer to its end. Rejects when its bytes stop coming.
 *
 * @param isExpected whether a body is what the route answers; what is not came from somewhere else
 * @param secrets what must not get into an error, even if the other side says it
 */
export async function readAnswer(
  response: Response,
  isExpected: (body: unknown) => boolean,
  secrets: () => readonly string[],
): Promise<TryResult> {
  const text = await textOf(response)
  const body = text === undefined ? undefined : parsed(text)
  if (response.status >= 200 && response.status < 300) {
    return isExpected(body) ? { kind: 'answered', body } : UNREADABLE
  }
  if (response.status < 400) return UNREADABLE
  const { status, headers } = response
  return { kind: 'refused', problem: problemOf(body, { status, headers, secrets: secrets() }) }
}

/** What a body says is wrong, as far as it is a problem. @param how.headers those of the answer; absent for one of a batch */
export function problemOf(
  body: unknown,
  how: { status: number; headers?: Headers; secrets: readonly string[] },
): ProblemFacts {
  const { status, headers, secrets } = how
  const { code, detail, errors, retryAfterSeconds } = (isObject(body) ? body : {}) as Record<string, unknown>
  const isProblem = typeof code === 'string' && /^[a-z_]{1,64}$/.test(code) && typeof detail === 'string'
  const clean = (text: unknown) => without(secrets, String(text)).slice(0, MOST_DETAIL)
  return {
    status,
    code: isProblem ? (code as ProblemCode) : 'unknown',
    detail: isProblem ? clean(detail) : 'The answer does not say why: it may not come from Relais.',
    errors: isProblem && Array.isArray(errors) ? faultsIn(errors, clean) : undefined,
    retryAfterSeconds: seconds(headers?.get('retry-after')) ?? seconds(retryAfterSeconds),
    requestId: requestIdIn(headers, secrets),
  }
}

function faultsIn(errors: unknown[], clean: (text: unknown) => string): FieldFault[] {
  return errors.slice(0, MOST_FAULTS).flatMap((fault) => {
    if (!isObject(fault)) return []
    return { pointer: clean(fault['pointer']), detail: clean(fault['detail']) }
  })
}

/** Undefined for what is no whole number of seconds: Relais sends no dates. */
function seconds(value: unknown): number | undefined {
  const count = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
  return typeof count === 'number' && Number.isInteger(count) && count >= 0 ? count : undefined
}

function requestIdIn(headers: Headers | undefined, secrets: readonly string[]): string | undefined {
  const id = headers?.get('x-request-id') ?? ''
  return /^[\w.-]{1,128}$/.test(id) && without(secrets, id) === id ? id : undefined
}

/** Undefined for more than an answer has. */
async function textOf(response: Response): Promise<string | undefined> {
  if (!response.body) return ''
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (let bytes = 0; ;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    bytes += value.byteLength
    if (bytes > MOST_BYTES) {
      await reader.cancel()
      return undefined
    }
    text += decoder.decode(value, { stream: true })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
