/** Values: those a schema allows, those that nobody expects, and the former with one of the latter in it. */
import fc, { type Arbitrary } from 'fast-check'
import type { Schema } from './document.ts'

/** For the fields whose schemas do not say all of it: a number that can exist, and an address; and where events may go. */
const phone = fc.integer({ min: 0, max: 3999 }).map((n) => `+2217712${15_000 + n}`)

const address = fc.oneof(fc.ipV4(), fc.ipV6())

/** What the schema allows. */
export function valid(schema: Schema, name = ''): Arbitrary<unknown> {
  if (name === 'to') return phone
  if (name === 'sourceIp') return address
  if (name === 'url') return fc.constant('https://wallet.example.com/relais')
  const kinds = schema.oneOf ?? schema.anyOf
  if (kinds) return fc.oneof(...kinds.map((kind) => valid(kind, name)))
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  switch ([schema.type].flat()[0]) {
    case 'object': {
      const { properties = {}, required = [], maxProperties } = schema
      const fields = Object.entries(properties).map(([field, value]) => [field, valid(value, field)] as const)
      if (maxProperties === 1)
        return fc.oneof(...fields.map(([field, value]) => value.map((one) => ({ [field]: one }))))
      return fc.record(Object.fromEntries(fields) as Record<string, Arbitrary<unknown>>, {
        requiredKeys: required,
        noNullPrototype: true,
      })
    }
    case 'array': {
      const { items = {}, minItems = 0, maxItems = 5 } = schema
      return fc.array(valid(items), { minLength: minItems, maxLength: Math.min(maxItems, 5) })
    }
    case 'string':
      return text(schema)
    case 'integer':
      return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 1000 })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

function text({ pattern, minLength = 0, maxLength = 64 }: Schema): Arbitrary<string> {
  if (pattern === undefined) return fc.string({ minLength, maxLength: Math.min(maxLength, 64) })
  // Longer ones than these say nothing new.
  const bounded = pattern.replaceAll(/\{(\d+),(\d+)\}/g, (_all, from: string, to: string) =>
    Number(to) > 200 ? `{${from},${Math.max(Number(from), 60)}}` : `{${from},${to}}`,
  )
  return fc
    .stringMatching(new RegExp(bounded))
    .filter(({ length }) => length >= minLength && length <= maxLength)
}

/** Has no text: whoever makes one of it throws. */
const textless = { toString: 1, valueOf: 1 }

/** What nobody expects anywhere. */
export const odd: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    null,
    true,
    0,
    -1,
    1.5,
    1e21,
    Number.MAX_SAFE_INTEGER,
    '',
    ' ',
    '\0',
    'é',
    '０１２３４５',
    '٣٤٥٦',
    '\uD800',
    '\uDC00\uD800',
    '\u202E',
    '../../etc/passwd',
    '${7*7}',
    "' OR 1=1 --",
    '<script>alert(1)</script>',
    '\r\nX-Injected: 1',
    '__proto__',
    'otp',
    '+221771234567',
    '+1',
    [],
    {},
    [[]],
    [null],
    textless,
    [textless],
    { length: 3 },
    { constructor: { name: 'x' } },
    { $ref: '#' },
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.integer({ min: 10, max: 20_000 }).map((length) => 'x'.repeat(length)),
  fc.double(),
  fc.bigInt({ min: 0n, max: 10n ** 30n }).map(String),
  fc.date({ noInvalidDate: true }).map(String),
  fc.integer({ min: 1, max: 3000 }).map((length) => Array<string>(length).fill('')),
  fc.integer({ min: 1, max: 28 }).map((depth) => nested(depth)),
  fc.jsonValue({ maxDepth: 4 }),
)

function nested(depth: number): unknown {
  return depth === 0 ? 1 : depth % 2 === 0 ? [nested(depth - 1)] : { a: nested(depth - 1) }
}

type Place = { holder: Record<string, unknown> | unknown[]; key: string }

/** The value with one thing in it wrong: replaced, left out, or too much. */
export function mutated(value: Arbitrary<unknown>): Arbitrary<unknown> {
  const change = fc.constantFrom('replace', 'remove', 'add')
  return fc.tuple(value, change, fc.nat(), odd, fc.string({ maxLength: 10 })).map(mutate)
}

function mutate([value, change, nth, strange, name]: [unknown, string, number, unknown, string]): unknown {
  const root = { value: structuredClone(value) }
  const places = placesIn(root)
  const { holder, key } = places[nth % places.length] ?? { holder: root, key: 'value' }
  const at = holder as Record<string, unknown>
  if (change === 'remove' && holder !== root) {
    if (Array.isArray(holder)) holder.splice(Number(key), 1)
    else delete at[key]
  } else if (change === 'add' && typeof at[key] === 'object' && at[key] !== null) {
    define(at[key], name, strange)
  } else {
    define(at, key, strange)
  }
  return root.value
}

/** Also for names that are more than names. */
function define(holder: object, name: string, value: unknown): void {
  Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true })
}

function placesIn(holder: Record<string, unknown> | unknown[]): Place[] {
  return Object.entries(holder).flatMap(([key, value]) => [
    { holder, key },
    ...(typeof value === 'object' && value !== null ? placesIn(value as unknown[]) : []),
  ])
}
