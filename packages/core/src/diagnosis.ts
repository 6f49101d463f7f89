/** What can be wrong, in words for operators. What each finding means, what to check and what to do stands in `docs/runbook.md`. Pure. */
export const FINDINGS = [
  'sender_unset',
  'token_missing',
  'token_wrong_app',
  'token_dead',
  'token_expired',
  'sender_paused',
  'worker_missing',
  'redis_full',
  'provider_unreachable',
  'provider_slow',
  'fallback_stuck',
  'fallback_rate',
  'oldest_waiting',
  'receipts_missing',
  'template_paused',
  'sender_slowed',
  'renewal_failing',
  'token_expiring',
  'renewal_not_configured',
  'phone_unreadable',
  'quality_red',
  'delivered_ratio',
  'pair_limited',
  'sweep_repairs',
  'possible_duplicates',
] as const

/** Names the section of `docs/runbook.md`: `token_dead` is `#token-dead`. In the order in which they are shown. */
export type FindingId = (typeof FINDINGS)[number]

export type Finding = {
  id: FindingId
  /** What it is about, where there may be several: `otp_login fr`. */
  subject?: string
  /** `critical`: people get no codes, or soon will not. `warning`: something is to be done. `note`: good to know. */
  severity: 'critical' | 'warning' | 'note'
  /** What is wrong, in one sentence or two. */
  what: string
  /** What to do about it now. */
  remedy: string
  /** Milliseconds since 1970, where it is known. */
  since?: number
}
