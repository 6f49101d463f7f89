/** A JSON Schema (2020-12 vocabulary that ajv's strict mode takes). */
export type JsonSchema = Readonly<Record<string, unknown>>

type Fields = Readonly<Record<string, JsonSchema>>

/** An object with these fields and no others: a field that neither source knows is a fault. */
export function object(required: Fields, optional: Fields = {}): JsonSchema {
  return {
    type: 'object',
    additionalProperties: false,
    required: Object.keys(required),
    properties: { ...required, ...optional },
  }
}

/** An object of which nothing is fixed. */
export const anyObject: JsonSchema = { type: 'object' }

export const text: JsonSchema = { type: 'string', minLength: 1 }
export const anyText: JsonSchema = { type: 'string' }
export const flag: JsonSchema = { type: 'boolean' }
export const count: JsonSchema = { type: 'integer', minimum: 0 }

/** Objects told apart by one of their fields. */
export function variants(field: string, shapes: readonly JsonSchema[]): JsonSchema {
  return { type: 'object', discriminator: { propertyName: field }, oneOf: shapes }
}

/** Strings of at most `maxLength` characters. */
export function shortText(maxLength: number): JsonSchema {
  return { type: 'string', minLength: 1, maxLength }
}

export function matching(pattern: string): JsonSchema {
  return { type: 'string', pattern }
}

export function oneOf(...values: readonly string[]): JsonSchema {
  return { type: 'string', enum: values }
}

/** One of several words, written with spaces between them. */
export function words(list: string): JsonSchema {
  return oneOf(...list.split(' '))
}

export function listOf(items: JsonSchema, limits: { min?: number; max?: number } = {}): JsonSchema {
  const { min, max } = limits
  return {
    type: 'array',
    items,
    ...(min === undefined ? {} : { minItems: min }),
    ...(max === undefined ? {} : { maxItems: max }),
  }
}

/** The id of a node: digits, as text. */
export const nodeId = matching('^[0-9]+$')
/** The id of a message. */
export const messageId = { ...matching('^wamid\\.[A-Za-z0-9+/_-]+={0,2}$'), maxLength: 512 }
/** A number as WhatsApp writes it: digits without `+`. */
export const waId = matching('^[1-9][0-9]{5,14}$')
/** A business-scoped user id: a country and digits. */
export const userId = matching('^[A-Z]{2}\\.[0-9]+$')
/** Unix seconds, written as text. */
export const secondsAsText = matching('^[0-9]{1,10}$')
/** The language of a template: `fr`, `en_US`. */
export const language = matching('^[a-z]{2,3}(_[A-Z]{2,3})?$')
export const templateName = { ...matching('^[a-z0-9_]+$'), maxLength: 512 }
