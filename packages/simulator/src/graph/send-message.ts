import type { CallerCheck } from './caller-check.ts'
import type { GraphCall } from './call.ts'
import { errorOf } from './faults.ts'
import type { Ids } from './ids.ts'
import { refuse, reply, resetReply, type GraphReply, type Refusal } from './reply.ts'
import { readSendBody, type SendRequest } from './send-body.ts'
import { checkAllowedRecipient, checkStanding, findSender } from './sender-check.ts'
import { matchTemplate, type FilledTemplate } from './template-match.ts'
import type { Usage } from './usage.ts'
import type { Account } from '../world/account.ts'
import type { NumberState } from '../world/account-state.ts'
import type { MessageLog, ReceivedMessage } from '../world/message-log.ts'
import { profilesByName, type RecipientProfile } from '../world/recipient-profiles.ts'
import type { Templates } from '../world/templates.ts'
import { waIdOf } from '../world/whatsapp-user.ts'

/** A send that has the right shape, with everything that was looked up for it. */
type Send = {
  readonly number: NumberState
  readonly request: SendRequest
  readonly filled?: FilledTemplate
  readonly waId: string
  readonly profile: RecipientProfile
}

/**
 * `POST /{phone_number_id}/messages`: the checks in the order of the real thing, as far as that is known, then
 * acceptance. A forced fault comes before all of this; see `faults.ts`.
 */
export function createSendMessage(deps: {
  account: Account
  caller: CallerCheck
  usage: Usage
  templates: Templates
  limits: {
    throughput: { take(phoneNumberId: string, perSecond: number): boolean }
    pairs: { take(phoneNumberId: string, waId: string): boolean }
    people: { take(waId: string): boolean }
  }
  /** Whether free text reaches this number at the moment: such messages do not count as starting a conversation. */
  isWindowOpen: (number: string) => boolean
  profileOf: (number: string) => RecipientProfile
  messages: MessageLog
  /** Starts the life of an accepted message. A promise: the call is not to be answered before. */
  follow: (message: ReceivedMessage, profile: RecipientProfile) => Promise<void> | undefined
  ids: Ids
  now: () => number
}) {
  const { account, limits } = deps

  return function sendMessage(call: GraphCall): GraphReply {
    const caller = deps.caller.check(call) // 2, 3
    if (caller.refusal !== undefined) return refuse(caller.refusal)
    const sender = findSender(account, call.node, caller.value) // 4
    if (sender.refusal !== undefined) return refuse(sender.refusal)
    const number = sender.value
    const standing = checkStanding(account.read().business, number) ?? deps.usage.takeAppCall() // 5
    if (standing !== undefined) return refuse(standing)
    const request = readSendBody(call.body, digitsOf(number)) // 6
    if (request.refusal !== undefined) return refuse(request.refusal)
    const { content, to } = request.value
    const filled = content.type === 'text' ? undefined : matchTemplate(content, deps.templates) // 7
    if (filled?.refusal !== undefined) return refuse(filled.refusal)
    const known = { number, request: request.value, waId: waIdOf(to), profile: profileOf(to) }
    return deliver(filled === undefined ? known : { ...known, filled: filled.value }) // 8, 9
  }

  function profileOf(to: string): RecipientProfile {
    const profile = deps.profileOf(to)
    return account.read().business.hasPaymentProblem
      ? (profilesByName.get('billing broken') ?? profile)
      : profile
  }

  function deliver(send: Send): GraphReply {
    const { reset } = send.profile
    if (reset === 'before') return resetReply
    const refusal = profileRefusal(send.profile) ?? checkLimits(send)
    if (refusal !== undefined) return refuse(refusal)
    const answer = accept(send)
    return reset === 'after' ? { ...answer, statusCode: null } : answer
  }

  function profileRefusal({ refusal }: RecipientProfile): Refusal | undefined {
    return refusal === undefined ? undefined : errorOf(refusal.graphCode, refusal.subcode, deps.now())
  }

  function checkLimits({ number, request, waId }: Send): Refusal | undefined {
    if (!limits.throughput.take(number.id, number.throughputPerSecond)) return limited(130429, 1)
    if (!limits.pairs.take(number.id, waId)) return limited(131056, 6)
    const notAllowed = checkAllowedRecipient(number, request.to)
    if (notAllowed !== undefined || deps.isWindowOpen(request.to)) return notAllowed
    return limits.people.take(waId) ? undefined : limited(131048, 3600)
  }

  function limited(graphCode: number, retryAfterSeconds: number): Refusal {
    return account.read().limits.hasRetryAfter ? { graphCode, retryAfterSeconds } : { graphCode }
  }

  function accept({ number, request, filled, waId, profile }: Send): GraphReply {
    const { content, to, callbackData } = request
    const message = deps.messages.add({
      id: deps.ids.message(waId),
      to,
      waId,
      phoneNumberId: number.id,
      type: content.type,
      text: content.type === 'text' ? content.body : '',
      ...(filled === undefined ? {} : templateFields(filled)),
      ...(callbackData === undefined ? {} : { callbackData }),
      acceptedAt: deps.now(),
      profile: profile.name,
    })
    const notBefore = deps.follow(message, profile)
    return {
      ...acceptance(request.input, message, profile),
      ...(notBefore === undefined ? {} : { notBefore }),
    }
  }
}

function templateFields({ template, ...rest }: FilledTemplate) {
  const { name, language, category } = template
  return { template: { name, language, category }, ...rest }
}

function acceptance(input: string, message: ReceivedMessage, profile: RecipientProfile): GraphReply {
  const status = message.type === 'template' ? { message_status: profile.messageStatus ?? 'accepted' } : {}
  const body = {
    messaging_product: 'whatsapp',
    contacts: [{ input, wa_id: message.waId }],
    messages: [{ id: message.id, ...status }],
  }
  return reply(body, message.id)
}

function digitsOf({ displayPhoneNumber }: NumberState): string {
  return displayPhoneNumber.replace(/\D/g, '')
}
