/** A stored component as the API shows it: `{type: 'BODY', text: '...'}`. */
export type TemplateComponent = Readonly<Record<string, unknown>>

/** A text with variables: `{{1}}`, or `{{first_name}}` where the template names them. */
export type VariableText = { readonly text: string; readonly variables: readonly string[] }

export type TemplateButton = {
  /** `QUICK_REPLY`, `URL`, `PHONE_NUMBER`, ... An OTP button is a `URL` button. */
  readonly type: string
  readonly label: string
  /** Variables of a URL: none or one. */
  readonly variables: readonly string[]
}

/** What a send must fill in, worked out once from the components. */
export type TemplateShape = {
  /** `mediaFormat` is set when the header is a picture, a film, a document or a place. */
  readonly header?: VariableText & { readonly mediaFormat?: string }
  readonly body: VariableText
  readonly footer?: string
  readonly buttons: readonly TemplateButton[]
}

const VARIABLE = /\{\{\s*(\w+)\s*\}\}/g

/** Reads stored components. What is missing is empty. */
export function shapeOf(components: readonly TemplateComponent[]): TemplateShape {
  const header = find(components, 'HEADER')
  const footer = find(components, 'FOOTER')?.['text']
  const buttons = find(components, 'BUTTONS')?.['buttons']
  return {
    ...(header === undefined ? {} : { header: headerOf(header) }),
    body: variableText(find(components, 'BODY')?.['text']),
    ...(typeof footer === 'string' ? { footer } : {}),
    buttons: Array.isArray(buttons) ? buttons.map(buttonOf) : [],
  }
}

/** The text with its variables filled in, in the order of `variables`. */
export function fillText({ text, variables }: VariableText, values: readonly string[]): string {
  return text.replace(VARIABLE, (_, name: string) => values[variables.indexOf(name)] ?? '')
}

/** The variables of a text, each once: by number where they are numbers, else as they come. */
export function variablesOf(text: string): string[] {
  const names = [...new Set([...text.matchAll(VARIABLE)].map(([, name = '']) => name))]
  return names.every((name) => /^\d+$/.test(name)) ? names.toSorted((a, b) => Number(a) - Number(b)) : names
}

function find(components: readonly TemplateComponent[], type: string): TemplateComponent | undefined {
  return components.find((component) => component['type'] === type)
}

function headerOf(header: TemplateComponent): NonNullable<TemplateShape['header']> {
  const format = typeof header['format'] === 'string' ? header['format'] : 'TEXT'
  return { ...variableText(header['text']), ...(format === 'TEXT' ? {} : { mediaFormat: format }) }
}

function variableText(text: unknown): VariableText {
  return typeof text === 'string' ? { text, variables: variablesOf(text) } : { text: '', variables: [] }
}

function buttonOf(button: Record<string, unknown>): TemplateButton {
  const { type, text, url } = button
  const label = typeof text === 'string' ? text : ''
  return { type: typeof type === 'string' ? type : '', label, variables: variableText(url).variables }
}
