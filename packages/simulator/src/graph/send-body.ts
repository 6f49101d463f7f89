import { badParameter, type Checked, type Refusal } from './reply.ts'
import { readRecipient } from '../world/phone-number.ts'

/** A send call whose body has the right shape. Templates are not looked up yet. */
export type SendRequest = {
  /** As the caller wrote it. */
  readonly input: string
  /** `+E.164`. */
  readonly to: string
  readonly content: TextContent | TemplateContent
  readonly callbackData?: string
}

type TextContent = { readonly type: 'text'; readonly body: string }

export type TemplateContent = {
  readonly type: 'template'
  readonly name: string
  readonly language: string
  readonly components: readonly Record<string, unknown>[]
}

type Json = Readonly<Record<string, unknown>>

const CALLBACK_DATA_LENGTH = 512
const TEXT_LENGTH = 4096
const commonKeys = [
  'messaging_product',
  'recipient_type',
  'to',
  'recipient',
  'type',
  'biz_opaque_callback_data',
  'context',
]
/** Real kinds of message that the simulator does not play. */
const otherTypes = 'audio contacts document image interactive location reaction sticker video'.split(' ')

/** Reads the body of `POST /{phone_number_id}/messages` (check 6). `senderDigits`: our own number. */
export function readSendBody(body: Json | undefined, senderDigits: string): Checked<SendRequest> {
  if (body === undefined) return no({ graphCode: 100, details: 'The request body is not a JSON object' })
  const refusal = checkCommon(body)
  if (refusal !== undefined) return no(refusal)
  const isForUserId = body['to'] === undefined && typeof body['recipient'] === 'string'
  const to = isForUserId ? undefined : readTo(body['to'], senderDigits)
  if (to?.refusal !== undefined) return to
  const content = readContent(body)
  if (content.refusal !== undefined) return content
  if (to === undefined) return no({ graphCode: 131062 })
  if (to.value.to === `+${senderDigits}`) return no({ graphCode: 131021 })
  const callbackData = body['biz_opaque_callback_data']
  return {
    value: {
      ...to.value,
      content: content.value,
      ...(typeof callbackData === 'string' ? { callbackData } : {}),
    },
  }
}

function checkCommon(body: Json): Refusal | undefined {
  const type = body['type']
  if (body['messaging_product'] !== 'whatsapp') return required('messaging_product')
  if (typeof type !== 'string') return required('type')
  if (otherTypes.includes(type))
    return { graphCode: 131051, details: `Message type ${type} is not simulated` }
  if (body['recipient_type'] === 'group') return { graphCode: 131051, details: 'Groups are not simulated' }
  if (type !== 'text' && type !== 'template')
    return invalid(`Param type must be one of {TEXT, TEMPLATE, ...}`)
  const stranger = unknownKey(body, [...commonKeys, type])
  if (stranger !== undefined) return unexpected(stranger, 'the request')
  if (!['individual', undefined].includes(body['recipient_type'] as string | undefined))
    return invalid('Param recipient_type must be one of {INDIVIDUAL, GROUP}')
  return checkCallbackData(body['biz_opaque_callback_data']) ?? checkContext(body['context'])
}

function checkCallbackData(value: unknown): Refusal | undefined {
  if (value === undefined) return undefined
  const isGood = typeof value === 'string' && value.length <= CALLBACK_DATA_LENGTH
  return isGood ? undefined : tooLong('biz_opaque_callback_data', CALLBACK_DATA_LENGTH)
}

function checkContext(value: unknown): Refusal | undefined {
  if (value === undefined) return undefined
  if (!isObject(value) || typeof value['message_id'] !== 'string')
    return invalid('Param context must hold a message_id')
  const stranger = unknownKey(value, ['message_id'])
  return stranger === undefined ? undefined : unexpected(stranger, 'context')
}

function readContent(body: Json): Checked<SendRequest['content']> {
  return body['type'] === 'text' ? readText(body['text']) : readTemplate(body['template'])
}

function readText(text: unknown): Checked<TextContent> {
  if (text === undefined) return missing('text')
  if (!isObject(text)) return no(invalid('Param text must be an object'))
  const stranger = unknownKey(text, ['body', 'preview_url'])
  if (stranger !== undefined) return no(unexpected(stranger, 'text'))
  const { body, preview_url: preview } = text
  if (body === undefined || body === '') return missing("text['body']")
  if (typeof body !== 'string') return no({ graphCode: 131009, details: "text['body'] must be a string" })
  if (preview !== undefined && typeof preview !== 'boolean')
    return no({ graphCode: 131009, details: "text['preview_url'] must be a boolean" })
  if (body.length > TEXT_LENGTH) return no(tooLong("text['body']", TEXT_LENGTH))
  return { value: { type: 'text', body } }
}

function readTemplate(template: unknown): Checked<TemplateContent> {
  if (template === undefined) return missing('template')
  if (!isObject(template)) return no(invalid('Param template must be an object'))
  const stranger = unknownKey(template, ['name', 'language', 'components'])
  if (stranger !== undefined) return no(unexpected(stranger, 'template'))
  const { name, language, components = [] } = template
  if (typeof name !== 'string' || name === '') return missing("template['name']")
  if (!isObject(language) || typeof language['code'] !== 'string')
    return missing("template['language']['code']")
  const strangeChoice = unknownKey(language, ['code', 'policy'])
  if (strangeChoice !== undefined) return no(unexpected(strangeChoice, "template['language']"))
  if (!Array.isArray(components) || !components.every(isObject))
    return no(invalid("Param template['components'] must be an array"))
  return { value: { type: 'template', name, language: language['code'], components } }
}

function readTo(input: unknown, senderDigits: string): Checked<{ input: string; to: string }> {
  if (typeof input !== 'string' || input === '') return no(required('to'))
  const to = readRecipient(input, senderDigits)
  return to === undefined ? no(invalid('Param to is not a phone number')) : { value: { input, to } }
}

/** A JSON object, not an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The first key of an object that Meta would not know. */
export function unknownKey(value: Json, allowed: readonly string[]): string | undefined {
  return Object.keys(value).find((key) => !allowed.includes(key))
}

/** 100 for a key Meta does not know. */
export function unexpected(key: string, where: string): Refusal {
  return invalid(`Unexpected key "${key}" on ${where}`)
}

function invalid(details: string): Refusal {
  return { graphCode: 100, details }
}

function required(parameter: string): Refusal {
  return badParameter(`The parameter ${parameter} is required.`)
}

function tooLong(parameter: string, length: number): Refusal {
  return badParameter(`Param ${parameter} must be at most ${length} characters long.`)
}

function missing(parameter: string): { refusal: Refusal } {
  return no({ graphCode: 131008, details: `Parameter ${parameter} is missing` })
}

function no(refusal: Refusal): { refusal: Refusal } {
  return { refusal }
}
