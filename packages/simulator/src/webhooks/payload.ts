import { createHmac } from 'node:crypto'
import { graphErrorDetails, graphErrors } from '../graph/errors.ts'
import type { ReceivedMessage, StatusChange } from '../world/message-log.ts'
import { whatsAppUser } from '../world/whatsapp-user.ts'

/** One status of one message, on its way to the webhook. */
export type StatusUpdate = { readonly message: ReceivedMessage; readonly change: StatusChange }

/** The business the statuses are about. */
export type WebhookOrigin = {
  readonly businessId: string
  readonly phoneNumberId: string
  readonly displayPhoneNumber: string
  /** Whether `failed` statuses carry the caller's data back: unknown, so it can be switched off. */
  readonly echoOnFailed: boolean
}

const ERROR_PAGE = '/documentation/business-messaging/whatsapp/support/error-codes'

/** The body of one webhook, v26 shape, with the escapes Meta writes: clients must sign the bytes they received. */
export function webhookBody(updates: readonly StatusUpdate[], origin: WebhookOrigin): string {
  const changes = updates.map((update) => ({ field: 'messages', value: valueOf(update, origin) }))
  const json = JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: origin.businessId, changes }],
  })
  return json.replace(/[^\x20-\x7e]/g, escapeUnit).replaceAll('/', '\\/')
}

/** `sha256=<hex>` over the exact bytes of a body. */
export function signatureOf(body: string, appSecret: string): string {
  return `sha256=${createHmac('sha256', appSecret).update(body, 'utf8').digest('hex')}`
}

function valueOf(update: StatusUpdate, origin: WebhookOrigin): object {
  const { profileName, waId, userId } = whatsAppUser(update.message.to)
  const contacts = [{ profile: { name: profileName }, wa_id: waId, user_id: userId }]
  return {
    messaging_product: 'whatsapp',
    metadata: {
      display_phone_number: origin.displayPhoneNumber,
      phone_number_id: origin.phoneNumberId,
    },
    ...(update.change.status === 'failed' ? {} : { contacts }),
    statuses: [statusOf(update, origin, userId)],
  }
}

function statusOf({ message, change }: StatusUpdate, origin: WebhookOrigin, userId: string): object {
  const isFailed = change.status === 'failed'
  const mayEcho = message.callbackData !== undefined && (!isFailed || origin.echoOnFailed)
  return {
    id: message.id,
    status: change.status,
    timestamp: String(Math.floor(change.at / 1000)),
    recipient_id: message.waId,
    ...(isFailed ? {} : { recipient_user_id: userId }),
    ...(mayEcho ? { biz_opaque_callback_data: message.callbackData } : {}),
    ...(isFailed ? { errors: [errorOf(change.graphCode ?? 131000)] } : pricingOf(message, change)),
  }
}

/** Comes with `sent` and with the first of delivered and read. */
function pricingOf(message: ReceivedMessage, change: StatusChange): object {
  const wasDelivered = message.statuses.some(({ status }) => status === 'delivered')
  if (change.status === 'read' && wasDelivered) return {}
  const category = message.template?.category.toLowerCase()
  const pricing =
    category === undefined
      ? { billable: false, pricing_model: 'PMP', type: 'free_customer_service', category: 'service' }
      : { billable: true, pricing_model: 'PMP', type: 'regular', category }
  return { pricing }
}

/** In webhooks `message` repeats the title, without `(#code)`. */
function errorOf(code: number): object {
  const title = graphErrors[code]?.title ?? 'Unknown error'
  const details = graphErrorDetails[code]?.details ?? title
  return { code, title, message: title, error_data: { details }, href: ERROR_PAGE }
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
