import { readCodeComponents } from './code-components.ts'
import { readOrdinaryComponents } from './ordinary-components.ts'
import { textOf } from './call.ts'
import { badParameter, type Checked } from './reply.ts'
import { isObject, unknownKey } from './send-body.ts'
import { checkTtl } from './template-ttl.ts'
import { templateLanguages } from '../world/languages.ts'
import { templateCategories, type TemplateCategory, type TemplateDefinition } from '../world/template.ts'
import type { TemplateComponent } from '../world/template-shape.ts'

type Json = Readonly<Record<string, unknown>>

const keys = [
  'name',
  'language',
  'category',
  'components',
  'message_send_ttl_seconds',
  'parameter_format',
  'allow_category_change',
]

/** Reads the body of `POST /{waba_id}/message_templates`. */
export function readDefinition(body: Json): Checked<TemplateDefinition> {
  const stranger = unknownKey(body, keys)
  if (stranger !== undefined) return refused(`Unexpected key "${stranger}" on param $body`)
  const { name, language, category, components, message_send_ttl_seconds: ttl } = body
  if (typeof name !== 'string' || !/^[a-z0-9_]{1,512}$/.test(name))
    return refused('Param name must be 1 to 512 lower-case letters, digits and underscores')
  if (typeof language !== 'string' || !templateLanguages.has(language))
    return refused(`Param language must be a supported language`)
  if (!isCategory(category))
    return refused(`Param category must be one of {${templateCategories.join(', ')}}`)
  if (!['POSITIONAL', 'NAMED', undefined].includes(body['parameter_format'] as string | undefined))
    return refused('Param parameter_format must be one of {POSITIONAL, NAMED}')
  const refusal = checkTtl(ttl, category)
  if (refusal !== undefined) return { refusal }
  const stored = readComponents(components, category, language)
  if (stored.refusal !== undefined) return stored
  const messageSendTtlSeconds = typeof ttl === 'number' ? ttl : null
  return { value: { name, language, category, components: stored.value, messageSendTtlSeconds } }
}

/** Reads `components` of a new or edited template; answers them as they are stored. */
export function readComponents(
  components: unknown,
  category: TemplateCategory,
  language: string,
): Checked<readonly TemplateComponent[]> {
  if (!Array.isArray(components) || !components.every(isObject))
    return refused('Param components must be an array of objects')
  const upper = components.map((component) => ({
    ...component,
    type: textOf(component['type'])?.toUpperCase(),
  }))
  return category === 'AUTHENTICATION' ? readCodeComponents(upper, language) : readOrdinaryComponents(upper)
}

/** Whether a value names a category of templates. */
export function isCategory(value: unknown): value is TemplateCategory {
  return templateCategories.some((category) => category === value)
}

function refused(what: string) {
  return { refusal: badParameter(what) }
}
