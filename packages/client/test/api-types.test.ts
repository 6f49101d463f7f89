import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { typesOf, type Document } from './types-of.ts'

const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8')
const document = JSON.parse(await read('../../../docs/openapi.json')) as Document

describe('the types of what the API takes and answers', () => {
  it('are those of the OpenAPI document; if not, `npm run openapi` renews them', async () => {
    await expect(typesOf(document)).toMatchFileSnapshot('../src/api-types.ts')
  })

  it('are those of apps only', () => {
    const types = typesOf(document)
    for (const name of ['AcceptedMessage', 'Message', 'MessageRequest', 'Problem', 'ProblemCode'])
      expect(types).toContain(`export type ${name} = `)
    expect(types).not.toContain('WhatsappStatus')
  })

  it('are written for all that the document uses of JSON Schema', () => {
    const schemas = {
      Order: {
        type: 'object',
        description: 'An order',
        required: ['id', 'state'],
        properties: {
          id: { type: 'string' },
          state: { $ref: '#/components/schemas/State' },
          parts: { type: 'array', items: { anyOf: [{ type: 'integer' }, { type: 'null' }] } },
          note: { type: ['string', 'null'], description: 'from people' },
          more: { type: 'object' },
        },
      },
      State: { type: 'string', enum: ['new', 'old'] },
      Other: { type: 'boolean' },
    }
    const operation = { security: [{ apiKey: [] }], responses: { $ref: '#/components/schemas/Order' } }
    const types = typesOf({ paths: { '/orders': { get: operation } }, components: { schemas } })
    expect(types.split('\n').slice(2)).toEqual([
      '/** An order */',
      'export type Order = {',
      '  id: string',
      '  state: State',
      '  parts?: (number | null)[]',
      '  /** from people */',
      '  note?: string | null',
      '  more?: Record<string, unknown>',
      '}',
      '',
      "export type State = 'new' | 'old'",
      '',
    ])
  })
})
