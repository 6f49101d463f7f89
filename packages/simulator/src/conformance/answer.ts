import { errorFaults } from './errors.ts'
import { operations, rowOf, type Operation } from './operations.ts'
import type { Headers } from './request.ts'
import { count, listOf, object, text } from './schema.ts'
import { parseJson, validator, type FindFaults } from './validate.ts'

/** An answer of the Graph API. */
export type GraphAnswer = {
  readonly statusCode: number
  readonly headers: Headers
  /** As it came. */
  readonly body: string
}

const findBodyFaults = Object.fromEntries(
  Object.keys(operations).map((name) => [name, validator(rowOf(name as Operation).answer, 'body')]),
) as Record<Operation, FindFaults>

/**
 * What is wrong with an answer, by Meta's documentation: headers, shape of a good answer, shape of an error and the HTTP
 * status that goes with its code. One line per fault, none = it conforms.
 */
export function answerFaults(operation: Operation, { statusCode, headers, body }: GraphAnswer): string[] {
  const parsed = parseJson(body, 'body')
  if ('fault' in parsed) return [...headerFaults(headers), parsed.fault]
  const row = rowOf(operation)
  if (statusCode !== 200)
    return [...headerFaults(headers), ...errorFaults(statusCode, parsed.value, row.isAboutTokens ?? false)]
  const faults = findBodyFaults[operation](parsed.value)
  // The finer rules read a body whose shape is right.
  return [
    ...headerFaults(headers),
    ...(faults.length > 0 ? faults : (row.answerFaults?.(parsed.value) ?? [])),
  ]
}

const shapes: readonly [string, RegExp][] = [
  ['content-type', /^application\/json; charset=UTF-8$/],
  ['facebook-api-version', /^v\d+\.\d+$/],
  ['x-fb-request-id', /^[\w-]{10,}$/],
  ['x-fb-trace-id', /^[\w-]{8,}$/],
  ['x-fb-rev', /^\d+$/],
]

function headerFaults(headers: Headers): string[] {
  const wrong = shapes.filter(([name, shape]) => !shape.test(String(headers[name] ?? '')))
  return [
    ...wrong.map(
      ([name]) => `the header ${name} is ${headers[name] === undefined ? 'missing' : 'malformed'}`,
    ),
    ...usageFaults(headers, 'x-app-usage', findAppUsageFaults),
    ...usageFaults(headers, 'x-business-use-case-usage', findBusinessUsageFaults),
  ]
}

/** Percentages; Meta counts above 100 too. */
const use = { call_count: count, total_time: count, total_cputime: count }
const findAppUsageFaults = validator(object(use), 'x-app-usage')
const businessUse = object({ type: text, ...use, estimated_time_to_regain_access: count })
const findBusinessUsageFaults = validator(
  {
    type: 'object',
    patternProperties: { '^[0-9]+$': listOf(businessUse, { min: 1 }) },
    additionalProperties: false,
  },
  'x-business-use-case-usage',
)

/** Usage headers are JSON; they come only after some load. */
function usageFaults(headers: Headers, name: string, findFaults: FindFaults): string[] {
  const value = headers[name]
  if (value === undefined) return []
  const parsed = parseJson(String(value), `the header ${name}`)
  return 'fault' in parsed ? [parsed.fault] : findFaults(parsed.value)
}
