/** Problem Details (RFC 9457): the one shape of every error answer. */
import { UnsealError } from '@relais/core'
import { STATUS_CODES } from 'node:http'
import { Type, type Static } from 'typebox'

const PROBLEM_CODES = [
  'malformed_json',
  'bad_request',
  'unauthorized',
  'forbidden',
  'not_found',
  'payload_too_large',
  'unsupported_media_type',
  'invalid_request',
  'idempotency_mismatch',
  'country_refused',
  'recipient_limited',
  'source_limited',
  'prefix_limited',
  'app_limited',
  'login_limited',
  'recipient_not_in_team',
  'already_sent',
  'already_ended',
  'already_revealed',
  'code_expired',
  'operator_limited',
  'verification_ended',
  'resend_too_soon',
  'reveal_unavailable',
  'resend_not_possible',
  'queue_not_pausable',
  'token_rejected',
  'renewal_not_configured',
  'renewal_not_needed',
  'renewal_failed',
  'provider_unavailable',
  'alerts_not_configured',
  'alert_undelivered',
  'callback_undelivered',
  'callbacks_full',
  'callback_unreadable',
  'queue_unavailable',
  'internal_error',
] as const

export type ProblemCode = (typeof PROBLEM_CODES)[number]

export const PROBLEM_TYPE = 'application/problem+json'

const FieldFaultSchema = Type.Object(
  {
    pointer: Type.String({ description: 'JSON pointer to the value' }),
    detail: Type.String({ description: 'What is wrong with it' }),
  },
  { title: 'FieldFault' },
)

export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.Enum([...PROBLEM_CODES], { title: 'ProblemCode', description: 'Stable: decide by it' }),
    errors: Type.Optional(Type.Array(FieldFaultSchema)),
    retryAfterSeconds: Type.Optional(Type.Integer({ description: 'The same as Retry-After' })),
  },
  { title: 'Problem', description: 'RFC 9457 problem details' },
)

/** The answers that say when to try again. */
const RETRY_AFTER = {
  'Retry-After': { type: 'integer', description: 'seconds until another try makes sense' },
}

/** What an answer of this status can mean on any route. */
const CODES_ANYWHERE: Readonly<Record<number, readonly ProblemCode[]>> = {
  400: ['malformed_json', 'bad_request'],
  401: ['unauthorized'],
  403: ['forbidden'],
  404: ['not_found'],
  413: ['payload_too_large'],
  415: ['unsupported_media_type'],
  422: ['invalid_request'],
  503: ['queue_unavailable'],
}

/**
 * The problems a route may answer with, for its schema. Where a status means more on this route than on any, its further codes are
 * named: `problems(400, 422, { 409: ['already_ended'] })`.
 */
export function problems(
  ...named: (number | Readonly<Record<number, readonly ProblemCode[]>>)[]
): Record<number, ReturnType<typeof problemAnswer>> {
  const codes = new Map<number, readonly ProblemCode[]>()
  for (const one of named) {
    const further = typeof one === 'number' ? { [one]: [] } : one
    for (const [status, more] of Object.entries(further)) {
      codes.set(Number(status), [...new Set([...(CODES_ANYWHERE[Number(status)] ?? []), ...more])])
    }
  }
  return Object.fromEntries(
    [...codes].map(([statusCode, possible]) => [statusCode, problemAnswer(statusCode, possible)]),
  )
}

/** `codes` is for the OpenAPI document, which then lists them: see `plugins/openapi.ts`. */
function problemAnswer(statusCode: number, codes: readonly ProblemCode[]) {
  return {
    description: STATUS_CODES[statusCode] ?? 'Error',
    content: { [PROBLEM_TYPE]: { schema: ProblemSchema } },
    ...([429, 503].includes(statusCode) && { headers: RETRY_AFTER }),
    codes,
  }
}

export type Problem = Static<typeof ProblemSchema>
export type FieldFault = Static<typeof FieldFaultSchema>

/** An answer other than success, thrown anywhere in a request and written by the one error handler. */
export class ProblemError extends Error {
  override name = 'ProblemError'
  readonly statusCode: number
  readonly code: ProblemCode
  readonly errors: FieldFault[] | undefined
  readonly retryAfterSeconds: number | undefined
  readonly headers: Record<string, string>

  /**
   * @param detail what is wrong and how to mend it, for the caller to read: nothing secret, nothing internal
   * @param more.retryAfterSeconds goes into the body, and into the header `Retry-After`
   */
  constructor(
    statusCode: number,
    code: ProblemCode,
    detail: string,
    more: {
      errors?: FieldFault[]
      retryAfterSeconds?: number
      headers?: Record<string, string>
      cause?: unknown
    } = {},
  ) {
    super(detail, { cause: more.cause })
    this.statusCode = statusCode
    this.code = code
    this.errors = more.errors
    this.retryAfterSeconds = more.retryAfterSeconds
    const retryAfter = more.retryAfterSeconds !== undefined && {
      'retry-after': String(more.retryAfterSeconds),
    }
    this.headers = { ...more.headers, ...retryAfter }
  }

  toBody(): Problem {
    return {
      type: 'about:blank',
      title: STATUS_CODES[this.statusCode] ?? 'Error',
      status: this.statusCode,
      detail: this.message,
      code: this.code,
      ...(this.errors && { errors: this.errors }),
      ...(this.retryAfterSeconds !== undefined && { retryAfterSeconds: this.retryAfterSeconds }),
    }
  }
}

/**
 * What a failed call to Redis becomes: a 503, because whatever Redis failed with, the caller may try again. A fault of our own
 * stays what it is.
 */
export function queueUnavailable(error: unknown): unknown {
  if (error instanceof ProblemError || isOurs(error)) return error
  const detail = 'The queue cannot be reached right now. Try again.'
  return new ProblemError(503, 'queue_unavailable', detail, { retryAfterSeconds: 1, cause: error })
}

/** For `catch`: refuses the request with what `queueUnavailable` makes of the error. */
export function refuseAsUnavailable(error: unknown): never {
  throw queueUnavailable(error)
}

function isOurs(error: unknown): boolean {
  return [TypeError, RangeError, ReferenceError, SyntaxError, UnsealError].some(
    (kind) => error instanceof kind,
  )
}
