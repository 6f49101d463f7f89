import { callingCodeOf } from './phone-number.ts'

export type Receipt =
  | { readonly status: 'sent' | 'delivered' | 'read' }
  | { readonly status: 'failed'; readonly graphCode: number }

/** What a person can do to their phone. */
export type PhoneSwitches = {
  readonly isOff: boolean
  readonly hasNoWhatsApp: boolean
  readonly hasBlockedUs: boolean
  readonly hasReceiptsOff: boolean
  /** Off until then, in milliseconds of simulated time. */
  readonly offUntil?: number | undefined
}

/** How the number of a recipient makes a send end. */
export type RecipientProfile = {
  /** A few words for the phones page, the control API and the README. */
  readonly name: string
  /** Turned down in the answer of the call. */
  readonly refusal?: { readonly graphCode: number; readonly subcode?: number; readonly statusCode?: number }
  /** The connection is reset before or after the message is taken. */
  readonly reset?: 'before' | 'after'
  /** How the phone is set until somebody changes it. */
  readonly switches?: Partial<PhoneSwitches>
  /** What webhooks tell after acceptance, as far as the switches of the phone let it happen. */
  readonly receipts: readonly Receipt[]
  /** In place of `receipts` for free text. */
  readonly textReceipts?: readonly Receipt[]
  /** In place of `receipts` for marketing templates. */
  readonly marketingReceipts?: readonly Receipt[]
  /** What the answer of a template send says in place of `accepted`. */
  readonly messageStatus?: 'held_for_quality_assessment' | 'paused'
  /** Simulated seconds before anything happens. */
  readonly heldSeconds?: number
}

const sent: Receipt = { status: 'sent' }
const delivered: Receipt = { status: 'delivered' }
const read: Receipt = { status: 'read' }
const failed = (graphCode: number): Receipt => ({ status: 'failed', graphCode })
const everything = [sent, delivered, read]

function refused(name: string, graphCode: number, subcode?: number): RecipientProfile {
  return { name, refusal: { graphCode, ...(subcode === undefined ? {} : { subcode }) }, receipts: [] }
}

function switched(name: string, switches: Partial<PhoneSwitches>): RecipientProfile {
  return { name, switches, receipts: everything }
}

const online: RecipientProfile = { name: 'online', receipts: everything }
const unserved: RecipientProfile = { name: 'unserved country', receipts: [sent] }

/** Last four digits of the recipient -> what happens. Every other number is online. */
export const profilesByEnding: Readonly<Record<string, RecipientProfile>> = {
  '0001': switched('phone off', { isOff: true }),
  '0002': switched('receipts off', { hasReceiptsOff: true }),
  '0003': { name: 'read only', receipts: [sent, read] },
  '0004': { name: 'two devices', receipts: [sent, delivered, failed(131026)] },
  '0026': switched('no WhatsApp', { hasNoWhatsApp: true }),
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

/** Every profile that can be put on a number by its name. */
export const profilesByName: ReadonlyMap<string, RecipientProfile> = new Map(
  [
    online,
    ...Object.values(profilesByEnding),
    switched('blocked us', { hasBlockedUs: true }),
    unserved,
    { name: 'experiment', receipts: everything, marketingReceipts: [failed(130472)] },
    { name: 'cap', receipts: everything, marketingReceipts: [failed(131049)] },
    { name: 'stopped marketing', receipts: everything, marketingReceipts: [failed(131050)] },
    {
      name: 'held, then released',
      receipts: everything,
      messageStatus: 'held_for_quality_assessment',
      heldSeconds: 1800,
    } as const,
    { name: 'held, then dropped', receipts: [], messageStatus: 'held_for_quality_assessment' } as const,
    { name: 'paused', receipts: [], messageStatus: 'paused' } as const,
  ].map((profile) => [profile.name, profile]),
)

/** Countries WhatsApp does not serve: such messages stay at `sent`. */
const unservedCallingCodes = new Set(['53', '98', '850', '963'])

/** The profile of `+E.164` as long as nobody puts another on it. */
export function profileByNumber(number: string): RecipientProfile {
  const byEnding = profilesByEnding[number.slice(-4)]
  if (byEnding !== undefined) return byEnding
  return unservedCallingCodes.has(callingCodeOf(number.slice(1))) ? unserved : online
}
