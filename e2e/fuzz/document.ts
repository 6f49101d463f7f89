/** The OpenAPI document, as far as requests are made from it and answers compared with it. */

export type Schema = {
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  maxProperties?: number
  items?: Schema
  minItems?: number
  maxItems?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  minimum?: number
  maximum?: number
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
}

type Content = Record<string, { schema: Schema }>
type Parameter = { name: string; in: 'path' | 'query' | 'header'; required?: boolean; schema: Schema }

export type Operation = {
  method: string
  path: string
  parameters: Parameter[]
  body?: Schema
  key: 'app' | 'operator' | 'none'
  /** By status: what an answer holds, if it says. */
  answers: Map<number, Schema | undefined>
}

type Described = {
  parameters?: Parameter[]
  requestBody?: { content: Content }
  security?: Record<string, unknown>[]
  responses: Record<string, { content?: Content }>
}

type Document = {
  paths: Record<string, Record<string, Described>>
  components: { schemas: Record<string, unknown> }
}

export async function readOperations(baseUrl: string): Promise<Operation[]> {
  const answer = await fetch(`${baseUrl}/openapi.json`)
  const document = (await answer.json()) as Document
  const paths = inPlace(document.paths, document) as Document['paths']
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, described]) => {
      const body = described.requestBody?.content['application/json']?.schema
      return {
        method: method.toUpperCase(),
        path,
        parameters: described.parameters ?? [],
        ...(body && { body }),
        key: keyOf(described),
        answers: new Map(
          Object.entries(described.responses).map(([status, { content = {} }]) => [
            Number(status),
            Object.values(content)[0]?.schema,
          ]),
        ),
      }
    }),
  )
}

/** A copy with each schema in its place, instead of a reference to it. */
function inPlace(node: unknown, document: Document): unknown {
  if (Array.isArray(node)) return node.map((item) => inPlace(item, document))
  if (typeof node !== 'object' || node === null) return node
  const { $ref } = node as { $ref?: unknown }
  if (typeof $ref === 'string') {
    return inPlace(document.components.schemas[$ref.split('/').at(-1) ?? ''], document)
  }
  return Object.fromEntries(Object.entries(node).map(([name, value]) => [name, inPlace(value, document)]))
}

function keyOf({ security = [] }: Described): Operation['key'] {
  const [scheme] = security.flatMap((required) => Object.keys(required))
  switch (scheme) {
    case 'apiKey':
      return 'app'
    case 'opsKey':
      return 'operator'
    default:
      return 'none'
  }
}
