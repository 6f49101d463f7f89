import { textOf } from './call.ts'
import type { Checked, Refusal } from './reply.ts'
import { isObject, unknownKey } from './send-body.ts'
import { badComponents, firstOf } from './template-faults.ts'
import { variablesOf, type TemplateComponent } from '../world/template-shape.ts'

type Json = Readonly<Record<string, unknown>>

const HEADER_LENGTH = 60
const BODY_LENGTH = 1024
const FOOTER_LENGTH = 60
const BUTTON_TEXT_LENGTH = 25
const URL_LENGTH = 2000
const MOST_BUTTONS = 10
const types = ['HEADER', 'BODY', 'FOOTER', 'BUTTONS']
const headerFormats = ['TEXT', 'IMAGE', 'VIDEO', 'DOCUMENT', 'LOCATION']
const buttonTypes = ['QUICK_REPLY', 'URL', 'PHONE_NUMBER', 'COPY_CODE']

/** Reads the components of a utility or marketing template; they are stored as they are created. */
export function readOrdinaryComponents(components: readonly Json[]): Checked<readonly TemplateComponent[]> {
  const find = (type: string) => components.find((component) => component['type'] === type)
  const body = find('BODY')
  if (body === undefined) return { refusal: badComponents('component of type BODY is missing') }
  const refusal = firstOf(
    () => checkTypes(components),
    () => checkText('BODY', body, BODY_LENGTH),
    () => checkHeader(find('HEADER')),
    () => checkFooter(find('FOOTER')),
    () => checkButtons(find('BUTTONS')),
  )
  return refusal === undefined ? { value: components } : { refusal }
}

function checkTypes(components: readonly Json[]): Refusal | undefined {
  const given = components.map(({ type }) => textOf(type) ?? '')
  const stranger = given.find((type) => !types.includes(type))
  if (stranger !== undefined) return badComponents(`unknown component of type ${stranger}`)
  return new Set(given).size < given.length ? badComponents('each component may be given once') : undefined
}

function checkText(type: string, component: Json, longest: number): Refusal | undefined {
  const stranger = unknownKey(component, ['type', 'format', 'text', 'example'])
  if (stranger !== undefined) return badComponents(`component of type ${type} has no ${stranger}`)
  const text = component['text']
  if (typeof text !== 'string' || text === '' || text.length > longest)
    return badComponents(`component of type ${type} must have a text of 1 to ${longest} characters`)
  const variables = variablesOf(text)
  const numbers = variables.filter((name) => /^\d+$/.test(name))
  if (numbers.length > 0 && numbers.length < variables.length)
    return badComponents('variables are all numbered or all named')
  if (numbers.some((name, index) => name !== String(index + 1)))
    return badComponents('numbered variables start at {{1}} and leave none out')
  if (variables.length === 0 || component['example'] !== undefined) return undefined
  return badComponents(`component of type ${type} is missing expected field(s) (example)`)
}

function checkHeader(header: Json | undefined): Refusal | undefined {
  if (header === undefined) return undefined
  const { format, text } = header
  if (!headerFormats.includes(textOf(format) ?? ''))
    return badComponents(`format of HEADER must be one of ${headerFormats.join(', ')}`)
  if (format !== 'TEXT') return undefined
  if (typeof text === 'string' && variablesOf(text).length > 1)
    return badComponents('component of type HEADER has at most one variable')
  return checkText('HEADER', header, HEADER_LENGTH)
}

function checkFooter(footer: Json | undefined): Refusal | undefined {
  if (footer === undefined) return undefined
  const { text } = footer
  if (typeof text === 'string' && variablesOf(text).length > 0)
    return badComponents('component of type FOOTER has no variables')
  return checkText('FOOTER', footer, FOOTER_LENGTH)
}

function checkButtons(component: Json | undefined): Refusal | undefined {
  if (component === undefined) return undefined
  const { buttons } = component
  if (!Array.isArray(buttons) || buttons.length < 1 || buttons.length > MOST_BUTTONS)
    return badComponents(`component of type BUTTONS must have 1 to ${MOST_BUTTONS} buttons`)
  for (const button of buttons) {
    const refusal = isObject(button) ? checkButton(button) : badComponents('a button must be an object')
    if (refusal !== undefined) return refusal
  }
  return undefined
}

function checkButton({ type, text, url, phone_number: phone, example }: Json): Refusal | undefined {
  if (type === 'OTP') return badComponents('OTP buttons are for authentication templates only')
  if (!buttonTypes.includes(textOf(type) ?? ''))
    return badComponents(`type of a button must be one of ${buttonTypes.join(', ')}`)
  if (type === 'COPY_CODE') return undefined
  if (typeof text !== 'string' || text === '' || text.length > BUTTON_TEXT_LENGTH)
    return badComponents(`text of a button has 1 to ${BUTTON_TEXT_LENGTH} characters`)
  if (type === 'PHONE_NUMBER' && typeof phone !== 'string')
    return badComponents('a PHONE_NUMBER button must have a phone_number')
  return type === 'URL' ? checkUrl(url, example) : undefined
}

/** At most one variable, at the end. */
function checkUrl(url: unknown, example: unknown): Refusal | undefined {
  if (typeof url !== 'string' || url.length > URL_LENGTH || !/^https?:\/\/\S+$/.test(url))
    return badComponents('a URL button must have a url')
  const variables = variablesOf(url)
  if (variables.length === 0) return undefined
  if (variables.length > 1 || !/\{\{\s*1\s*\}\}$/.test(url))
    return badComponents('a url has at most one variable, {{1}}, at its end')
  return example === undefined
    ? badComponents('a URL button with a variable is missing expected field(s) (example)')
    : undefined
}
