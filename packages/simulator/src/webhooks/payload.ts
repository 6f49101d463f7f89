import { createHash } from 'node:crypto'
import { graphErrorDetails, graphErrors } from '../graph/errors.ts'
import type { ReceivedMessage, StatusChange } from '../world/message-log.ts'
import { whatsAppUser } from '../world/whatsapp-user.ts'
import type { StatusUpdate, Update } from './update.ts'

/** The version the app chose for the webhook field `messages`: independent of that of its calls. */
export const webhookVersions = ['v21.0', 'v22.0', 'v23.0', 'v24.0', 'v25.0', 'v26.0'] as const
export type WebhookVersion = (typeof webhookVersions)[number]

/**
 * How several updates share a POST: each a change of its own, statuses together in one change, each an entry of its
 * own, or now this and now that.
 */
export const webhookGroupings = ['changes', 'statuses', 'entries', 'mixed'] as const
export type WebhookGrouping = (typeof webhookGroupings)[number]

/** The business the webhooks are about, and how the app wants to hear of it. */
export type WebhookOrigin = {
  readonly businessId: string
  readonly displayPhoneNumberOf: (phoneNumberId: string) => string
  /** Whether `failed` statuses carry the caller's data back: unknown, so it can be switched off. */
  readonly echoOnFailed: boolean
  /** Whether the person had opened a window that held at this time. */
  readonly isInWindow: (number: string, at: number) => boolean
}

type Change = { field: string; value: object }
type Entry = { id: string; time?: number; changes: Change[] }
type Shape = { readonly version: WebhookVersion; readonly grouping: Exclude<WebhookGrouping, 'mixed'> }

const ERROR_PAGE = '/documentation/business-messaging/whatsapp/support/error-codes'

/** The body of one webhook with the escapes Meta writes: clients must check the bytes they received. */
export function webhookBody(updates: readonly Update[], origin: WebhookOrigin, shape: Shape): string {
  const json = JSON.stringify({
    object: 'whatsapp_business_account',
    entry: entriesOf(updates, origin, shape),
  })
  return json.replace(/[^\x20-\x7e]/g, escapeUnit).replaceAll('/', '\\/')
}

/** Who a message went out from. */
export function metadataOf(origin: WebhookOrigin, phoneNumberId: string): object {
  return {
    display_phone_number: origin.displayPhoneNumberOf(phoneNumberId),
    phone_number_id: phoneNumberId,
  }
}

/** In webhooks `message` repeats the title, without `(#code)`. */
export function webhookError(code: number): object {
  const title = graphErrors[code]?.title ?? 'Unknown error'
  const details = graphErrorDetails[code]?.details ?? title
  return { code, title, message: title, error_data: { details }, href: ERROR_PAGE }
}

/** v26 tells about people by ids of this business; v25 and older come without. */
export function tellsUserIds(version: WebhookVersion): boolean {
  return version === 'v26.0'
}

function entriesOf(updates: readonly Update[], origin: WebhookOrigin, shape: Shape): Entry[] {
  const entries: Entry[] = []
  const shared = new Map<string, StatusUpdate[]>()
  for (const update of updates) {
    const key = shape.grouping === 'statuses' && update.kind === 'status' ? shareKey(update) : undefined
    const together = key === undefined ? undefined : shared.get(key)
    if (together !== undefined && update.kind === 'status') {
      together.push(update)
      continue
    }
    const members = update.kind === 'status' ? [update] : []
    if (key !== undefined) shared.set(key, members)
    addChange(entries, update, members, origin, shape)
  }
  return entries
}

function addChange(
  entries: Entry[],
  update: Update,
  members: StatusUpdate[],
  origin: WebhookOrigin,
  shape: Shape,
): void {
  const change = changeOf(update, members, origin, shape.version)
  const time = update.kind === 'value' ? update.time : undefined
  const open = entries.at(-1)
  if (open !== undefined && open.time === time && shape.grouping !== 'entries') open.changes.push(change)
  else entries.push({ id: origin.businessId, ...(time === undefined ? {} : { time }), changes: [change] })
}

/** The value of statuses is built when it is written: by then `members` is complete. */
function changeOf(
  update: Update,
  members: StatusUpdate[],
  origin: WebhookOrigin,
  version: WebhookVersion,
): Change {
  if (update.kind === 'value') return { field: update.field, value: update.value }
  return { field: 'messages', value: { toJSON: () => statusesValue(members, origin, version) } }
}

/** Failed statuses have no contacts, so they keep apart. */
function shareKey({ message, change }: StatusUpdate): string {
  return `${message.phoneNumberId}/${change.status === 'failed'}`
}

function statusesValue(
  updates: readonly StatusUpdate[],
  origin: WebhookOrigin,
  version: WebhookVersion,
): object {
  const phoneNumberId = updates[0]?.message.phoneNumberId ?? ''
  const withContacts = tellsUserIds(version) && updates.some(({ change }) => change.status !== 'failed')
  return {
    messaging_product: 'whatsapp',
    metadata: metadataOf(origin, phoneNumberId),
    ...(withContacts ? { contacts: contactsOf(updates) } : {}),
    statuses: updates.map((update) => statusOf(update, origin, version)),
  }
}

function contactsOf(updates: readonly StatusUpdate[]): object[] {
  const numbers = new Set(updates.map(({ message }) => message.to))
  return [...numbers].map((number) => {
    const { profileName, waId, userId } = whatsAppUser(number)
    return { profile: { name: profileName }, wa_id: waId, user_id: userId }
  })
}

function statusOf(update: StatusUpdate, origin: WebhookOrigin, version: WebhookVersion): object {
  const { message, change } = update
  const isFailed = change.status === 'failed'
  const mayEcho = message.callbackData !== undefined && (!isFailed || origin.echoOnFailed)
  return {
    id: message.id,
    status: change.status,
    timestamp: String(Math.floor(change.at / 1000)),
    recipient_id: message.waId,
    ...(isFailed || !tellsUserIds(version) ? {} : { recipient_user_id: whatsAppUser(message.to).userId }),
    ...(mayEcho ? { biz_opaque_callback_data: message.callbackData } : {}),
    ...(isFailed
      ? { errors: [webhookError(change.graphCode ?? 131000)] }
      : billingOf(message, change, origin, version)),
  }
}

/** Comes with `sent` and with the first of delivered and read. */
function billingOf(
  message: ReceivedMessage,
  change: StatusChange,
  origin: WebhookOrigin,
  version: WebhookVersion,
): object {
  const wasDelivered = message.statuses.some(({ status }) => status === 'delivered')
  if (change.status === 'read' && wasDelivered) return {}
  const pricing = pricingOf(message, origin)
  const hasConversation = Number(version.slice(1)) < 24
  return { ...(hasConversation ? { conversation: conversationOf(message, change, pricing) } : {}), pricing }
}

type Pricing = { billable: boolean; pricing_model: string; type: string; category: string }

/** Codes are charged even inside an open window; utility is free there. */
function pricingOf(message: ReceivedMessage, origin: WebhookOrigin): Pricing {
  const category = message.template?.category.toLowerCase() ?? 'service'
  const isFree =
    category === 'service' || (category === 'utility' && origin.isInWindow(message.to, message.acceptedAt))
  return {
    billable: !isFree,
    pricing_model: 'PMP',
    type: isFree ? 'free_customer_service' : 'regular',
    category,
  }
}

/** v23 and older: 24 h of talk with one person, of one kind. */
function conversationOf(message: ReceivedMessage, change: StatusChange, { category }: Pricing): object {
  const id = createHash('md5').update(`${message.waId}/${category}`).digest('hex')
  const expiry = String(Math.floor(message.acceptedAt / 1000) + 86_400)
  return {
    id,
    ...(change.status === 'sent' ? { expiration_timestamp: expiry } : {}),
    origin: { type: category },
  }
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
