import { createRing } from '../world/ring.ts'

export const callKinds = [
  'send',
  'exchange',
  'app_token',
  'debug_token',
  'revoke',
  'issue_token',
  'permissions',
  'user',
  'app_subscriptions',
  'phone_number',
  'business',
  'message_templates',
  'create_template',
  'template',
  'edit_template',
  'delete_template',
  'phone_numbers',
  'register',
  'deregister',
  'subscribed_apps',
  'unknown',
] as const

export type CallKind = (typeof callKinds)[number]

/** One call to the Graph port. Never a token, a secret or a code. */
export type GraphCallRecord = {
  /** Arrival, in milliseconds. */
  readonly at: number
  readonly kind: CallKind
  /** What the answer says; `null` when the connection was reset instead. */
  readonly statusCode: number | null
  readonly graphCode?: number
  readonly graphSubcode?: number
  /** This and the next as the caller wrote them, unless they have more than 512 characters. */
  readonly callbackData?: string
  readonly to?: string
  /** Set when a message was taken, also if the answer was lost. */
  readonly messageId?: string
  /** The injected fault that met the call. */
  readonly fault?: string
}

/** Calls kept: the newest 20,000. */
export const CALL_CAP = 20_000

/** Every call to the Graph port, newest 20,000. A call is written down when it arrives, before its answer. */
export function createCallLog() {
  return createRing<GraphCallRecord>(CALL_CAP)
}

export type CallLog = ReturnType<typeof createCallLog>
