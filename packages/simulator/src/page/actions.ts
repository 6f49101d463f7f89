import type { InboundProblem, InboundResult } from '../webhooks/inbound.ts'
import type { Recipients } from '../world/recipients.ts'
import type { Answers } from './answers.ts'
import type { Complaint, JsonObject } from './json-body.ts'

const switchNames = ['isOff', 'hasNoWhatsApp', 'hasBlockedUs', 'hasReceiptsOff']

/** Does what a body asks for, or complains. */
export type Action = (body: JsonObject) => Complaint | null

type Deps = {
  phones: { has: (number: string) => boolean }
  recipients: Recipients
  answers: Answers
}

/** Path -> what a POST there does. This is all that the page can change in the world. */
export function createActions(deps: Deps): Readonly<Record<string, Action>> {
  const { phones, recipients, answers } = deps

  function setSwitches(body: JsonObject): Complaint | null {
    const { number, ...switches } = body
    if (typeof number !== 'string' || !/^\+\d{7,15}$/.test(number))
      return bad('number must be a phone number with +, for example +33612345678')
    if (Object.keys(switches).length === 0) return bad(`give at least one of ${switchNames.join(', ')}`)
    const wrong = switchNames.find((name) => name in switches && typeof switches[name] !== 'boolean')
    if (wrong !== undefined) return bad(`${wrong} must be true or false`)
    if (!phones.has(number))
      return { statusCode: 404, error: 'no phone here has this number: send it a message first' }
    recipients.set(number, switches)
    return null
  }

  function reply({ number, text }: JsonObject): Complaint | null {
    if (typeof number !== 'string') return bad('number must be a phone number with +')
    if (typeof text !== 'string' || text.trim() === '') return bad('text must hold 1 to 4096 characters')
    return complaintOf(answers.reply(number, text))
  }

  function didNotRequest({ messageId }: JsonObject): Complaint | null {
    if (typeof messageId !== 'string') return bad('messageId must be the id of a message')
    return complaintOf(answers.didNotRequestCode(messageId))
  }

  return {
    '/phones/switches': strict(['number', ...switchNames], setSwitches),
    '/phones/reply': strict(['number', 'text'], reply),
    '/phones/did-not-request': strict(['messageId'], didNotRequest),
  }
}

/** A typo in a body is an error, not something to pass over. */
function strict(known: readonly string[], action: Action): Action {
  return (body) =>
    Object.keys(body).every((key) => known.includes(key))
      ? action(body)
      : bad(`unknown field: this call knows ${known.join(', ')}`)
}

const statusCodes: Readonly<Record<InboundProblem, number>> = {
  'no such message': 404,
  'not a code': 400,
  'not a number': 400,
  'not 1 to 4096 characters': 400,
  'not delivered': 409,
  'phone is off': 409,
  'no WhatsApp': 409,
  'has blocked us': 409,
}

function complaintOf({ problem }: InboundResult): Complaint | null {
  return problem === undefined ? null : { statusCode: statusCodes[problem], error: problem }
}

function bad(error: string): Complaint {
  return { statusCode: 400, error }
}
