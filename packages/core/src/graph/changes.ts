import { fieldOf, listOf } from './wire.ts'

/** Meta sends an app the webhooks of all its numbers and accounts. What is not set is not compared. */
export type Ours = { phoneNumberId?: string | undefined; businessId?: string | undefined }

/** One change of a webhook body: what it is about, and what there is to say. */
type Change = { field: string; value: unknown }

/**
 * The changes of a webhook body that are about our number or, where they name no number, about our account; in the order given. One that
 * does not say whom it is about counts as ours: it is signed.
 */
export function changesOf(body: unknown, ours: Ours = {}): Change[] {
  return listOf(fieldOf(body, 'entry')).flatMap((entry) =>
    listOf(fieldOf(entry, 'changes'))
      .map((change) => ({ field: fieldOf(change, 'field'), value: fieldOf(change, 'value') }))
      .filter((change): change is Change => {
        const { field, value } = change
        if (typeof field !== 'string') return false
        const number = fieldOf(fieldOf(value, 'metadata'), 'phone_number_id')
        // The number alone decides where there is one: a slip in WHATSAPP_BUSINESS_ID must not cost receipts.
        if (typeof number === 'string') return isSame(number, ours.phoneNumberId)
        return isSame(fieldOf(entry, 'id'), ours.businessId)
      }),
  )
}

function isSame(said: unknown, own: string | undefined): boolean {
  return typeof said !== 'string' || own === undefined || said === own
}
