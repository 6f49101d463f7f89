// Made from docs/openapi.json by `npm run openapi`, not by hand.

export type AcceptedMessage = {
  id: string
  status: 'queued'
  type: MessageType
  /** in E.164 */
  to: string
  acceptedAt: string
  expiresAt: string
}

export type CheckedVerification = {
  /** true once */
  valid: boolean
  attemptsLeft?: number
}

/** why it fell back */
export type FallbackReason = 'recipient_unreachable' | 'template_rejected' | 'request_rejected' | 'sender_blocked' | 'token_unavailable' | 'rate_limited' | 'provider_unavailable' | 'undelivered' | 'outcome_unknown' | 'worker_lost'

export type FieldFault = {
  /** JSON pointer to the value */
  pointer: string
  /** What is wrong with it */
  detail: string
}

/** Never with its code */
export type Message = {
  id: string
  status: MessageStatus
  reason?: FallbackReason
  type: MessageType
  /** in E.164 */
  to: string
  template?: string
  /** the app's own, as it came */
  reference?: string
  attempts: number
  /** Meta's id of it */
  providerMessageId?: string
  acceptedAt: string
  expiresAt: string
  timeline: TimelineEntry[]
}

export type MessageBatch = {
  /** a list of 1 to 1000 messages */
  messages: MessageRequest[]
}

export type MessageBatchAnswer = {
  accepted: number
  rejected: number
  /** For each message, in order, what the route for one would answer; pointers start at the message */
  results: (AcceptedMessage | Problem)[]
}

export type MessageRequest = OtpRequest | TemplateRequest | TextRequest

export type MessageStatus = 'queued' | 'sending' | 'uncertain' | 'sent' | 'delivered' | 'read' | 'fallback' | 'expired' | 'canceled' | 'used'

export type MessageType = 'otp' | 'template' | 'text'

export type OtpRequest = {
  type: 'otp'
  /** a string of 4 to 15 of A-Z a-z 0-9 - */
  code: string
  /** a template name of a-z 0-9 _ */
  template?: string
  /** a language such as fr or en_US */
  language?: string
  /** the recipient in E.164, with + */
  to: string
  /** a whole number from 30 to 900: life of the message */
  ttlSeconds?: number
  /** a whole number from 1 to 900: not on its way by then, it goes to the fallback */
  deliverWithinSeconds?: number
  /** up to 128 characters of your own; returned, never sent */
  reference?: string
  /** an IPv4 or IPv6 address: that of the person who asked for the message, as your server sees it; counted, never kept */
  sourceIp?: string
}

/** RFC 9457 problem details */
export type Problem = {
  title: string
  type: string
  status: number
  detail: string
  code: ProblemCode
  errors?: FieldFault[]
  /** The same as Retry-After */
  retryAfterSeconds?: number
}

/** Stable: decide by it */
export type ProblemCode = 'malformed_json' | 'bad_request' | 'unauthorized' | 'forbidden' | 'not_found' | 'payload_too_large' | 'unsupported_media_type' | 'invalid_request' | 'idempotency_mismatch' | 'country_refused' | 'recipient_limited' | 'source_limited' | 'prefix_limited' | 'app_limited' | 'login_limited' | 'recipient_not_in_team' | 'already_sent' | 'already_ended' | 'already_revealed' | 'code_expired' | 'operator_limited' | 'verification_ended' | 'resend_too_soon' | 'reveal_unavailable' | 'resend_not_possible' | 'queue_not_pausable' | 'token_rejected' | 'renewal_not_configured' | 'renewal_not_needed' | 'renewal_failed' | 'provider_unavailable' | 'alerts_not_configured' | 'alert_undelivered' | 'callback_undelivered' | 'callbacks_full' | 'callback_unreadable' | 'queue_unavailable' | 'internal_error'

export type ResendRequest = {
  /** one of whatsapp, fallback: the operators help at once; whatsapp unless given */
  via?: 'whatsapp' | 'fallback'
  /** an IPv4 or IPv6 address: that of the person who asked for the message, as your server sees it; counted, never kept */
  sourceIp?: string
}

export type ResentVerification = {
  id: string
  /** the message that brings the code */
  messageId: string
  expiresAt: string
  /** from now; null: it is not sent again any more */
  resendAfterSeconds: number | null
  via: 'whatsapp' | 'fallback'
}

export type StartedVerification = {
  id: string
  /** the message that brings the code */
  messageId: string
  expiresAt: string
  /** from now */
  resendAfterSeconds: number
}

export type TemplateRequest = {
  type: 'template'
  /** a template name of a-z 0-9 _ */
  template: string
  /** a language such as fr or en_US */
  language?: string
  /** at most 32 parameters, in the order of the template */
  parameters?: string[]
  /** the recipient in E.164, with + */
  to: string
  /** a whole number from 30 to 900: life of the message */
  ttlSeconds?: number
  /** a whole number from 1 to 900: not on its way by then, it goes to the fallback */
  deliverWithinSeconds?: number
  /** up to 128 characters of your own; returned, never sent */
  reference?: string
  /** an IPv4 or IPv6 address: that of the person who asked for the message, as your server sees it; counted, never kept */
  sourceIp?: string
}

export type TextRequest = {
  type: 'text'
  /** 1 to 4096 characters */
  text: string
  /** the recipient in E.164, with + */
  to: string
  /** a whole number from 30 to 900: life of the message */
  ttlSeconds?: number
  /** a whole number from 1 to 900: not on its way by then, it goes to the fallback */
  deliverWithinSeconds?: number
  /** up to 128 characters of your own; returned, never sent */
  reference?: string
  /** an IPv4 or IPv6 address: that of the person who asked for the message, as your server sees it; counted, never kept */
  sourceIp?: string
}

export type TimelineEntry = {
  status: MessageStatus
  at: string
  detail?: string
}

export type Verification = {
  id: string
  status: VerificationStatus
  attemptsLeft: number
  expiresAt: string
  /** the message that brings the code */
  messageId: string
  resendsLeft: number
  /** from now; null: it is not sent again any more */
  resendAfterSeconds: number | null
}

export type VerificationCheck = {
  /** what the person typed: a string of 4 to 10 digits */
  code: string
}

export type VerificationRequest = {
  /** the recipient in E.164, with + */
  to: string
  /** a whole number from 4 to 10: digits of the code; 6 unless given */
  length?: number
  /** a whole number from 30 to 600: life of the code */
  ttlSeconds?: number
  /** a template name of a-z 0-9 _ */
  template?: string
  /** a language such as fr or en_US */
  language?: string
  /** up to 128 characters of your own; returned, never sent */
  reference?: string
  /** an IPv4 or IPv6 address: that of the person who asked for the message, as your server sees it; counted, never kept */
  sourceIp?: string
}

export type VerificationStatus = 'pending' | 'verified' | 'ended'
