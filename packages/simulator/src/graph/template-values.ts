import type { Checked, Refusal } from './reply.ts'
import { isObject, unexpected, unknownKey } from './send-body.ts'

/** One value for one variable: `text` is what the person reads. */
export type GivenValue = { readonly type: string; readonly text: string; readonly name?: string }

export type GivenButton = {
  /** `url`, `quick_reply`, ... */
  readonly subType: string
  /** Position of the button, from 0. */
  readonly index: number
  readonly values: readonly GivenValue[]
}

/** What a send fills a template with. */
export type GivenValues = {
  readonly header: readonly GivenValue[]
  readonly body: readonly GivenValue[]
  readonly buttons: readonly GivenButton[]
}

type Json = Readonly<Record<string, unknown>>

const componentKeys = ['type', 'sub_type', 'index', 'parameters']
/** Kinds of value, each with the property that holds it. */
const mediaTypes = ['image', 'video', 'document', 'location']
const valueTypes = ['text', 'currency', 'date_time', 'payload', 'coupon_code', ...mediaTypes]
const valueKeys = ['type', 'parameter_name', ...valueTypes]
const SPACES = 'Param text cannot have new-line/tab characters or more than 4 consecutive spaces'

/** Reads `template.components` of a send. The template itself is not looked at. */
export function readTemplateValues(components: readonly Json[]): Checked<GivenValues> {
  const header: GivenValue[] = []
  const body: GivenValue[] = []
  const buttons: GivenButton[] = []
  for (const component of components) {
    const type = lowerCase(component['type'])
    const refusal = checkComponent(component, type)
    if (refusal !== undefined) return { refusal }
    const values = readValues(component['parameters'] ?? [], type)
    if (values.refusal !== undefined) return values
    if (type === 'header') header.push(...values.value)
    else if (type === 'body') body.push(...values.value)
    else
      buttons.push({
        subType: lowerCase(component['sub_type']),
        index: Number(component['index']),
        values: values.value,
      })
  }
  return { value: { header, body, buttons } }
}

function checkComponent(component: Json, type: string): Refusal | undefined {
  const stranger = unknownKey(component, componentKeys)
  if (stranger !== undefined) return unexpected(stranger, 'template component')
  if (type !== 'header' && type !== 'body' && type !== 'button')
    return {
      graphCode: 100,
      details: "Param template['components']['type'] must be one of {HEADER, BODY, BUTTON}",
    }
  return type === 'button' ? checkButton(component) : undefined
}

function checkButton({ sub_type: subType, index }: Json): Refusal | undefined {
  if (subType === undefined) return { graphCode: 131008, details: 'buttons: Parameter sub_type is missing' }
  if (index === undefined) return { graphCode: 131008, details: 'buttons: Parameter index is missing' }
  if (/^\d{1,2}$/.test(typeof index === 'number' ? `${index}` : lowerCase(index))) return undefined
  return { graphCode: 131009, details: 'buttons: index must be the position of a button, from 0' }
}

function readValues(parameters: unknown, where: string): Checked<GivenValue[]> {
  if (!Array.isArray(parameters) || !parameters.every(isObject))
    return { refusal: { graphCode: 100, details: `${where}: parameters must be an array of objects` } }
  const values: GivenValue[] = []
  for (const parameter of parameters) {
    const value = readValue(parameter, where)
    if (value.refusal !== undefined) return value
    values.push(value.value)
  }
  return { value: values }
}

function readValue(parameter: Json, where: string): Checked<GivenValue> {
  const stranger = unknownKey(parameter, valueKeys)
  if (stranger !== undefined) return { refusal: unexpected(stranger, `${where} parameter`) }
  const type = lowerCase(parameter['type'])
  if (!valueTypes.includes(type))
    return { refusal: { graphCode: 132012, details: `${where}: parameter type ${type} is not supported` } }
  const text = textOf(parameter[type], type)
  if (text === undefined) return { refusal: valueless(type, where) }
  if (/[\n\t]| {5}/.test(text)) return { refusal: { graphCode: 132018, details: SPACES } }
  const name = parameter['parameter_name']
  return { value: { type, text, ...(typeof name === 'string' ? { name } : {}) } }
}

function valueless(type: string, where: string): Refusal {
  if (type === 'text')
    return { graphCode: 131008, details: `${where}: Parameter of type text is missing text value` }
  return {
    graphCode: 132012,
    details: `${where}: Parameter of type ${type} has no ${type} of the right format`,
  }
}

/** A currency or a date shows its fallback; media have no text. */
function textOf(value: unknown, type: string): string | undefined {
  if (type === 'currency' || type === 'date_time')
    return isObject(value) ? nonEmpty(value['fallback_value']) : undefined
  if (mediaTypes.includes(type)) return isObject(value) ? '' : undefined
  return nonEmpty(value)
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function lowerCase(value: unknown): string {
  return typeof value === 'string' ? value.toLowerCase() : ''
}
