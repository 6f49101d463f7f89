export type TemplateCategory = 'AUTHENTICATION' | 'UTILITY' | 'MARKETING'
export type TemplateStatus = 'APPROVED' | 'PENDING' | 'REJECTED' | 'PAUSED' | 'DISABLED'

/** A message template of the business, in one language. */
export type SimulatedTemplate = {
  readonly name: string
  /** Meta's language code with an underscore: `fr`, `en_US`. */
  readonly language: string
  /** Default `AUTHENTICATION`. */
  readonly category?: TemplateCategory
  /** Default `APPROVED`. */
  readonly status?: TemplateStatus
  /** Body with `{{1}}`, `{{2}}`; that of an authentication template is fixed by Meta and ignored here. */
  readonly body?: string
  /** Authentication templates: the footer says so. */
  readonly codeExpirationMinutes?: number
}

export type Template = SimulatedTemplate & Required<Pick<SimulatedTemplate, 'category' | 'status' | 'body'>>

export const defaultTemplates: readonly SimulatedTemplate[] = [
  { name: 'otp_login', language: 'fr', codeExpirationMinutes: 5 },
]

/** The templates of the business, found by name and exact language. */
export function createTemplates(simulated: readonly SimulatedTemplate[]) {
  const templates = simulated.map(withDefaults)
  return {
    all: () => templates,
    find: (name: string, language: string) =>
      templates.find((template) => template.name === name && template.language === language),
  }
}

export type Templates = ReturnType<typeof createTemplates>

/** How many values the body of a template asks for. */
export function bodyParameterCount(template: Template): number {
  return new Set(template.body.match(/\{\{\d+\}\}/g) ?? []).size
}

/** The text a person reads. */
export function fillBody(template: Template, parameters: readonly string[]): string {
  return template.body.replace(
    /\{\{(\d+)\}\}/g,
    (_, position: string) => parameters[Number(position) - 1] ?? '',
  )
}

/** Footer and button of an authentication template, in its language. */
export function codeMessageExtras(template: Template): { copyLabel: string; footer?: string } {
  const words = codeWords(template.language)
  const minutes = template.codeExpirationMinutes
  return { copyLabel: words.copyLabel, ...(minutes === undefined ? {} : { footer: words.footer(minutes) }) }
}

function withDefaults(template: SimulatedTemplate): Template {
  const category = template.category ?? 'AUTHENTICATION'
  const body = category === 'AUTHENTICATION' ? codeWords(template.language).body : (template.body ?? '')
  return { ...template, category, status: template.status ?? 'APPROVED', body }
}

type CodeWords = { body: string; copyLabel: string; footer: (minutes: number) => string }

const english: CodeWords = {
  body: '*{{1}}* is your verification code. For your security, do not share this code.',
  copyLabel: 'Copy code',
  footer: (minutes) => `This code expires in ${minutes} minutes.`,
}

const wordsByLanguage: Readonly<Record<string, CodeWords>> = {
  en: english,
  fr: {
    body: '*{{1}}* est votre code de vérification. Pour votre sécurité, ne le partagez pas.',
    copyLabel: 'Copier le code',
    footer: (minutes) => `Ce code expire dans ${minutes} minutes.`,
  },
  es: {
    body: '*{{1}}* es tu código de verificación. Por tu seguridad, no lo compartas.',
    copyLabel: 'Copiar código',
    footer: (minutes) => `Este código caduca en ${minutes} minutos.`,
  },
  pt: {
    body: '*{{1}}* é seu código de verificação. Para sua segurança, não o compartilhe.',
    copyLabel: 'Copiar código',
    footer: (minutes) => `Este código expira em ${minutes} minutos.`,
  },
}

function codeWords(language: string): CodeWords {
  return wordsByLanguage[language.split('_')[0] ?? ''] ?? english
}
