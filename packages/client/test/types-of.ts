/** Writes the types of what apps ask and are answered, from the OpenAPI document. It knows as much of JSON Schema as the document uses. */

type Schema = {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  oneOf?: Schema[]
  anyOf?: Schema[]
  allOf?: Schema[]
  description?: string
}

export type Document = {
  paths: Record<string, Record<string, { security?: Record<string, unknown>[] }>>
  components: { schemas: Record<string, Schema> }
}

const HEAD = '// Made from docs/openapi.json by `npm run openapi`, not by hand.\n'

/** The named schemas that operations with an app's key lead to, a type each. */
export function typesOf({ paths, components: { schemas } }: Document): string {
  const found = new Set<string>()
  const follow = (node: unknown): void => {
    for (const [, name = ''] of JSON.stringify(node).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (found.has(name)) continue
      found.add(name)
      follow(schemas[name])
    }
  }
  for (const operation of Object.values(paths).flatMap((item) => Object.values(item))) {
    if (operation.security?.some((scheme) => 'apiKey' in scheme)) follow(operation)
  }
  const types = [...found].toSorted().map((name) => {
    const schema = schemas[name] ?? {}
    return `${comment(schema, '')}export type ${name} = ${typeOf(schema, '')}\n`
  })
  return [HEAD, ...types].join('\n')
}

function typeOf(schema: Schema, indent: string): string {
  const { $ref, type, items, properties, oneOf, anyOf, allOf } = schema
  if ($ref !== undefined) return $ref.split('/').at(-1) ?? ''
  if (schema.enum) return schema.enum.map((value) => literal(value)).join(' | ')
  const alternatives = oneOf ?? anyOf
  if (alternatives) return alternatives.map((each) => typeOf(each, indent)).join(' | ')
  if (allOf) return allOf.map((each) => typeOf(each, indent)).join(' & ')
  if (Array.isArray(type)) return type.map((each) => typeOf({ ...schema, type: each }, indent)).join(' | ')
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type
    case 'integer':
    case 'number':
      return 'number'
    case 'array': {
      const each = typeOf(items ?? {}, indent)
      return each.includes('|') ? `(${each})[]` : `${each}[]`
    }
    case 'object':
      return properties ? objectOf(schema, indent) : 'Record<string, unknown>'
    default:
      return 'unknown'
  }
}

function objectOf({ properties = {}, required = [] }: Schema, indent: string): string {
  const inner = `${indent}  `
  const fields = Object.entries(properties).map(([name, schema]) => {
    const mark = required.includes(name) ? '' : '?'
    return `${comment(schema, inner)}${inner}${name}${mark}: ${typeOf(schema, inner)}\n`
  })
  return `{\n${fields.join('')}${indent}}`
}

function comment({ description }: Schema, indent: string): string {
  return description === undefined ? '' : `${indent}/** ${description.replaceAll('*/', '* /')} */\n`
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value)
}
