import { Ajv, type ErrorObject } from 'ajv'
import type { JsonSchema } from './schema.ts'

const ajv = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true, discriminator: true })

/** What is wrong with a value: one line per fault, each with its place. Never the value of a string. */
export type FindFaults = (value: unknown) => string[]

/** Compiles a schema. `where` is what the faults call the value: `body`, `query`. */
export function validator(schema: JsonSchema, where: string): FindFaults {
  const validate = ajv.compile(schema)
  return (value) => {
    if (validate(value)) return []
    const faults = (validate.errors ?? []).filter(isNews).map((error) => sentenceOf(error, where))
    return [...new Set(faults)]
  }
}

/** That some branch failed says nothing beside the fault inside the branch. */
function isNews({ keyword }: ErrorObject): boolean {
  return keyword !== 'if'
}

function sentenceOf(error: ErrorObject, where: string): string {
  const place = where + error.instancePath
  const { additionalProperty, missingProperty, allowedValues, allowedValue, pattern, tag, tagValue } =
    error.params as Record<string, unknown>
  switch (error.keyword) {
    case 'additionalProperties':
      return `${place}/${String(additionalProperty)} is not a known field`
    case 'required':
      return `${place}/${String(missingProperty)} is missing`
    case 'enum':
      return `${place} must be one of ${(allowedValues as unknown[]).map(String).join(', ')}`
    case 'const':
      return `${place} must be ${JSON.stringify(allowedValue)}`
    case 'discriminator':
      return tagValue === undefined
        ? `${place}/${String(tag)} is missing`
        : `${place}/${String(tag)} is not one of those known`
    case 'pattern':
      return `${place} must match ${String(pattern)}`
    default:
      return `${place} ${error.message ?? 'is not as documented'}`
  }
}

/** The JSON in a text, or the fault that there is none. */
export function parseJson(text: string, where: string): { value: unknown } | { fault: string } {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return { fault: `${where} is not JSON` }
  }
}
