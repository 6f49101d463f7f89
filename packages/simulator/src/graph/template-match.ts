import type { Checked, Refusal } from './reply.ts'
import type { TemplateContent } from './send-body.ts'
import { readTemplateValues, type GivenButton, type GivenValue, type GivenValues } from './template-values.ts'
import type { Template } from '../world/template.ts'
import {
  fillText,
  type TemplateButton,
  type TemplateShape,
  type VariableText,
} from '../world/template-shape.ts'
import type { Templates } from '../world/templates.ts'

/** A template filled with the values of one message. */
export type FilledTemplate = {
  readonly template: Template
  readonly text: string
  readonly footer?: string
  /** The one-time code of an authentication template, and the label of its button. */
  readonly code?: string
  readonly copyLabel?: string
  readonly policyWarning?: string
}

const CODE_LENGTH = 15
const BODY_LENGTH = 1024

/** Finds the template a message names and checks its values (check 7). */
export function matchTemplate(content: TemplateContent, templates: Templates): Checked<FilledTemplate> {
  const template = templates.find(content.name, content.language)
  if (template === undefined) return { refusal: unknownTemplate(content) }
  const unusable = checkStatus(template, content)
  if (unusable !== undefined) return { refusal: unusable }
  const values = readTemplateValues(content.components)
  if (values.refusal !== undefined) return values
  const refusal =
    template.category === 'AUTHENTICATION'
      ? checkCode(template.shape, values.value)
      : checkOrdinary(template.shape, values.value)
  return refusal === undefined ? filled(template, values.value) : { refusal }
}

function checkStatus(template: Template, content: TemplateContent): Refusal | undefined {
  switch (template.status) {
    case 'APPROVED':
      return undefined
    case 'PAUSED':
      return { graphCode: 132015 }
    case 'DISABLED':
      return { graphCode: 132016 }
    case 'PENDING':
    case 'REJECTED':
      return unknownTemplate(content)
  }
}

function checkCode(shape: TemplateShape, values: GivenValues): Refusal | undefined {
  const [code] = values.body
  if (code === undefined || values.body.length > 1) return wrongCount('body', values.body.length, 1)
  if (values.header.length > 0) return wrongCount('header', values.header.length, 0)
  const stranger = values.body.find(({ type }) => type !== 'text')
  if (stranger !== undefined) return wrongType('body', stranger)
  const refusal = checkButtons(shape.buttons, values.buttons)
  if (refusal !== undefined) return refusal
  const buttonCode = values.buttons[0]?.values[0]?.text
  if (buttonCode !== code.text) return wrongValue('The code of the body and of the button differ')
  return code.text.length > CODE_LENGTH
    ? wrongValue(`A code has at most ${CODE_LENGTH} characters`)
    : undefined
}

function checkOrdinary({ header, body, buttons }: TemplateShape, values: GivenValues): Refusal | undefined {
  return (
    checkHeader(header, values.header) ??
    checkText('body', body, values.body) ??
    checkButtons(buttons, values.buttons)
  )
}

function checkHeader(header: TemplateShape['header'], given: readonly GivenValue[]): Refusal | undefined {
  const format = header?.mediaFormat
  if (format === undefined) return checkText('header', header ?? { text: '', variables: [] }, given)
  const received = given[0]?.type.toUpperCase() ?? 'UNKNOWN'
  if (given.length === 1 && received === format) return undefined
  return { graphCode: 132012, details: `header: Format mismatch, expected ${format}, received ${received}` }
}

/** As many values as variables, by position or, where the template names them, by name. */
function checkText(where: string, shape: VariableText, given: readonly GivenValue[]): Refusal | undefined {
  const { variables } = shape
  if (given.length !== variables.length) return wrongCount(where, given.length, variables.length)
  const stranger = given.find(({ type }) => type !== 'text' && type !== 'currency' && type !== 'date_time')
  if (stranger !== undefined) return wrongType(where, stranger)
  const isNamed = variables.some((variable) => !/^\d+$/.test(variable))
  if (!isNamed) return given.some(({ name }) => name !== undefined) ? unwantedName(where) : undefined
  if (given.some(({ name }) => name === undefined))
    return { graphCode: 100, details: `${where}: Parameter name is missing or empty` }
  const missing = variables.find((variable) => !given.some(({ name }) => name === variable))
  return missing === undefined ? undefined : wrongValue(`${where}: no value for the variable ${missing}`)
}

/** A URL with a variable wants its value; a quick reply may have a payload. */
function checkButtons(
  buttons: readonly TemplateButton[],
  given: readonly GivenButton[],
): Refusal | undefined {
  const bare = buttons.findIndex(
    ({ type, variables }, index) =>
      type === 'URL' && variables.length > 0 && !given.some((other) => fits(other, 'url', index)),
  )
  if (bare >= 0) return urlWithoutValue(bare)
  for (const value of given) {
    const refusal = checkButton(buttons[value.index], value)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

function fits(given: GivenButton, subType: string, index: number): boolean {
  return given.index === index && given.subType === subType
}

function checkButton(button: TemplateButton | undefined, given: GivenButton): Refusal | undefined {
  const { index, subType, values } = given
  if (button === undefined)
    return { graphCode: 131009, details: `buttons: The template has no button at index ${index}` }
  if (button.type.toLowerCase() !== subType)
    return wrongValue(`buttons: Button at index ${index} is of type ${button.type}, not ${subType}`)
  if (subType !== 'url')
    return values.length > 1 ? wrongCount('buttons', values.length, 1) : checkPayload(subType, values[0])
  if (values.length === 0 && button.variables.length > 0) return urlWithoutValue(index)
  if (values.length !== button.variables.length)
    return wrongCount('buttons', values.length, button.variables.length)
  const stranger = values.find(({ type }) => type !== 'text')
  return stranger && wrongType('buttons', stranger)
}

function checkPayload(subType: string, value: GivenValue | undefined): Refusal | undefined {
  const isStranger = subType === 'quick_reply' && value !== undefined && value.type !== 'payload'
  return isStranger ? wrongType('buttons', value) : undefined
}

function filled(template: Template, values: GivenValues): Checked<FilledTemplate> {
  const { header, body, footer, buttons } = template.shape
  const bodyText = fillText(body, inOrder(body, values.body))
  if (bodyText.length > BODY_LENGTH) return { refusal: { graphCode: 132005 } }
  const headerText = header === undefined ? '' : fillText(header, inOrder(header, values.header))
  const isCode = template.category === 'AUTHENTICATION'
  return {
    value: {
      template,
      text: headerText === '' ? bodyText : `${headerText}\n\n${bodyText}`,
      ...(footer === undefined ? {} : { footer }),
      ...(isCode
        ? { code: values.body[0]?.text ?? '', copyLabel: buttons[0]?.label ?? '' }
        : policyOf(template, values.body)),
    },
  }
}

function inOrder({ variables }: VariableText, given: readonly GivenValue[]): string[] {
  if (given[0]?.name === undefined) return given.map(({ text }) => text)
  return variables.map((variable) => given.find(({ name }) => name === variable)?.text ?? '')
}

/** Meta accepts the call, and one day rejects the template or the account for it. */
function policyOf(template: Template, given: readonly GivenValue[]): { policyWarning?: string } {
  if (!given.some(({ text }) => /^\d{4,8}$/.test(text))) return {}
  const category = template.category.toLowerCase()
  return {
    policyWarning: `looks like a one-time code in a ${category} template: only authentication may carry one`,
  }
}

function unknownTemplate({ name, language }: TemplateContent): Refusal {
  return { graphCode: 132001, details: `template name (${name}) does not exist in ${language}` }
}

function wrongCount(where: string, given: number, expected: number): Refusal {
  const details = `${where}: number of localizable_params (${given}) does not match the expected number of params (${expected})`
  return { graphCode: 132000, details }
}

function wrongType(where: string, { type }: GivenValue): Refusal {
  return { graphCode: 132012, details: `${where}: a parameter of type ${type} does not fit here` }
}

function wrongValue(details: string): Refusal {
  return { graphCode: 132018, details }
}

function unwantedName(where: string): Refusal {
  return { graphCode: 100, details: `${where}: the template has no named variables` }
}

function urlWithoutValue(index: number): Refusal {
  return { graphCode: 131008, details: `buttons: Button at index ${index} of type Url requires a parameter` }
}
