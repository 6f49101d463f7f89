/** May the phone number send, and how good is it? */
import { describeFault, type GraphFault, type NodeHealth, type PhoneNumberNode } from '@relais/core'
import { fail, ok, skipped, warn, type Check } from './check.ts'

/** What Meta says of the number's state. Only `CONNECTED` is documented to send. */
export function judgeNumber(number: PhoneNumberNode | GraphFault): Check[] {
  const name = 'phone number'
  if (number.kind === 'unreachable') return [skipped(name, `Meta did not answer: ${number.detail}`)]
  if (number.kind === 'refused') {
    return [
      fail(
        name,
        `The token may not read it: ${describeFault(number).error}`,
        'Is WHATSAPP_PHONE_NUMBER_ID the id of the number (not the number)? Assign its WhatsApp account to the system user, then make a new token.',
      ),
    ]
  }
  return [judgeState(number), judgeQuality(number)]
}

function judgeState({ status, displayNumber, verifiedName, throughputLevel }: PhoneNumberNode): Check {
  const name = 'phone number'
  const who = [displayNumber, verifiedName && `"${verifiedName}"`].filter(Boolean).join(' ')
  const pace = throughputLevel === undefined ? '' : `, throughput ${throughputLevel}`
  if (status === 'CONNECTED') return ok(name, `${who}: CONNECTED${pace}`)
  if (status === undefined)
    return warn(name, `${who}: Meta does not say its state.`, 'Look at it in WhatsApp Manager.')
  return fail(
    name,
    `${who}: its state is ${status}, and only CONNECTED is known to send.`,
    'Look at the number in WhatsApp Manager: it says what Meta wants (registration, review, payment).',
  )
}

function judgeQuality({ qualityRating = 'UNKNOWN' }: PhoneNumberNode): Check {
  const name = 'phone quality'
  if (!['YELLOW', 'RED'].includes(qualityRating)) return ok(name, qualityRating)
  return warn(
    name,
    `The quality is ${qualityRating}: recipients block or report these messages.`,
    'Send codes only to people who asked for one just now, and look for abuse of the sign-up form.',
  )
}

/** Meta's own verdict on sending. The field may be missing: then it is left out. */
export function judgeHealth(health: NodeHealth | GraphFault): Check {
  const name = 'sending health'
  if (health.kind !== 'health') return skipped(name, `Meta does not tell: ${describeFault(health).error}`)
  const { canSendMessage, reasons } = health
  const why = reasons.length > 0 ? ` ${reasons.join(' · ')}` : ''
  if (canSendMessage === 'AVAILABLE') return ok(name, 'Meta says that messages can be sent')
  const what = `Meta says ${canSendMessage}.${why}`
  const nextStep = 'Do what Meta asks for, in WhatsApp Manager or in the business settings.'
  return canSendMessage === 'BLOCKED' ? fail(name, what, nextStep) : warn(name, what, nextStep)
}
