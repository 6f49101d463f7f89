import {
  anyObject,
  anyText,
  count,
  flag,
  language,
  listOf,
  nodeId,
  object,
  oneOf,
  variants,
  words,
  shortText,
  templateName,
  text,
  type JsonSchema,
} from './schema.ts'
import { pageOf, pageParameters } from './page.ts'
import { healthStatus } from './phone-number.ts'
import { proofParameter } from './tokens.ts'

const templateStatus = words(
  'APPROVED PENDING REJECTED PAUSED DISABLED ARCHIVED IN_APPEAL DELETED PENDING_DELETION LIMIT_EXCEEDED',
)
const templateCategory = oneOf('AUTHENTICATION', 'UTILITY', 'MARKETING')

/** -1 is 30 days; which bounds hold depends on the category. */
const timeToLive = { type: 'integer', minimum: -1, maximum: 2_592_000 }

const storedComponent = {
  type: 'object',
  required: ['type'],
  properties: { type: oneOf('HEADER', 'BODY', 'FOOTER', 'BUTTONS') },
}

/** As the list and the template itself show it. A button that was made as OTP is stored as URL. */
export const templateAnswer = object(
  { id: nodeId },
  {
    name: templateName,
    language,
    status: templateStatus,
    category: templateCategory,
    previous_category: templateCategory,
    correct_category: templateCategory,
    components: listOf(storedComponent),
    quality_score: object(
      { score: oneOf('GREEN', 'YELLOW', 'RED', 'UNKNOWN') },
      { date: count, reasons: listOf(text) },
    ),
    rejected_reason: text,
    parameter_format: oneOf('POSITIONAL', 'NAMED'),
    message_send_ttl_seconds: { ...timeToLive, type: ['integer', 'null'] },
    health_status: healthStatus,
  },
)

export const templatesQuery = object(
  {},
  { ...pageParameters, name: templateName, status: templateStatus, category: templateCategory, language },
)
export const templatesAnswer = pageOf(templateAnswer)

const androidApp = object({
  package_name: shortText(224),
  signature_hash: { type: 'string', minLength: 11, maxLength: 11 },
})
const androidButton = {
  text: shortText(25),
  autofill_text: shortText(25),
  supported_apps: listOf(androidApp, { min: 1, max: 5 }),
}
const codeButton = variants('otp_type', [
  object({ type: oneOf('OTP'), otp_type: oneOf('COPY_CODE') }, { text: shortText(25) }),
  object(
    { type: oneOf('OTP'), otp_type: oneOf('ONE_TAP'), supported_apps: androidButton.supported_apps },
    androidButton,
  ),
  object(
    {
      type: oneOf('OTP'),
      otp_type: oneOf('ZERO_TAP'),
      supported_apps: androidButton.supported_apps,
      zero_tap_terms_accepted: { const: true },
    },
    androidButton,
  ),
])

/** The parts of an authentication template: its text is Meta's own, so none can be given. */
const codeComponent = variants('type', [
  object({ type: oneOf('BODY') }, { add_security_recommendation: flag }),
  object(
    { type: oneOf('FOOTER') },
    { code_expiration_minutes: { type: 'integer', minimum: 1, maximum: 90 } },
  ),
  object({ type: oneOf('BUTTONS'), buttons: listOf(codeButton, { min: 1, max: 1 }) }),
])

const ordinaryComponent = {
  type: 'object',
  required: ['type'],
  properties: {
    type: oneOf('HEADER', 'BODY', 'FOOTER', 'BUTTONS'),
    text: anyText,
    format: text,
    buttons: listOf(anyObject),
    example: anyObject,
  },
  additionalProperties: false,
}

function templateOf(category: string, component: JsonSchema, ttl: JsonSchema): JsonSchema {
  return object(
    { name: templateName, language, category: oneOf(category), components: listOf(component, { min: 1 }) },
    { message_send_ttl_seconds: ttl, parameter_format: oneOf('POSITIONAL', 'NAMED', 'positional', 'named') },
  )
}

/** -1 (30 days) or a number of seconds within the bounds of the category. */
function secondsWithin(minimum: number, maximum: number): JsonSchema {
  return { type: 'integer', anyOf: [{ const: -1 }, { minimum, maximum }] }
}

/** `POST /{waba_id}/message_templates` */
export const createTemplateRequest: JsonSchema = variants('category', [
  templateOf('AUTHENTICATION', codeComponent, secondsWithin(30, 900)),
  templateOf('UTILITY', ordinaryComponent, secondsWithin(30, 43_200)),
  templateOf('MARKETING', ordinaryComponent, secondsWithin(43_200, 2_592_000)),
])

export const createTemplateAnswer = object({ id: nodeId, status: templateStatus, category: templateCategory })

/** `POST /{waba_id}/upsert_message_templates`: templates for codes, in many languages at once. */
export const upsertTemplatesRequest = object(
  {
    name: templateName,
    languages: listOf(language, { min: 1 }),
    category: oneOf('AUTHENTICATION'),
    components: listOf(codeComponent, { min: 1 }),
  },
  { message_send_ttl_seconds: secondsWithin(30, 900) },
)

export const upsertTemplatesAnswer = object({
  data: listOf(object({ id: nodeId, status: templateStatus, language }), { min: 1 }),
})

/** `POST /{template_id}`: what is given replaces what was. */
export const editTemplateRequest = object(
  {},
  {
    category: templateCategory,
    components: listOf(ordinaryComponent, { min: 1 }),
    message_send_ttl_seconds: timeToLive,
  },
)

/** By name in all languages, or one by its id and name. */
export const deleteTemplateQuery = object({ name: templateName }, { hsm_id: nodeId, ...proofParameter })

export const successAnswer = object({ success: { const: true } })
