/**
 * Makes of the document that was derived from the routes one that code can be generated from: every schema with a title is a component, every
 * operation has an id, every answer its examples. Nothing here knows a route; what a new one says is taken up like the rest.
 */
import type { Examples } from './documented.ts'

type Json = Record<string, unknown>

/** Where `plugins/openapi.ts` leaves the examples of an operation. */
export const EXAMPLES = 'x-examples'

const METHODS = ['get', 'put', 'post', 'delete', 'patch']

/** Beside them values stand in a schema, and no schemas. */
const VALUES = ['examples', 'enum', 'const', 'default']

/**
 * Throws where two schemas that differ have one title, or two operations one id.
 *
 * @param document as it was derived, with each schema in its place
 */
export function completeDocument(document: Json): Json {
  const schemas: Record<string, Json> = {}
  const { paths, webhooks, components, ...rest } = document
  const complete = Object.fromEntries(
    Object.entries(hoist(paths, schemas) as Record<string, Json>).map(([path, item]) => [
      path,
      completeOperations(path, item),
    ]),
  )
  requireUniqueIds(Object.values(complete))
  return {
    ...rest,
    servers: [{ url: '/', description: 'where this document was read' }],
    paths: complete,
    ...(webhooks !== undefined && { webhooks: hoist(webhooks, schemas) }),
    components: { ...(components as Json), schemas: sorted(nameAlternatives(schemas)) },
  }
}

/** A copy in which a schema with a title is a reference, and stands in `schemas`. */
function hoist(node: unknown, schemas: Record<string, Json>): unknown {
  if (Array.isArray(node)) return node.map((item) => hoist(item, schemas))
  if (!isObject(node)) return node
  const { title, ...copy } = Object.fromEntries(
    Object.entries(node).map(([name, value]) => [
      name,
      name === EXAMPLES || (VALUES.includes(name) && !isObject(value)) ? value : hoist(value, schemas),
    ]),
  )
  const isOfTexts = Array.isArray(copy['enum']) && copy['enum'].every((value) => typeof value === 'string')
  const schema = isOfTexts ? { type: 'string', ...copy } : copy
  if (typeof title !== 'string') return title === undefined ? schema : { title, ...schema }
  const known = schemas[title]
  if (known && JSON.stringify(known) !== JSON.stringify(schema)) {
    throw new TypeError(`two schemas that differ are called ${title}`)
  }
  schemas[title] = schema
  return { $ref: `#/components/schemas/${title}` }
}

/** Generators find the kind that is meant by the value of one field: here it is said which value means which. */
function nameAlternatives(schemas: Record<string, Json>): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(schemas).map(([title, schema]) => {
      const { discriminator, oneOf } = schema as {
        discriminator?: { propertyName: string }
        oneOf?: { $ref: string }[]
      }
      if (!discriminator || !oneOf) return [title, schema]
      const valueIn = (ref: string) => {
        const { properties } = schemas[ref.split('/').at(-1) ?? ''] as {
          properties: Record<string, { enum?: string[] }>
        }
        return properties[discriminator.propertyName]?.enum?.[0] ?? ''
      }
      const mapping = Object.fromEntries(oneOf.map(({ $ref }) => [valueIn($ref), $ref]))
      return [title, { ...schema, discriminator: { ...discriminator, mapping } }]
    }),
  )
}

function completeOperations(path: string, item: Json): Json {
  return Object.fromEntries(
    Object.entries(item).map(([method, operation]) => [
      method,
      METHODS.includes(method) ? completeOperation(`${method} ${path}`, operation as Json) : operation,
    ]),
  )
}

function completeOperation(where: string, operation: Json): Json {
  const { [EXAMPLES]: examples = {}, requestBody, responses, operationId, ...rest } = operation
  const named = Object.entries(examples as Examples)
  const requests = named.filter(([, { body, status }]) => body !== undefined && status < 300)
  const ofRequests = requests.map(([name, { summary, body }]) => [name, { summary, value: body }] as const)
  const ofAnswers = (status: string) =>
    named
      .filter(([, example]) => String(example.status) === status)
      .map(([name, { summary, answer, status: _status, ...request }]) => {
        return [name, { summary, value: answer, ...(some(request) && { 'x-request': request }) }] as const
      })
  return {
    operationId: operationId ?? idOf(where),
    ...rest,
    ...(requestBody !== undefined && { requestBody: completeBody(requestBody as Json, ofRequests) }),
    responses: Object.fromEntries(
      Object.entries(responses as Record<string, Json>).map(([status, answer]) => [
        status,
        withExamples(answer, ofAnswers(status)),
      ]),
    ),
  }
}

/** A body that may be absent says so by its type. */
function completeBody(body: Json, examples: readonly (readonly [string, Json])[]): Json {
  const [{ schema }] = Object.values(body['content'] as Json) as [{ schema: Json & { anyOf?: Json[] } }]
  const isOptional = [schema, ...(schema.anyOf ?? [])].some(({ type }) => [type].flat().includes('null'))
  return withExamples(isOptional ? { ...body, required: false } : body, examples)
}

function withExamples(part: Json, examples: readonly (readonly [string, Json])[]): Json {
  const [[type, content] = []] = Object.entries((part['content'] ?? {}) as Record<string, Json>)
  if (type === undefined || examples.length === 0) return part
  return { ...part, content: { [type]: { ...content, examples: Object.fromEntries(examples) } } }
}

/** For a route without one: `post /api/orders/{id}/check` is `postOrdersIdCheck`. */
function idOf(where: string): string {
  const words = where.replace('/api/', '/').match(/\w+/g) ?? []
  return words.map((word, i) => (i === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1))).join('')
}

function requireUniqueIds(items: readonly Json[]): void {
  const ids = items.flatMap((item) =>
    Object.values(item).flatMap((each) => {
      const id = isObject(each) ? each['operationId'] : undefined
      return typeof id === 'string' ? id : []
    }),
  )
  const twice = ids.find((id, i) => ids.indexOf(id) !== i)
  if (twice !== undefined) throw new TypeError(`two operations are called ${twice}`)
}

function sorted(schemas: Record<string, Json>): Record<string, Json> {
  return Object.fromEntries(Object.entries(schemas).sort(([one], [other]) => (one < other ? -1 : 1)))
}

function some(value: Json): boolean {
  return Object.keys(value).length > 0
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
