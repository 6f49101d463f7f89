import { describe, expect, it } from 'vitest'
import { completeDocument } from './complete-document.ts'

const answer = (schema: object) => ({
  200: { description: 'OK', content: { 'application/json': { schema } } },
})
const at = (path: string, operation: object) => ({ paths: { [path]: { post: operation } } })

describe('a document is made complete', () => {
  it('names an operation after its path where the route names none', () => {
    const { paths } = completeDocument(at('/api/orders/{id}/check', { responses: answer({}) }))
    expect(paths).toMatchObject({ '/api/orders/{id}/check': { post: { operationId: 'postOrdersIdCheck' } } })
  })

  it('makes components of schemas with a title, wherever they stand, callbacks included', () => {
    const schema = () => ({ title: 'Order', type: 'object', properties: { title: { type: 'string' } } })
    const webhooks = { ordered: { post: { requestBody: { content: { x: { schema: schema() } } } } } }
    const document = completeDocument({ ...at('/orders', { responses: answer(schema()) }), webhooks })
    expect(document['components']).toEqual({
      schemas: { Order: { type: 'object', properties: { title: { type: 'string' } } } },
    })
    expect(JSON.stringify(document).match(/"\$ref":"#\/components\/schemas\/Order"/g)).toHaveLength(2)
  })

  it('refuses two schemas of one title, and two operations of one name', () => {
    const items = { type: 'array', items: [{ title: 'Order', type: 'string' }, { title: 'Order' }] }
    expect(() => completeDocument(at('/orders', { responses: answer(items) }))).toThrow(/called Order/)
    const operation = { operationId: 'order', responses: {} }
    const paths = { '/a': { get: operation }, '/b': { get: operation } }
    expect(() => completeDocument({ paths })).toThrow(/called order/)
  })

  it('shows examples with the request that leads to them', () => {
    const examples = {
      good: { summary: 'Good', body: { a: 1 }, status: 200, answer: { b: 2 } },
      other: { summary: 'Other', body: { a: 3 }, status: 409, answer: { b: 4 } },
    }
    const requestBody = { content: { 'application/json': { schema: {} } } }
    const { paths } = completeDocument(
      at('/orders', { 'x-examples': examples, requestBody, responses: answer({}) }),
    )
    expect(paths).toMatchObject({
      '/orders': {
        post: {
          requestBody: {
            content: { 'application/json': { examples: { good: { summary: 'Good', value: { a: 1 } } } } },
          },
          responses: {
            200: {
              content: {
                'application/json': {
                  examples: {
                    good: { summary: 'Good', value: { b: 2 }, 'x-request': { body: { a: 1 } } },
                  },
                },
              },
            },
          },
        },
      },
    })
  })
})
