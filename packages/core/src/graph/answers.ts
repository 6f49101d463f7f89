/** What the Graph client answers to the questions that are not sends. */
import type { GraphError } from '../outcome.ts'
import type { Secret } from '../secret.ts'

/** What a call is made with: the token, and the secret of its app where that is known. */
export type Bearer = { accessToken: Secret; appSecret?: Secret }

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
  /** `SYSTEM_USER`, `USER`, ... */
  type?: string
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
  /** These three only if asked for. `CONNECTED` is the state to send in. */
  status?: string
  throughputLevel?: string
  /** To how many people a day messages may be begun with: `TIER_250`, `TIER_1K`, ... */
  messagingLimit?: string
}

/** Meta took app id and app secret. */
export type ConfirmedApp = { kind: 'app' }

/** One language of a template. `ttlSeconds`: `null` is the default of its category, -1 is 30 days, absent was not said. */
export type MessageTemplate = {
  name: string
  language: string
  status: string
  category: string
  ttlSeconds?: number | null
}

export type MessageTemplates = { kind: 'templates'; templates: MessageTemplate[] }

/** The apps that get the webhooks of a business account. */
export type SubscribedApps = { kind: 'subscribed-apps'; appIds: string[] }

/** Meta's own verdict: `AVAILABLE`, `LIMITED` or `BLOCKED`, and why. */
export type NodeHealth = { kind: 'health'; canSendMessage: string; reasons: string[] }
