import { randomBytes } from 'node:crypto'
import { unknownObject, type CallerCheck } from './caller-check.ts'
import { errorOf } from './faults.ts'
import type { GraphCall } from './call.ts'
import { refuse, reply, resetReply, type GraphReply, type Refusal } from './reply.ts'
import type { MessageLog, ReceivedMessage } from '../world/message-log.ts'
import { profileOf, type RecipientProfile } from '../world/recipient-profiles.ts'
import { readSendBody, type SendRequest } from './send-body.ts'
import { matchTemplate, type FilledTemplate } from './template-match.ts'
import { codeMessageExtras, type Templates } from '../world/templates.ts'
import type { Grant } from '../world/token-string.ts'
import { whatsAppUser } from '../world/whatsapp-user.ts'

type Limit = { take(key: string): boolean }

/**
 * `POST /{phone_number_id}/messages`: the checks in the order of the real thing, as far as that is known, then
 * acceptance. A forced fault comes before all of this; see `faults.ts`.
 */
export function createSendMessage(deps: {
  phoneNumberId: string
  senderDigits: string
  caller: CallerCheck
  templates: Templates
  throughput: Limit
  pairs: Limit
  messages: MessageLog
  follow: (message: ReceivedMessage, profile: RecipientProfile) => void
  now: () => number
}) {
  const { phoneNumberId, senderDigits, now } = deps

  return function sendMessage(call: GraphCall): GraphReply {
    const caller = deps.caller.check(call)
    const refusal = caller.refusal ?? checkSender(call.node, caller.value)
    if (refusal !== undefined) return refuse(refusal)
    const request = readSendBody(call.rawBody, senderDigits)
    if (request.refusal !== undefined) return refuse(request.refusal)
    const { content } = request.value
    if (content.type === 'text') return deliver(request.value)
    const filled = matchTemplate(content, deps.templates)
    return filled.refusal === undefined ? deliver(request.value, filled.value) : refuse(filled.refusal)
  }

  function checkSender(node: string, grant: Grant): Refusal | undefined {
    if (node !== phoneNumberId) return unknownObject('post', node)
    const maySend = grant.type !== 'USER' && grant.scopes.includes('whatsapp_business_messaging')
    return maySend ? undefined : { graphCode: 131005 }
  }

  function deliver(request: SendRequest, filled?: FilledTemplate): GraphReply {
    const profile = profileOf(request.to)
    if (profile.reset === 'before') return resetReply
    const refusal = profileRefusal(profile) ?? checkLimits(request.to)
    if (refusal !== undefined) return refuse(refusal)
    const answer = accept(request, filled, profile)
    return profile.reset === 'after' ? { ...answer, statusCode: null } : answer
  }

  function profileRefusal({ refusal }: RecipientProfile): Refusal | undefined {
    return refusal === undefined ? undefined : errorOf(refusal.graphCode, refusal.subcode, now())
  }

  function checkLimits(to: string): Refusal | undefined {
    if (!deps.throughput.take(phoneNumberId)) return { graphCode: 130429 }
    return deps.pairs.take(whatsAppUser(to).waId) ? undefined : { graphCode: 131056 }
  }

  function accept(
    request: SendRequest,
    filled: FilledTemplate | undefined,
    profile: RecipientProfile,
  ): GraphReply {
    const { waId } = whatsAppUser(request.to)
    const message = deps.messages.add({
      id: newMessageId(waId),
      to: request.to,
      waId,
      phoneNumberId,
      type: request.content.type,
      text: request.content.type === 'text' ? request.content.body : '',
      ...(filled === undefined ? {} : templateFields(filled)),
      ...(request.callbackData === undefined ? {} : { callbackData: request.callbackData }),
      acceptedAt: now(),
      profile: profile.name,
    })
    deps.follow(message, profile)
    return acceptance(request.input, message)
  }
}

function templateFields(filled: FilledTemplate) {
  const { template, text, code, policyWarning } = filled
  return {
    template: { name: template.name, language: template.language, category: template.category },
    text,
    ...(code === undefined ? {} : { code, ...codeMessageExtras(template) }),
    ...(policyWarning === undefined ? {} : { policyWarning }),
  }
}

function acceptance(input: string, message: ReceivedMessage): GraphReply {
  const status = message.type === 'template' ? { message_status: 'accepted' } : {}
  const body = {
    messaging_product: 'whatsapp',
    contacts: [{ input, wa_id: message.waId }],
    messages: [{ id: message.id, ...status }],
  }
  return reply(body, message.id)
}

function newMessageId(waId: string): string {
  const opaque = Buffer.concat([Buffer.from([0x1c, 0x18, waId.length]), Buffer.from(waId), randomBytes(18)])
  return `wamid.${opaque.toString('base64')}`
}
