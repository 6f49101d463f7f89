/** The OpenAPI document: complete enough to generate from, and the same as the copy in `docs`. */
import { beforeAll, describe, expect, it } from 'vitest'
import { apiFixture } from './api-fixture.ts'

type Media = { schema?: { $ref?: string; allOf?: unknown[] }; examples?: Record<string, unknown> }
type Answer = { description: string; content?: Record<string, Media> }
type Operation = {
  operationId: string
  summary?: string
  tags?: string[]
  security?: Record<string, string[]>[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, Answer>
}
type Document = {
  openapi: string
  servers: { url: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, unknown> }
}

const { inject, accessTable } = apiFixture()
let text = ''
let document: Document
beforeAll(async () => {
  document = (await inject('/openapi.json')).json()
  text = `${JSON.stringify(document, undefined, 2)}\n`
})

const operations = () =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })),
  )

/** Each answer of each operation, with a name that says where it is. */
const answers = () =>
  operations().flatMap(({ method, path, responses }) =>
    Object.entries(responses).map(([status, answer]) => ({
      where: `${method} ${path} ${status}`,
      status: Number(status),
      ...answer,
    })),
  )

describe('the OpenAPI document', () => {
  it('is the one in docs/openapi.json; if not, `npm run openapi` renews it', async () => {
    await expect(text).toMatchFileSnapshot('../../../docs/openapi.json')
  })

  it('is of OpenAPI 3.1, and says where the API is: where the document was read', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(document.servers.map(({ url }) => url)).toEqual(['/'])
  })

  it('describes every route but the pages', async () => {
    const described = operations().map(({ method, path }) => `${method} ${path}`)
    const routes = (await accessTable())
      .filter(({ url, method }) => /^\/(api\/|livez|readyz)/.test(url) && method !== 'HEAD')
      .map(({ url, method }) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`)
    expect(described.toSorted()).toEqual(routes.toSorted())
  })

  it('has a name in camel case for each operation, and says what it is, for whom, and with what key', async () => {
    const access = new Map(
      (await accessTable()).map((row) => [
        `${row.method} ${row.url}`.replaceAll(/:(\w+)/g, '{$1}'),
        row.access,
      ]),
    )
    const schemes = { app: [{ apiKey: [] }], operator: [{ opsKey: [] }] }
    for (const { method, path, operationId, summary, tags, security } of operations()) {
      const where = `${method} ${path}`
      expect(operationId, where).toMatch(/^[a-z]+([A-Z][a-z]+)*$/)
      expect([where, summary, tags]).toEqual([where, expect.any(String), [expect.any(String)]])
      const taken = access.get(where)
      if (typeof taken === 'object') expect([where, security]).toEqual([where, schemes[taken.kind]])
    }
  })

  it('has a schema for each answer, and lists the codes of each that is a problem', () => {
    for (const { where, status, content, description } of answers()) {
      const [[type, media] = []] = Object.entries(content ?? {})
      expect([where, media?.schema]).toEqual([where, expect.anything()])
      const isHealth = media?.schema?.$ref === '#/components/schemas/Health'
      if (status < 400 || isHealth) continue
      const codes = { type: 'object', properties: { code: { type: 'string', enum: expect.any(Array) } } }
      expect([where, type, media?.schema]).toEqual([
        where,
        'application/problem+json',
        { allOf: [{ $ref: '#/components/schemas/Problem' }, codes] },
      ])
      expect([where, description]).toEqual([where, expect.stringMatching(/: `\w+`(, `\w+`)*$/)])
    }
  })

  it('has an answer for each way a login can fail, wherever a key is asked for', () => {
    for (const { method, path, security = [], responses } of operations()) {
      if (!security.some((scheme) => 'apiKey' in scheme || 'opsKey' in scheme)) continue
      expect([`${method} ${path}`, Object.keys(responses)]).toEqual([
        `${method} ${path}`,
        expect.arrayContaining(['401', '403', '429']),
      ])
    }
  })

  it('has an example of each operation: e2e/examples.test.ts makes them all', () => {
    const bare = operations().filter(({ responses, requestBody }) => {
      const media = Object.values(responses).flatMap(({ content = {} }) => Object.values(content))
      const [body] = Object.values(requestBody?.content ?? {})
      const isOptional = (requestBody as { required?: boolean } | undefined)?.required === false
      return !media.some(({ examples }) => examples) || (body && !isOptional && !body.examples)
    })
    expect(bare.map(({ method, path }) => `${method} ${path}`)).toEqual([])
  })

  it('has names for what comes more than once', () => {
    const names = ['Message', 'AcceptedMessage', 'MessageRequest', 'MessageStatus', 'Problem', 'ProblemCode']
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(names))
    expect(document.components.schemas['MessageRequest']).toMatchObject({
      discriminator: {
        propertyName: 'type',
        mapping: {
          otp: '#/components/schemas/OtpRequest',
          template: '#/components/schemas/TemplateRequest',
          text: '#/components/schemas/TextRequest',
        },
      },
    })
  })
})
