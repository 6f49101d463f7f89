export const standings = ['good', 'restricted', 'locked'] as const
export const messagingLimits = [
  'TIER_50',
  'TIER_250',
  'TIER_2K',
  'TIER_10K',
  'TIER_100K',
  'TIER_UNLIMITED',
] as const
export const qualityRatings = ['GREEN', 'YELLOW', 'RED', 'UNKNOWN'] as const
export const numberStatuses = [
  'PENDING',
  'DELETED',
  'MIGRATED',
  'BANNED',
  'RESTRICTED',
  'RATE_LIMITED',
  'FLAGGED',
  'CONNECTED',
  'DISCONNECTED',
  'UNKNOWN',
  'UNVERIFIED',
] as const
export const nameStatuses = [
  'APPROVED',
  'AVAILABLE_WITHOUT_REVIEW',
  'DECLINED',
  'EXPIRED',
  'PENDING_REVIEW',
  'NONE',
] as const
export const pairLimitModes = ['borrowing', 'bucket', 'off'] as const

/** The app that calls. */
type AppState = {
  /** Calls without `appsecret_proof` are turned down; a wrong one always is. */
  readonly requireProof: boolean
  /** All calls of the app in one hour; 0 = unlimited. */
  readonly callsPerHour: number
}

/** The WhatsApp business account. */
export type BusinessState = {
  /** `restricted`: 403/368 for every send; `locked`: 403/131031. */
  readonly standing: (typeof standings)[number]
  /** 500/131057 for every send. */
  readonly isInMaintenance: boolean
  /** Messages are accepted and then fail with 131042. */
  readonly hasPaymentProblem: boolean
  readonly isVerified: boolean
  /** Different people per rolling 24 h, outside their service windows, over all numbers. */
  readonly messagingLimit: (typeof messagingLimits)[number]
  /** Management calls in one hour; `null` = Meta's: 5000 with a registered number, else 200. 0 = unlimited. */
  readonly managementCallsPerHour: number | null
  /** How long a template is reviewed that is not approved at once. */
  readonly templateReviewSeconds: number
}

/** A business phone number. */
export type NumberState = {
  readonly id: string
  /** Digits; its country code is put before recipients without `+`. */
  readonly displayPhoneNumber: string
  readonly verifiedName: string
  readonly qualityRating: (typeof qualityRatings)[number]
  /** Only `CONNECTED` and `FLAGGED` send. `DELETED` answers 400/33. */
  readonly status: (typeof numberStatuses)[number]
  readonly nameStatus: (typeof nameStatuses)[number]
  /** Not registered: 400/133010. */
  readonly isRegistered: boolean
  /** Six digits of two-step verification, asked for at registration; `null` = none was ever set. */
  readonly pin: string | null
  /** Messages a second; 0 = unlimited. Meta: 20, 80 or 1000. */
  readonly throughputPerSecond: number
  /** Up to a minute of 500/131057, then 1000 a second. */
  readonly isUpgrading: boolean
  /** `SANDBOX` is a test number: it sends to `allowedRecipients` only. */
  readonly accountMode: 'LIVE' | 'SANDBOX'
  /** `+E.164`, at most five. */
  readonly allowedRecipients: readonly string[]
}

/** What Graph does to all callers alike. */
export type LimitState = {
  /** `borrowing`: a burst blocks the pair until it is paid back; `bucket`: 45 at once, one more every 6 s. */
  readonly pair: (typeof pairLimitModes)[number]
  /** Whether refusals for a limit carry `Retry-After`. */
  readonly hasRetryAfter: boolean
}

/** The state of the business side that calls run into. */
export type AccountState = {
  readonly app: AppState
  readonly business: BusinessState
  readonly numbers: readonly NumberState[]
  readonly limits: LimitState
}

export type Changes<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** What is left out stays. A number with an unknown id is added; it needs its `displayPhoneNumber`. */
export type AccountChanges = {
  readonly app?: Changes<AppState> | undefined
  readonly business?: Changes<BusinessState> | undefined
  readonly numbers?: readonly (Changes<NumberState> & { readonly id: string })[] | undefined
  readonly limits?: Changes<LimitState> | undefined
}

/** A number as Meta hands it out: good, registered, 80 messages a second. */
export function newNumber(id: string, sibling?: NumberState): NumberState {
  return {
    id,
    displayPhoneNumber: '',
    verifiedName: sibling?.verifiedName ?? '',
    qualityRating: 'GREEN',
    status: 'CONNECTED',
    nameStatus: 'APPROVED',
    isRegistered: true,
    pin: null,
    throughputPerSecond: 80,
    isUpgrading: false,
    accountMode: 'LIVE',
    allowedRecipients: [],
  }
}

/** The account of the start: everything is well, one number. */
export function accountAtStart(settings: {
  phoneNumberId: string
  displayPhoneNumber: string
  verifiedName: string
  throughputPerSecond: number
  pairLimit: boolean
  requireProof: boolean
}): AccountState {
  const { phoneNumberId, displayPhoneNumber, verifiedName, throughputPerSecond } = settings
  return {
    app: { requireProof: settings.requireProof, callsPerHour: 0 },
    business: {
      standing: 'good',
      isInMaintenance: false,
      hasPaymentProblem: false,
      isVerified: true,
      messagingLimit: 'TIER_UNLIMITED',
      managementCallsPerHour: null,
      templateReviewSeconds: 60,
    },
    numbers: [{ ...newNumber(phoneNumberId), displayPhoneNumber, verifiedName, throughputPerSecond }],
    limits: { pair: settings.pairLimit ? 'borrowing' : 'off', hasRetryAfter: false },
  }
}
