/**
 * What an error means for the message and for those behind it, whatever its number is.
 * The classes of Meta's error codes are data in `graph/failures.ts`; what follows from a class is `next-step.ts`.
 */
export type FailureClass =
  /** The shared token is dead, or unreadable to Meta. */
  | 'token-expired'
  /** The token lives, but may not do this. */
  | 'auth-permission'
  /** Sender, business account, billing or registration. */
  | 'account-blocked'
  /** This sender is too fast for now. */
  | 'rate-limited-sender'
  /** Too fast to this one recipient; others go on. */
  | 'rate-limited-pair'
  /** Meta's side, or the way there; trying again helps. */
  | 'transient'
  /** The template is missing, paused, disabled or does not fit. */
  | 'template'
  /** This person cannot be reached this way. */
  | 'permanent-recipient'
  /** What we sent is wrong. */
  | 'permanent-request'
  /** Meta dropped it after its time to live: the same code is never sent again. */
  | 'message-expired'

/** Meta's own words for a refusal. Safe to log and to show: no token, no code of ours is in it. */
export type GraphError = {
  statusCode: number
  graphCode?: number
  subcode?: number
  type?: string
  message: string
  details?: string
  fbtraceId?: string
  isTransient?: boolean
}

/** A refusal with what it means. `maxTries`, `waitMs` and `pauses` are what Meta's documentation says of this one code. */
export type Failure = {
  failure: FailureClass
  /** Plain words for the timeline and the log. */
  detail: string
  graphCode?: number
  fbtraceId?: string
  maxTries?: number
  waitMs?: number
  /** What nothing more is sent with for now. */
  pauses?: 'sender' | 'template'
}

/** What one attempt at one message did. */
export type Outcome =
  /** Meta took it. Whether it arrives is known from receipts only. */
  | { kind: 'accepted'; providerMessageId: string }
  /** Meta said no: certainly not taken. */
  | ({ kind: 'failed' } & Failure)
  /** No connection was made: certainly not taken, and nobody was asked. */
  | { kind: 'unsent'; detail: string }
  /** The request may have reached Meta and no readable answer came back: it may have been taken. */
  | { kind: 'ambiguous'; detail: string }
