/**
 * What a call can fail with. No error holds the code of a message, its text or the API key, nor does anything that an error refers to: errors
 * are logged. So nothing that was thrown elsewhere is kept as a cause.
 */
import type { FieldFault, ProblemCode } from './api-types.ts'

/** Any failure of a call. */
export class RelaisError extends Error {
  override name = 'RelaisError'
  /** Of a call that sends: the same call with this key finds what this one may have begun, and sends nothing twice. */
  readonly idempotencyKey: string | undefined
  /** How often the server was asked. */
  readonly tries: number

  constructor(message: string, more: { idempotencyKey?: string | undefined; tries?: number } = {}) {
    super(message)
    this.idempotencyKey = more.idempotencyKey
    this.tries = more.tries ?? 0
  }

  toJSON(): Record<string, unknown> {
    return { ...Object.fromEntries(Object.entries(this)), message: this.message }
  }
}

/** What the server says is wrong. */
export type ProblemFacts = {
  status: number
  code: ProblemCode | 'unknown'
  detail: string
  errors?: FieldFault[] | undefined
  retryAfterSeconds?: number | undefined
  requestId?: string | undefined
}

/** The server refused: its answer says why. */
export class ProblemError extends RelaisError {
  override name = 'ProblemError'
  /** Of the answer; of one message in a batch, what it would have been alone. */
  readonly status: number
  /** Stable: decide by it. `unknown`: the answer did not come from Relais, but from something in front of it. */
  readonly code: ProblemCode | 'unknown'
  /** For people: what is wrong and how to mend it. */
  readonly detail: string
  /** Of a bad body: each fault, with a JSON pointer to it. */
  readonly errors: FieldFault[]
  /** When another try makes sense. */
  readonly retryAfterSeconds: number | undefined
  /** Names the request in the logs of the server. */
  readonly requestId: string | undefined

  constructor(facts: ProblemFacts, more: { idempotencyKey?: string | undefined; tries?: number } = {}) {
    super(`${facts.status} ${facts.code}: ${facts.detail}`, more)
    this.status = facts.status
    this.code = facts.code
    this.detail = facts.detail
    this.errors = facts.errors ?? []
    this.retryAfterSeconds = facts.retryAfterSeconds
    this.requestId = facts.requestId
  }
}

/** The deadline of the call came before an answer. Whether a message was accepted is not known: see `idempotencyKey`. */
export class TimeoutError extends RelaisError {
  override name = 'TimeoutError'
}

/** No answer that could be read. Whether a message was accepted is not known: see `idempotencyKey`. */
export class NetworkError extends RelaisError {
  override name = 'NetworkError'
  /** What the platform calls it, such as `ECONNREFUSED`; `unreadable_answer` for one that was no answer of Relais. */
  readonly reason: string

  constructor(
    message: string,
    more: { reason: string; idempotencyKey?: string | undefined; tries?: number },
  ) {
    super(message, more)
    this.reason = more.reason
  }
}

/** `waitFor` has waited as long as it may. */
export class WaitTimeoutError extends RelaisError {
  override name = 'WaitTimeoutError'
  /** The message's state when it was last seen; undefined if it never was. */
  readonly lastStatus: string | undefined

  constructor(message: string, lastStatus: string | undefined) {
    super(message)
    this.lastStatus = lastStatus
  }
}
