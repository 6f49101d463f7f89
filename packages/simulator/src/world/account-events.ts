import type { BusinessState, NumberState } from './account-state.ts'

const DAY_SECONDS = 86_400
const MAX_NUMBERS = 20

/** `account_update`: the business may not write to people for a week. `now` in milliseconds. */
export function accountRestriction(now: number): object {
  const restriction = {
    restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING',
    expiration: Math.floor(now / 1000) + 7 * DAY_SECONDS,
    remediation: 'Your business account has been restricted. Request a review in Business Support Home.',
  }
  return { event: 'ACCOUNT_RESTRICTION', restriction_info: [restriction] }
}

/** `account_update`: the account is locked, or works again. */
export function accountStanding(standing: BusinessState['standing'], now: number): object {
  const state = standing === 'locked' ? 'DISABLE' : 'REINSTATE'
  const date = new Date(now).toISOString().slice(0, 10)
  return { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: state, waba_ban_date: date } }
}

/** `account_alerts` of the account `entityId`. */
export function paymentAlert(entityId: string, isActive: boolean): object {
  const alert = {
    alert_severity: 'CRITICAL',
    alert_status: isActive ? 'ACTIVE' : 'NONE',
    alert_type: 'PAYMENT_ISSUE',
    alert_description: 'There is an error with the payment method of the account.',
  }
  return { entity_type: 'WABA', entity_id: entityId, alert_info: alert }
}

/** `business_capability_update` */
export function businessCapability(messagingLimit: string): object {
  return { max_daily_conversations_per_business: messagingLimit, max_phone_numbers_per_business: MAX_NUMBERS }
}

/** `phone_number_quality_update`: a number has joined, or sends 1000 a second. */
export function numberUpdate(
  number: NumberState,
  event: 'ONBOARDING' | 'THROUGHPUT_UPGRADE',
  messagingLimit: string,
): object {
  return {
    display_phone_number: number.displayPhoneNumber,
    event,
    current_limit: messagingLimit,
    max_daily_conversations_per_business: messagingLimit,
  }
}
