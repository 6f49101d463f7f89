/** The three records the auditor works from, and what it may ask the API. All times are milliseconds since 1970. */

/** How an app ends a message itself. */
export type AppEnd = 'canceled' | 'used'

/** One message as its app knows it, from the first 202 on. Each has a recipient of its own. */
export type Accepted = {
  id: string
  /** E.164, with `+`. */
  to: string
  /** What the person is to read: the code of an otp, a word of a text or template. */
  content: string
  /** When the 202 arrived. */
  at: number
  expiresAt: number
  /** The API's 200 to a cancel or "used". */
  ended?: { as: AppEnd; at: number }
  /** Asked for, and no answer came that tells whether it was done. */
  mayHaveEnded?: AppEnd
}

/** One message that Meta took. */
export type Taken = {
  to: string
  /** What the person reads, the code among it. */
  text: string
  at: number
  /** When the phone got it. */
  deliveredAt?: number
}

/** One line of a fallback file. */
export type FallbackRecord = {
  messageId: string
  to: string
  /** Missing for messages without one, and after the deadline. */
  code?: string
  reason: string
  /** When the line was seen. */
  at: number
}

export type Records = {
  accepted: readonly Accepted[]
  /** Recipients of messages for which no 202 came before the client gave up. */
  refused: readonly string[]
  taken: readonly Taken[]
  fallback: readonly FallbackRecord[]
}

/** A message as `GET /api/messages/{id}` shows it. */
export type Shown = {
  status: string
  reason?: string
  timeline: readonly { status: string; at: string; detail?: string }[]
}

/** What the API says of a message; `undefined` when it knows none. */
export type Told = ReadonlyMap<string, Shown | undefined>
