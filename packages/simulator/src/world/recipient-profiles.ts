import { callingCodeOf } from './phone-number.ts'

export type Receipt =
  | { readonly status: 'sent' | 'delivered' | 'read' }
  | { readonly status: 'failed'; readonly graphCode: number }

/** How the number of a recipient makes a send end. */
export type RecipientProfile = {
  /** A few words for the phones page and the README. */
  readonly name: string
  /** Turned down in the answer of the call. */
  readonly refusal?: { readonly graphCode: number; readonly subcode?: number; readonly statusCode?: number }
  /** The connection is reset before or after the message is taken. */
  readonly reset?: 'before' | 'after'
  /** What webhooks tell after acceptance. */
  readonly receipts: readonly Receipt[]
  /** In place of `receipts` for free text. */
  readonly textReceipts?: readonly Receipt[]
}

const sent: Receipt = { status: 'sent' }
const delivered: Receipt = { status: 'delivered' }
const read: Receipt = { status: 'read' }
const failed = (graphCode: number): Receipt => ({ status: 'failed', graphCode })
const everything = [sent, delivered, read]

function refused(name: string, graphCode: number, subcode?: number): RecipientProfile {
  return { name, refusal: { graphCode, ...(subcode === undefined ? {} : { subcode }) }, receipts: [] }
}

const online: RecipientProfile = { name: 'online', receipts: everything }

/** Last four digits of the recipient -> what happens. Every other number is online. */
export const profilesByEnding: Readonly<Record<string, RecipientProfile>> = {
  '0001': { name: 'phone off', receipts: [sent] },
  '0002': { name: 'receipts off', receipts: [sent, delivered] },
  '0003': { name: 'read only', receipts: [sent, read] },
  '0004': { name: 'two devices', receipts: [sent, delivered, failed(131026)] },
  '0026': { name: 'no WhatsApp', receipts: [failed(131026)] },
  '0030': refused('not in the allowed list', 131030),
  '0042': { name: 'billing broken', receipts: [failed(131042)] },
  '0043': { name: 'expired', receipts: [sent, failed(131043)] },
  '0047': { name: 'text window closed', receipts: everything, textReceipts: [failed(131047)] },
  '0056': refused('pair limit', 131056),
  '0100': refused('invalid parameter', 100),
  '0130': refused('template missing', 132001),
  '0190': refused('expired access token', 190, 463),
  '0368': refused('account blocked', 368),
  '0429': refused('throughput limit', 130429),
  '0500': refused('something went wrong', 131000),
  '0503': refused('service down', 2),
  '0998': { name: 'reset before acceptance', reset: 'before', receipts: [] },
  '0999': { name: 'answer lost', reset: 'after', receipts: everything },
}

/** Countries WhatsApp does not serve: such messages stay at `sent`. */
const unservedCallingCodes = new Set(['53', '98', '850', '963'])

/** The profile of `+E.164`. */
export function profileOf(number: string): RecipientProfile {
  const byEnding = profilesByEnding[number.slice(-4)]
  if (byEnding !== undefined) return byEnding
  if (unservedCallingCodes.has(callingCodeOf(number.slice(1))))
    return { name: 'unserved country', receipts: [sent] }
  return online
}
