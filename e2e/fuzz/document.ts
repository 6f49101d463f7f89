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

export async function readOperations(baseUrl: string): Promise<Operation[]> {
  const answer = await fetch(`${baseUrl}/openapi.json`)
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, Described>> }
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

function keyOf({ security = [] }: Described): Operation['key'] {
  const [scheme] = security.flatMap((required) => Object.keys(required))
  if (scheme === undefined) return 'none'
  return scheme === 'apiKey' ? 'app' : 'operator'
}
