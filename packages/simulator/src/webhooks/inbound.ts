import type { Clock } from '../world/clock.ts'
import type { MessageLog, ReceivedMessage } from '../world/message-log.ts'
import type { Random } from '../world/random.ts'
import type { Recipients } from '../world/recipients.ts'
import type { ServiceWindows } from '../world/service-windows.ts'
import { whatsAppUser } from '../world/whatsapp-user.ts'
import { metadataOf, tellsUserIds, type WebhookOrigin, type WebhookVersion } from './payload.ts'
import type { Update } from './update.ts'

/** The id of the message a person wrote, or why they could not. */
export type InboundResult =
  | { readonly id: string; readonly problem?: never }
  | { readonly problem: InboundProblem; readonly id?: never }

export type InboundProblem =
  | 'no such message'
  | 'not a code'
  | 'not delivered'
  | 'phone is off'
  | 'no WhatsApp'
  | 'has blocked us'
  | 'not a number'
  | 'not 1 to 4096 characters'

const LONGEST_TEXT = 4096

/** What people send to the business: it comes by webhook and opens their 24 h window. */
export function createInbound(deps: {
  origin: WebhookOrigin
  /** The business number a person writes to who never got anything from it. */
  phoneNumberId: string
  version: () => WebhookVersion
  messages: MessageLog
  recipients: Recipients
  windows: ServiceWindows
  random: Random
  clock: Pick<Clock, 'now'>
  notify: (update: Update) => void
}) {
  const { messages, recipients, origin } = deps
  const draw = deps.random.stream('inbound ids')

  /** The button under a code; fraud of somebody who asks for codes in another's name. */
  function didNotRequestCode(messageId: string): InboundResult {
    const message = messages.find(messageId)
    if (message === undefined) return { problem: 'no such message' }
    if (message.code === undefined) return { problem: 'not a code' }
    if (!message.statuses.some(({ status }) => status === 'delivered' || status === 'read'))
      return { problem: 'not delivered' }
    const problem = cannotWrite(message.to)
    if (problem !== undefined) return { problem }
    const from = origin.displayPhoneNumberOf(message.phoneNumberId)
    return write(message.to, message.phoneNumberId, {
      context: { from, id: message.id },
      type: 'button',
      button: { payload: 'DID_NOT_REQUEST_CODE', text: "I didn't request a code" },
    })
  }

  /** Free text from `+E.164`, to the business number they last got something from. */
  function reply(number: string, text: string): InboundResult {
    const to = number.replace(/[-() ]/g, '')
    if (!/^\+[1-9]\d{6,14}$/.test(to)) return { problem: 'not a number' }
    if (text.length === 0 || text.length > LONGEST_TEXT) return { problem: 'not 1 to 4096 characters' }
    const problem = cannotWrite(to)
    if (problem !== undefined) return { problem }
    const newest = messages.list().findLast((message) => message.to === to)
    return write(to, newest?.phoneNumberId ?? deps.phoneNumberId, { type: 'text', text: { body: text } })
  }

  function cannotWrite(number: string): InboundProblem | undefined {
    const phone = recipients.switches(number)
    if (phone.hasNoWhatsApp) return 'no WhatsApp'
    if (phone.isOff) return 'phone is off'
    return phone.hasBlockedUs ? 'has blocked us' : undefined
  }

  function write(number: string, phoneNumberId: ReceivedMessage['phoneNumberId'], content: object) {
    const { waId, userId, profileName } = whatsAppUser(number)
    const withIds = tellsUserIds(deps.version())
    const id = inboundId(waId)
    const value = {
      messaging_product: 'whatsapp',
      metadata: metadataOf(origin, phoneNumberId),
      contacts: [{ profile: { name: profileName }, wa_id: waId, ...(withIds ? { user_id: userId } : {}) }],
      messages: [
        {
          from: waId,
          ...(withIds ? { from_user_id: userId } : {}),
          id,
          timestamp: String(Math.floor(deps.clock.now() / 1000)),
          ...content,
        },
      ],
    }
    deps.windows.open(number)
    deps.notify({ kind: 'value', field: 'messages', value, label: 'inbound' })
    return { id }
  }

  function inboundId(waId: string): string {
    const opaque = Uint8Array.from({ length: 18 }, () => Math.floor(draw() * 256))
    const head = Buffer.from([0x1c, 0x18, waId.length])
    return `wamid.${Buffer.concat([head, Buffer.from(waId), opaque]).toString('base64')}`
  }

  return { didNotRequestCode, reply }
}

export type Inbound = ReturnType<typeof createInbound>
