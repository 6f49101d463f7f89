import type { Account } from '../world/account.ts'
import type { BusinessState, NumberState } from '../world/account-state.ts'
import type { Grant } from '../world/token-string.ts'
import { unknownObject } from './caller-check.ts'
import type { Checked, Refusal } from './reply.ts'

/** The number in the path, if this token may send from it and it is registered (check 4). */
export function findSender(account: Account, phoneNumberId: string, grant: Grant): Checked<NumberState> {
  const number = account.number(phoneNumberId)
  if (number === undefined) return { refusal: unknownObject('post', phoneNumberId) }
  if (number.status === 'DELETED') return { refusal: { graphCode: 33 } }
  if (grant.type !== 'SYSTEM_USER' || !grant.scopes.includes('whatsapp_business_messaging'))
    return { refusal: { graphCode: 131005 } }
  return number.isRegistered ? { value: number } : { refusal: { graphCode: 133010 } }
}

/** Whether business and number may send as things stand (check 5). */
export function checkStanding(business: BusinessState, number: NumberState): Refusal | undefined {
  if (business.standing === 'restricted') return { graphCode: 368 }
  if (business.standing === 'locked') return { graphCode: 131031 }
  if (business.isInMaintenance || number.isUpgrading) return { graphCode: 131057 }
  return checkName(number) ?? checkStatus(number)
}

/** Numbers that WhatsApp gives away: +1 555. */
const PROVIDED = /^1555/

function checkName({ nameStatus, displayPhoneNumber }: NumberState): Refusal | undefined {
  const isApproved = nameStatus === 'APPROVED' || nameStatus === 'AVAILABLE_WITHOUT_REVIEW'
  return isApproved || !PROVIDED.test(displayPhoneNumber) ? undefined : { graphCode: 131037 }
}

function checkStatus({ status }: NumberState): Refusal | undefined {
  switch (status) {
    case 'CONNECTED':
    case 'FLAGGED':
      return undefined
    case 'BANNED':
      return { graphCode: 131031 }
    case 'RESTRICTED':
    case 'RATE_LIMITED':
      return { graphCode: 131048 }
    case 'DELETED':
      return { graphCode: 33 }
    case 'PENDING':
    case 'MIGRATED':
    case 'DISCONNECTED':
    case 'UNKNOWN':
    case 'UNVERIFIED':
      return { graphCode: 133010 }
  }
}

/** A test number sends to its own list of at most five people. */
export function checkAllowedRecipient(number: NumberState, to: string): Refusal | undefined {
  const isOpen = number.accountMode === 'LIVE' || number.allowedRecipients.includes(to)
  return isOpen ? undefined : { graphCode: 131030 }
}
