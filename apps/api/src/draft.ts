/** From what an app asks for to what can be sent: the recipient, the one who asked, and whether this app may send there at all. */
import { countryOf, parsePhoneNumber, sourceOf, type AppCaller } from '@relais/core'
import type { MessageRequest } from './new-message.ts'
import { invalid } from './plugins/problems.ts'
import { ProblemError, type FieldFault } from './problem.ts'

/** A message that can be sent: what was asked for, its place in the submission, its recipient in E.164, and who asked for it. */
export type Draft = {
  index: number
  to: string
  isCode: boolean
  source: string | undefined
  request: MessageRequest
}

/** The draft of a request, or the problem with it. @param index its place in the submission */
export function toDraft(
  caller: AppCaller,
  request: MessageRequest | ProblemError,
  index: number,
): Draft | ProblemError {
  if (request instanceof ProblemError) return request
  const to = parsePhoneNumber(request.to)
  const source = request.sourceIp === undefined ? undefined : sourceOf(request.sourceIp)
  const faults: FieldFault[] = []
  if (!to) {
    const detail = 'must be a phone number that can exist, as + and country code and number: +221771234567'
    faults.push({ pointer: '/to', detail })
  }
  if (request.sourceIp !== undefined && source === undefined) {
    faults.push({ pointer: '/sourceIp', detail: 'must be an IPv4 or IPv6 address' })
  }
  if (!to || faults.length > 0) return invalid(faults)
  if (caller.mode === 'team' && !caller.recipients.includes(to)) return notInTeam()
  return { index, to, isCode: request.type === 'otp', source, request }
}

/** Refuses a message to a country that its app may not send to. @param allowed undefined: any */
export function requireCountry(
  draft: Draft | ProblemError,
  allowed: ReadonlySet<string> | undefined,
): Draft | ProblemError {
  if (!allowed || !isDraft(draft) || allowed.has(countryOf(draft.to) ?? '')) return draft
  const detail = 'must be a number of a country that this app may send to'
  return new ProblemError(422, 'country_refused', `/to ${detail}.`, { errors: [{ pointer: '/to', detail }] })
}

function notInTeam(): ProblemError {
  const detail = 'This key sends to its team only, and the recipient is not one of them. Use a live key.'
  return new ProblemError(403, 'recipient_not_in_team', detail)
}

export function isDraft(draft: Draft | ProblemError): draft is Draft {
  return !(draft instanceof ProblemError)
}
