/** Webhooks as Meta sends them. */
import { createHmac } from 'node:crypto'

/** The body of a webhook with these updates. */
export function webhookText(updates) {
  const timestamp = String(Math.floor(Date.now() / 1000))
  const statuses = updates.map(({ id, own, status }) => ({
    id,
    status,
    timestamp,
    recipient_id: '221770000000',
    biz_opaque_callback_data: own,
    conversation: { id: 'f2b1c7a09d', origin: { type: 'authentication' } },
    pricing: { billable: true, pricing_model: 'PMP', category: 'authentication' },
  }))
  const metadata = { display_phone_number: '221338000000', phone_number_id: '106540352242922' }
  const value = { messaging_product: 'whatsapp', metadata, statuses }
  const entry = [{ id: '102290129340398', changes: [{ field: 'messages', value }] }]
  return JSON.stringify({ object: 'whatsapp_business_account', entry })
}

/** What Meta puts into `X-Hub-Signature-256`. */
export function signature(appSecret, body) {
  return `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`
}
