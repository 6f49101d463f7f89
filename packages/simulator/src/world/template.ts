import { codeTemplateComponents } from './code-template.ts'
import { shapeOf, type TemplateComponent, type TemplateShape } from './template-shape.ts'

export const templateCategories = ['AUTHENTICATION', 'UTILITY', 'MARKETING'] as const
export type TemplateCategory = (typeof templateCategories)[number]
export const templateStatuses = ['APPROVED', 'PENDING', 'REJECTED', 'PAUSED', 'DISABLED'] as const
export type TemplateStatus = (typeof templateStatuses)[number]
export const qualityScores = ['GREEN', 'YELLOW', 'RED', 'UNKNOWN'] as const
export type QualityScore = (typeof qualityScores)[number]

/** A template the business has from the start. Nothing of it is checked as a creation by the API would be. */
export type SimulatedTemplate = {
  readonly name: string
  /** Meta's language code with an underscore: `fr`, `en_US`. */
  readonly language: string
  /** Default `AUTHENTICATION`. */
  readonly category?: TemplateCategory
  /** Default `APPROVED`. */
  readonly status?: TemplateStatus
  /** Body with `{{1}}` or `{{first_name}}`; that of an authentication template is fixed by Meta and ignored here. */
  readonly body?: string
  /** In place of `body`: header, body, footer and buttons as the API stores them. */
  readonly components?: readonly TemplateComponent[]
  /** Authentication templates: the footer says so. */
  readonly codeExpirationMinutes?: number
  /** Seconds a message may wait for its phone; -1 = 30 days; default: that of the category. */
  readonly messageSendTtlSeconds?: number
}

/** What its owner decides about a template. */
export type TemplateDefinition = {
  readonly name: string
  readonly language: string
  readonly category: TemplateCategory
  readonly components: readonly TemplateComponent[]
  /** Seconds; `null` = the default of the category, -1 = 30 days. */
  readonly messageSendTtlSeconds: number | null
}

/** A message template of the business, in one language. A change makes another object of it, with the same id. */
export type Template = TemplateDefinition & {
  /** Digits; also in the range of safe integers, as webhooks give it as a number. */
  readonly id: string
  readonly status: TemplateStatus
  readonly qualityScore: QualityScore
  /** `NONE`, or why Meta turned it down: `INCORRECT_CATEGORY`, ... */
  readonly rejectedReason: string
  /** How often low quality has paused it. */
  readonly pauses: number
  readonly shape: TemplateShape
}

/** Works out what sends need. */
export function defineTemplate(id: string, definition: TemplateDefinition, status: TemplateStatus): Template {
  const shape = shapeOf(definition.components)
  return { ...definition, id, status, qualityScore: 'UNKNOWN', rejectedReason: 'NONE', pauses: 0, shape }
}

/** The definition behind an option. */
export function definitionOf(simulated: SimulatedTemplate): TemplateDefinition {
  const { name, language, category = 'AUTHENTICATION', messageSendTtlSeconds = null } = simulated
  const components = simulated.components ?? componentsOf(simulated, category)
  return { name, language, category, components, messageSendTtlSeconds }
}

function componentsOf(
  simulated: SimulatedTemplate,
  category: TemplateCategory,
): readonly TemplateComponent[] {
  if (category !== 'AUTHENTICATION') return [{ type: 'BODY', text: simulated.body ?? '' }]
  const { language, codeExpirationMinutes } = simulated
  return codeTemplateComponents({
    language,
    codeExpirationMinutes,
    hasSecurityAdvice: true,
    otpType: 'COPY_CODE',
  })
}
