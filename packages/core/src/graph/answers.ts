/** What the Graph client answers to the questions that are not sends. */
import type { GraphError } from '../outcome.ts'
import type { Secret } from '../secret.ts'

/** What a token is asked for with: the app it belongs to. */
export type AppCredentials = { appId: string; appSecret: Secret }

/** Meta's no, or no answer at all. */
export type GraphFault = { kind: 'refused'; error: GraphError } | { kind: 'unreachable'; detail: string }

export type ExchangedToken = { kind: 'exchanged'; accessToken: Secret; expiresInSeconds?: number }

/** What `debug_token` knows. Times are milliseconds since 1970; `expiresAt: null` means never, absent not said. */
export type InspectedToken = {
  kind: 'inspected'
  isValid: boolean
  appId?: string
  scopes?: string[]
  issuedAt?: number
  expiresAt?: number | null
  error?: GraphError
}

export type PhoneNumberNode = {
  kind: 'phone-number'
  displayNumber?: string
  verifiedName?: string
  qualityRating?: string
}
