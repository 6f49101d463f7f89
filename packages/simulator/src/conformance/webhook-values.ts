import {
  count,
  flag,
  listOf,
  matching,
  messageId,
  nodeId,
  object,
  oneOf,
  variants,
  words,
  secondsAsText,
  shortText,
  text,
  userId,
  waId,
} from './schema.ts'

/** The envelope; what a value holds depends on its field and is looked at one by one. */
export const envelope = object({
  object: oneOf('whatsapp_business_account'),
  entry: listOf(
    object(
      { id: nodeId, changes: listOf(object({ field: text, value: { type: 'object' } }), { min: 1 }) },
      { time: count },
    ),
    { min: 1 },
  ),
})

const fromNumber = {
  messaging_product: oneOf('whatsapp'),
  metadata: object({ display_phone_number: matching('^[0-9]+$'), phone_number_id: nodeId }),
}
const person = object(
  { profile: object({ name: text }, { username: text }) },
  { wa_id: waId, user_id: userId, username: text },
)
const people = listOf(person, { min: 1 })

/** In webhooks the message of an error is its title, without `(#code)`. */
const statusError = object(
  { code: count, title: text, message: text },
  { error_data: object({ details: text }), href: matching('^(/|https://)') },
)

const pricing = object(
  {
    billable: flag,
    pricing_model: oneOf('PMP', 'CBP'),
    category: words(
      'authentication authentication-international utility marketing marketing_lite service referral_conversion',
    ),
  },
  { type: oneOf('regular', 'free_customer_service', 'free_entry_point') },
)
const conversation = object(
  { id: text, origin: object({ type: text }) },
  { expiration_timestamp: secondsAsText },
)

const progress = {
  id: messageId,
  timestamp: secondsAsText,
}
const recipient = { recipient_id: waId, recipient_user_id: userId, biz_opaque_callback_data: shortText(512) }

const status = variants('status', [
  object({ ...progress, status: oneOf('sent'), pricing }, { ...recipient, conversation }),
  object({ ...progress, status: oneOf('delivered', 'read') }, { ...recipient, pricing, conversation }),
  object({ ...progress, status: oneOf('failed'), errors: listOf(statusError, { min: 1 }) }, recipient),
])

/** `field: messages`, statuses of messages that were sent. */
export const statusValue = object(
  { ...fromNumber, statuses: listOf(status, { min: 1, max: 1000 }) },
  { contacts: people },
)

const context = object({ id: messageId }, { from: waId, user_id: userId })
const inbound = { id: messageId, timestamp: secondsAsText }
const sender = { from: waId, from_user_id: userId, context }

const inboundMessage = variants('type', [
  object({ ...inbound, type: oneOf('text'), text: object({ body: text }) }, sender),
  object({ ...inbound, type: oneOf('button'), context, button: object({ payload: text, text }) }, sender),
])

/** `field: messages`, what people wrote or tapped. */
export const inboundValue = object({
  ...fromNumber,
  contacts: people,
  messages: listOf(inboundMessage, { min: 1, max: 1000 }),
})

/** `field: messages`, an error of the account rather than of one message. */
export const accountErrorValue = object({ ...fromNumber, errors: listOf(statusError, { min: 1 }) })
