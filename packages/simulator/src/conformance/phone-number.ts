import { count, flag, listOf, matching, nodeId, object, oneOf, words, text } from './schema.ts'
import { pageOf } from './page.ts'

const canSend = oneOf('AVAILABLE', 'LIMITED', 'BLOCKED')
export const healthStatus = object({
  can_send_message: canSend,
  entities: listOf(
    object(
      {
        entity_type: oneOf('PHONE_NUMBER', 'WABA', 'BUSINESS', 'APP', 'MESSAGE_TEMPLATE'),
        id: nodeId,
        can_send_message: canSend,
      },
      {
        errors: listOf(object({ error_code: count, error_description: text }, { possible_solution: text })),
        additional_info: listOf(text),
      },
    ),
    { min: 1 },
  ),
})

/** What `fields` did not ask for is left out; `id` always comes along. */
export const phoneNumberAnswer = object(
  { id: nodeId },
  {
    display_phone_number: matching('^\\+?[0-9][0-9 ()-]{5,}$'),
    verified_name: text,
    status: words(
      'PENDING DELETED MIGRATED BANNED RESTRICTED RATE_LIMITED FLAGGED CONNECTED DISCONNECTED UNKNOWN UNVERIFIED',
    ),
    quality_rating: oneOf('GREEN', 'YELLOW', 'RED', 'NA', 'UNKNOWN'),
    code_verification_status: oneOf('VERIFIED', 'NOT_VERIFIED', 'EXPIRED', 'UNVERIFIED'),
    name_status: words('APPROVED AVAILABLE_WITHOUT_REVIEW DECLINED EXPIRED PENDING_REVIEW NONE'),
    platform_type: oneOf('CLOUD_API', 'ON_PREMISE', 'NOT_APPLICABLE'),
    throughput: object({ level: oneOf('STANDARD', 'HIGH', 'NOT_APPLICABLE') }),
    account_mode: oneOf('LIVE', 'SANDBOX'),
    is_pin_enabled: flag,
    messaging_limit_tier: words('TIER_50 TIER_250 TIER_1K TIER_2K TIER_10K TIER_100K TIER_UNLIMITED'),
    whatsapp_business_manager_messaging_limit: words(
      'TIER_50 TIER_250 TIER_2K TIER_10K TIER_100K TIER_UNLIMITED',
    ),
    health_status: healthStatus,
  },
)

export const phoneNumbersAnswer = pageOf(phoneNumberAnswer)

/** The business account. */
export const businessAnswer = object(
  { id: nodeId },
  {
    name: text,
    currency: matching('^[A-Z]{3}$'),
    timezone_id: text,
    health_status: healthStatus,
    account_review_status: text,
    business_verification_status: text,
    message_template_namespace: text,
    status: text,
    country: text,
    ownership_type: text,
  },
)

/** `POST /{phone_number_id}/register`: the PIN of two-step verification. */
export const registerRequest = object({ messaging_product: oneOf('whatsapp'), pin: matching('^[0-9]{6}$') })
