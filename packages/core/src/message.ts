/**
 * The message and its life. A message is accepted once and reaches one end, once:
 *
 *     queued ──► sending ──► sent ──► delivered ──► read
 *       ▲          │ │
 *       └──────────┘ └─► uncertain (the call got no readable answer: a receipt is waited for)
 *
 *     ends that absorb: fallback, expired, canceled, used
 *
 * `sending` means one worker may be talking to Meta about it right now, or died doing so. Whoever else finds it there
 * moves it to `uncertain`, never straight to another send. A receipt may arrive in any state before the end, because
 * Meta answers and reports on different roads. `sending` and `uncertain` go back to `queued` when Meta certainly did
 * not take the message.
 *
 * Every move is one atomic step of the message store, and only the moves below exist.
 */
export const LEGAL_MOVES = {
  queued: ['sending', 'sent', 'delivered', 'read', 'fallback', 'expired', 'canceled', 'used'],
  sending: ['queued', 'uncertain', 'sent', 'delivered', 'read', 'fallback', 'expired', 'used'],
  uncertain: ['queued', 'sending', 'sent', 'delivered', 'read', 'fallback', 'expired', 'used'],
  sent: ['delivered', 'read', 'fallback', 'used'],
  delivered: ['read', 'used'],
  read: ['used'],
  fallback: [],
  expired: [],
  canceled: [],
  used: [],
} as const satisfies Record<string, readonly string[]>

export type MessageStatus = keyof typeof LEGAL_MOVES

export const MESSAGE_STATUSES = Object.keys(LEGAL_MOVES) as MessageStatus[]

/** The states from which `to` may be reached. */
export function legalSources(to: MessageStatus): MessageStatus[] {
  return MESSAGE_STATUSES.filter((from) => (LEGAL_MOVES[from] as readonly string[]).includes(to))
}

/**
 * Nobody will send this message again, so nobody needs its content: it is erased on the way into these states. Only a code that falls
 * back may stay until the deadline, for an operator to reveal.
 */
export function isSettled(status: MessageStatus): status is SettledStatus {
  return !(LEGAL_MOVES[status] as readonly string[]).includes('fallback')
}

export type SettledStatus = 'delivered' | 'read' | 'fallback' | 'expired' | 'canceled' | 'used'

/** Why a message was given to the operators instead of the phone. */
export const FALLBACK_REASONS = [
  'recipient_unreachable',
  'template_rejected',
  'request_rejected',
  'sender_blocked',
  'token_unavailable',
  'rate_limited',
  'provider_unavailable',
  'undelivered',
  'outcome_unknown',
  'worker_lost',
] as const

export type FallbackReason = (typeof FALLBACK_REASONS)[number]

export const MESSAGE_TYPES = ['otp', 'template', 'text'] as const

export type MessageType = (typeof MESSAGE_TYPES)[number]

/** What the recipient is to read. Sealed from acceptance until the moment of sending or of the fallback record. */
export type MessageContent =
  { type: 'otp'; code: string } | { type: 'template'; parameters: string[] } | { type: 'text'; text: string }

/** One step of a message's life: what it became, when (milliseconds since 1970), and why. */
export type TimelineEntry = { status: MessageStatus; at: number; detail?: string }

/** A message as its record tells it. Times are milliseconds since 1970. The content is not part of it. */
export type Message = {
  id: string
  /** The client of the API that owns it. */
  app: string
  /** It came with a test key: it never leaves Relais. */
  isTest?: true
  type: MessageType
  /** E.164, with `+`. */
  to: string
  template?: string
  language?: string
  /** The app's own name for it; returned, never sent. */
  reference?: string
  /** What the app called the request that brought it; for the log. */
  requestId?: string
  /** Where it was accepted, in its trace: see `tracing.ts`. Only of what is recorded. */
  trace?: string
  status: MessageStatus
  /** Set when the fallback is decided, a moment before `status` says so: from then on nobody sends it. */
  reason?: FallbackReason
  /** The same in plain words. */
  reasonDetail?: string
  /** When it was decided. */
  decidedAt?: number
  /** Sends that counted. */
  attempts: number
  /** Every claim ever made, counted or not: the fence that tells a late worker from the present one. */
  claims: number
  /** Waits in a row (for a limit or a token); sets how long the next one is. */
  waits: number
  /** Meta's id (`wamid....`). */
  providerMessageId?: string
  acceptedAt: number
  /** The deadline: after it the message is worthless. */
  expiresAt: number
  /** The app's own limit for `delivered`, counted from acceptance. */
  deliverWithinSeconds?: number
  /** After it fell back: when the app said that the code was used. */
  usedAt?: number
  /** After it fell back: when and by whom the code was revealed. */
  revealedAt?: number
  revealedBy?: string
  /** The message of which this one carries the code once more, because an operator had it sent again. */
  resendOf?: string
  /** The other way round: the one that carries it on. Set before that one is there. */
  resentAs?: string
  timeline: TimelineEntry[]
}

/** The least life a code must have left when an operator gets it, unless its whole life is shorter than twice this. */
export const FALLBACK_RESERVE_MS = 60_000

/** The last moment a send may start: later, what life is left belongs to the operator who reads the code out. */
export function sendUntil(message: Message): number {
  return message.expiresAt - Math.min(FALLBACK_RESERVE_MS, (message.expiresAt - message.acceptedAt) / 2)
}

/**
 * The moment from which waiting for another try helps nobody: the message goes to the fallback instead.
 *
 * @param deliverWithinMs how long after acceptance a delivery is waited for; `undefined` without receipts
 */
export function fallBackAt(message: Message, deliverWithinMs: number | undefined): number {
  const latest = sendUntil(message)
  const ownMs = message.deliverWithinSeconds === undefined ? undefined : message.deliverWithinSeconds * 1000
  const limitMs = deliverWithinMs === undefined ? undefined : (ownMs ?? deliverWithinMs)
  return limitMs === undefined ? latest : Math.min(latest, message.acceptedAt + limitMs)
}
