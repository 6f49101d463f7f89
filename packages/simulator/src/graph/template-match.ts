import type { Checked, Refusal } from './reply.ts'
import { isObject, unexpected, unknownKey, type TemplateContent } from './send-body.ts'
import { bodyParameterCount, fillBody, type Template, type Templates } from '../world/templates.ts'

/** A template filled with the values of one message. */
export type FilledTemplate = {
  readonly template: Template
  readonly text: string
  /** The one-time code of an authentication template. */
  readonly code?: string
  readonly policyWarning?: string
}

type Component = Record<string, unknown>

const CODE_LENGTH = 15
const allowedParts = ['type', 'sub_type', 'index', 'parameters']

/** Finds the template a message names and checks its values (check 7). */
export function matchTemplate(content: TemplateContent, templates: Templates): Checked<FilledTemplate> {
  const template = templates.find(content.name, content.language)
  if (template === undefined) return unknownTemplate(content)
  const refusal = checkStatus(template, content) ?? checkComponents(content.components)
  if (refusal !== undefined) return { refusal }
  return template.category === 'AUTHENTICATION'
    ? fillAuthentication(template, content)
    : fillOrdinary(template, content)
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
      return unknownTemplate(content).refusal
  }
}

function checkComponents(components: readonly Component[]): Refusal | undefined {
  for (const component of components) {
    const stranger = unknownKey(component, allowedParts)
    if (stranger !== undefined) return unexpected(stranger, 'template component')
    if (!['header', 'body', 'button'].includes(String(component['type']).toLowerCase()))
      return {
        graphCode: 100,
        details: "Param template['components']['type'] must be one of {HEADER, BODY, BUTTON}",
      }
    const fault = checkParameters(component)
    if (fault !== undefined) return fault
  }
  return undefined
}

function checkParameters(component: Component): Refusal | undefined {
  const where = String(component['type']).toLowerCase()
  const parameters = component['parameters'] ?? []
  if (!Array.isArray(parameters) || !parameters.every(isObject))
    return { graphCode: 100, details: `${where}: parameters must be an array of objects` }
  for (const parameter of parameters) {
    if (parameter['type'] !== 'text')
      return { graphCode: 132012, details: `${where}: parameters must be of type text` }
    if (typeof parameter['text'] !== 'string' || parameter['text'] === '')
      return { graphCode: 131008, details: `${where}: Parameter of type text is missing text value` }
    if (/[\n\t]| {5}/.test(parameter['text'])) return { graphCode: 132018, details: SPACES }
  }
  return undefined
}

const SPACES = 'Param text cannot have new-line/tab characters or more than 4 consecutive spaces'

function fillAuthentication(template: Template, content: TemplateContent): Checked<FilledTemplate> {
  const [code = '', ...more] = textsOf(content, 'body')
  if (code === '' || more.length > 0)
    return { refusal: wrongCount('body', textsOf(content, 'body').length, 1) }
  const buttonCode = buttonText(content)
  if (buttonCode === undefined)
    return {
      refusal: { graphCode: 131008, details: 'buttons: Button at index 0 of type Url requires a parameter' },
    }
  if (buttonCode !== code) return { refusal: badCode('The code of the body and of the button differ') }
  if (code.length > CODE_LENGTH) return { refusal: badCode(`A code has at most ${CODE_LENGTH} characters`) }
  return { value: { template, code, text: fillBody(template, [code]) } }
}

function fillOrdinary(template: Template, content: TemplateContent): Checked<FilledTemplate> {
  const texts = textsOf(content, 'body')
  const expected = bodyParameterCount(template)
  if (texts.length !== expected) return { refusal: wrongCount('body', texts.length, expected) }
  const extra = content.components.find((component) => component['type'] !== 'body')
  if (extra !== undefined) return { refusal: wrongCount(String(extra['type']), 1, 0) }
  return { value: { template, text: fillBody(template, texts), ...policyOf(template, texts) } }
}

/** Meta accepts the call, and one day rejects the template or the account for it. */
function policyOf(template: Template, texts: readonly string[]): { policyWarning?: string } {
  if (!texts.some((text) => /^\d{4,8}$/.test(text))) return {}
  const category = template.category.toLowerCase()
  return {
    policyWarning: `looks like a one-time code in a ${category} template: only authentication may carry one`,
  }
}

function textsOf(content: TemplateContent, type: string): string[] {
  const parameters = content.components
    .filter((component) => String(component['type']).toLowerCase() === type)
    .flatMap((component) => (component['parameters'] ?? []) as { text: string }[])
  return parameters.map(({ text }) => text)
}

function buttonText(content: TemplateContent): string | undefined {
  const button = content.components.find(
    (component) =>
      String(component['type']).toLowerCase() === 'button' &&
      String(component['sub_type']).toLowerCase() === 'url' &&
      String(component['index']) === '0',
  )
  const parameters = (button?.['parameters'] ?? []) as { text: string }[]
  return parameters[0]?.text
}

function unknownTemplate({ name, language }: TemplateContent): { refusal: Refusal } {
  return { refusal: { graphCode: 132001, details: `template name (${name}) does not exist in ${language}` } }
}

function wrongCount(where: string, given: number, expected: number): Refusal {
  const details = `${where}: number of localizable_params (${given}) does not match the expected number of params (${expected})`
  return { graphCode: 132000, details }
}

function badCode(details: string): Refusal {
  return { graphCode: 132018, details }
}
