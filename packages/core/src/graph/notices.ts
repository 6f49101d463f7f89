/**
 * What Meta says by webhook besides receipts: of templates, of the account, of the number, and a person's "I didn't request a code"
 * (Meta, webhook references of the fields named below). Nothing here names a recipient.
 */
import { changesOf, type Ours } from './changes.ts'
import { fieldOf, listOf } from './wire.ts'

export type Notice =
  | { kind: 'template'; name: string; language: string; event: string; reason?: string }
  | { kind: 'account'; field: string; event: string; detail?: string }
  /** The message is named by Meta's id. */
  | { kind: 'not-requested'; providerMessageId: string }

const ACCOUNT_FIELDS = [
  'account_update',
  'account_alerts',
  'phone_number_quality_update',
  'business_capability_update',
]
const TEMPLATE_FIELDS = [
  'message_template_status_update',
  'message_template_quality_update',
  'template_category_update',
]

/** All notices of a webhook body that are about us, in the order given. What cannot be read is left out. */
export function readNotices(body: unknown, ours?: Ours): Notice[] {
  return changesOf(body, ours).flatMap(({ field, value }) => readChange(field, value))
}

function readChange(field: string, value: unknown): Notice[] {
  if (field === 'messages') return listOf(fieldOf(value, 'messages')).flatMap(readReport)
  if (TEMPLATE_FIELDS.includes(field)) return readTemplate(field, value)
  if (ACCOUNT_FIELDS.includes(field)) return [readAccount(field, value)]
  return []
}

/** The button under a code. Other things that people write are not for us. */
function readReport(message: unknown): Notice[] {
  const payload = fieldOf(fieldOf(message, 'button'), 'payload')
  const id = fieldOf(fieldOf(message, 'context'), 'id')
  if (payload !== 'DID_NOT_REQUEST_CODE' || typeof id !== 'string' || id.length > 512) return []
  return [{ kind: 'not-requested', providerMessageId: id }]
}

function readTemplate(field: string, value: unknown): Notice[] {
  const name = fieldOf(value, 'message_template_name')
  const language = fieldOf(value, 'message_template_language')
  if (typeof name !== 'string' || typeof language !== 'string') return []
  const event =
    fieldOf(value, 'event') ?? fieldOf(value, 'new_quality_score') ?? fieldOf(value, 'new_category') ?? field
  const reason = fieldOf(value, 'reason')
  return [
    {
      kind: 'template',
      name: short(name),
      // Meta writes `en-US` here and `en_US` everywhere else.
      language: short(language).replace('-', '_'),
      event: short(event),
      ...(typeof reason === 'string' && reason !== 'NONE' && { reason: short(reason) }),
    },
  ]
}

function readAccount(field: string, value: unknown): Notice {
  const alert = fieldOf(value, 'alert_info')
  const state = fieldOf(fieldOf(value, 'ban_info'), 'waba_ban_state')
  const [restriction] = listOf(fieldOf(value, 'restriction_info'))
  const event = fieldOf(value, 'event') ?? fieldOf(alert, 'alert_type') ?? field
  const detail = [
    state,
    fieldOf(restriction, 'restriction_type'),
    fieldOf(fieldOf(value, 'violation_info'), 'violation_type'),
    fieldOf(alert, 'alert_severity'),
    fieldOf(alert, 'alert_description'),
    fieldOf(value, 'max_daily_conversations_per_business'),
  ].filter((said) => typeof said === 'string' || typeof said === 'number')
  return {
    kind: 'account',
    field,
    event: short(event),
    ...(detail.length > 0 && { detail: short(detail.join(' ')) }),
  }
}

/** Anything else has no text that could be trusted to exist: `String` of it may throw. */
function short(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 200) : 'unknown'
}
