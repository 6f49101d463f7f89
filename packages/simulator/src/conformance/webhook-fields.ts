import {
  anyText,
  count,
  listOf,
  matching,
  nodeId,
  object,
  oneOf,
  words,
  text,
  type JsonSchema,
} from './schema.ts'

/** The template a change is about: here its id is a number and its language may have a hyphen. */
const subject = {
  message_template_id: count,
  message_template_name: matching('^[a-z0-9_]+$'),
  message_template_language: matching('^[a-z]{2,3}([_-][A-Z]{2,3})?$'),
}
const category = oneOf('AUTHENTICATION', 'UTILITY', 'MARKETING')
const score = oneOf('GREEN', 'YELLOW', 'RED', 'UNKNOWN')
/** Unique people a day. -1: no limit, in the older spelling. */
const dailyLimit = {
  type: ['string', 'integer'],
  anyOf: [
    { pattern: '^TIER_(50|250|1K|2K|10K|100K|NOT_SET|UNLIMITED)$', type: 'string' },
    { minimum: -1, type: 'integer' },
  ],
}
const tier = matching('^TIER_')

const templateEvent = words(
  'APPROVED REJECTED PENDING PAUSED FLAGGED DISABLED REINSTATED LOCKED ARCHIVED UNARCHIVED DELETED PENDING_DELETION IN_APPEAL LIMIT_EXCEEDED',
)

/** Fields other than `messages` -> their value. */
export const accountFields: Readonly<Record<string, JsonSchema>> = {
  message_template_status_update: object(
    { event: templateEvent, ...subject },
    {
      message_template_category: category,
      reason: { type: ['string', 'null'] },
      disable_info: object({ disable_date: { type: ['integer', 'string'] } }),
      other_info: object({ title: text }, { description: text }),
      rejection_info: object({ reason: text }, { recommendation: text }),
    },
  ),
  message_template_quality_update: object({
    ...subject,
    previous_quality_score: score,
    new_quality_score: score,
  }),
  template_category_update: object(
    { ...subject, new_category: category },
    { previous_category: category, correct_category: category },
  ),
  phone_number_quality_update: object(
    { display_phone_number: matching('^\\+?[0-9]+$'), event: oneOf('ONBOARDING', 'THROUGHPUT_UPGRADE') },
    { max_daily_conversations_per_business: dailyLimit, current_limit: tier, old_limit: tier },
  ),
  business_capability_update: object(
    {},
    { max_daily_conversations_per_business: dailyLimit, max_phone_numbers_per_business: count },
  ),
  account_alerts: object({
    entity_type: text,
    entity_id: nodeId,
    alert_info: object({
      alert_severity: oneOf('CRITICAL', 'WARNING', 'INFORMATIONAL'),
      alert_status: text,
      alert_type: text,
      alert_description: text,
    }),
  }),
  account_update: object(
    { event: matching('^[A-Z_]+$') },
    {
      phone_number: matching('^[0-9]+$'),
      restriction_info: listOf(
        object(
          { restriction_type: text },
          { expiration: { type: ['integer', 'string'] }, remediation: anyText },
        ),
      ),
      violation_info: object({ violation_type: text }, { remediation: anyText }),
      ban_info: object({ waba_ban_state: text }, { waba_ban_date: text }),
      waba_info: object({ waba_id: nodeId }, { owner_business_id: nodeId }),
    },
  ),
}
