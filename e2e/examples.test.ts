/**
 * Every example of the OpenAPI document, made for real: the requests of apps with a test key, those of operators against the whole system. What is
 * answered must be what the document shows, but for what differs each time.
 */
import { createHmac, randomUUID } from 'node:crypto'
import { eventually } from '@relais/testing'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { Webhook } from 'standardwebhooks'
import { beforeAll, describe, expect, it } from 'vitest'
import { runTool } from './operator-tool.ts'
import { sharedSystem } from './system.ts'

type Request = {
  after?: { operation: string; example: string; until?: string }
  params?: Record<string, string>
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: unknown
  varies?: true
}
type Shown = { value: unknown; 'x-request'?: Request }
type Media = { schema: object; examples?: Record<string, Shown> }
type Described = {
  operationId: string
  security?: Record<string, unknown>[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, { content?: Record<string, Media> }>
}

/** What the document says of one example: how to ask, and what is answered. */
type Example = {
  name: string
  operation: string
  method: string
  path: string
  scheme: string | undefined
  request: Request
  status: number
  value: unknown
  schema: object
}

/** Those of the document. */
const ACCESS_TOKEN = 'EAAexampleOfAnAccessToken'
const VERIFY_TOKEN = 'example-verify-token'

/** An id of the right form that nothing has. */
const NOTHING = 'msg_AAAAAAAAAAAAAAAAAAAAAA'

const shared = sharedSystem({
  env: {
    WHATSAPP_ACCESS_TOKEN: ACCESS_TOKEN,
    WHATSAPP_WEBHOOK_VERIFY_TOKEN: VERIFY_TOKEN,
  },
  simulator: { accessToken: ACCESS_TOKEN },
})

let examples: Example[] = []
let bodies: { operation: string; name: string; value: unknown }[] = []
let testKey = ''
let ajv: Ajv2020

beforeAll(async () => {
  const { apiUrl, env } = shared()
  const made = await runTool(['keys', 'create', 'wallet', '--mode', 'test', '--json'], env)
  testKey = (JSON.parse(made.output) as { key: string }).key
  const answer = await fetch(`${apiUrl}/openapi.json`)
  const document = (await answer.json()) as {
    paths: Record<string, Record<string, Described>>
    components: object
  }
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, described]) => ({ path, method: method.toUpperCase(), ...described })),
  )
  examples = operations.flatMap(examplesOf)
  bodies = operations.flatMap(({ operationId: operation, requestBody }) =>
    Object.values(requestBody?.content ?? {}).flatMap(({ examples: shown = {} }) =>
      Object.entries(shown).map(([name, { value }]) => ({ operation, name, value })),
    ),
  )
  ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ $id: 'openapi', components: document.components })
})

function examplesOf(operation: Described & { path: string; method: string }): Example[] {
  const { operationId, path, method, security = [], responses } = operation
  const [scheme] = security.flatMap((each) => Object.keys(each))
  return Object.entries(responses).flatMap(([status, { content = {} }]) =>
    Object.values(content).flatMap(({ schema, examples: shown = {} }) =>
      Object.entries(shown).map(([name, { value, 'x-request': request = {} }]) => {
        const what = { name, operation: operationId, method, path, scheme }
        return { ...what, request, status: Number(status), value, schema }
      }),
    ),
  )
}

describe('the examples of the OpenAPI document', { timeout: 120_000 }, () => {
  it('are answered as they say', async () => {
    expect(examples.length).toBeGreaterThan(20)
    const wrong: unknown[] = []
    for (const example of examples) {
      const { operation, name, status, value, request } = example
      const { scheme } = example
      const id = request.after ? await comeTo(request.after, keyFor(scheme)) : NOTHING
      const answer = await ask(example, id)
      const what = `${operation} ${name}`
      if (answer.status !== status) wrong.push([what, answer])
      else if (!request.varies && formOf(answer.body) !== formOf(value)) {
        wrong.push([what, formOf(answer.body), formOf(value)])
      }
      wrong.push(...faultsOf(answer.body, example.schema).map((fault) => [what, fault]))
    }
    expect(wrong).toEqual([])
  })

  it('show no body that is not among the requests that were made', () => {
    const made = examples.map(({ operation, name, request: { body } }) =>
      JSON.stringify([operation, name, body]),
    )
    const shown = bodies.map(({ operation, name, value }) => JSON.stringify([operation, name, value]))
    expect(shown.filter((each) => !made.includes(each))).toEqual([])
  })
})

/** Makes what is requested before, waits until its message is where it should be, and gives its id. */
async function comeTo(after: NonNullable<Request['after']>, key: string | undefined): Promise<string> {
  const first = examples.find(
    ({ operation, name }) => operation === after.operation && name === after.example,
  )
  if (!first) throw new Error(`there is no example ${after.example} of ${after.operation}`)
  const { body } = await ask(first, NOTHING, key)
  const { id } = body as { id: string }
  const { until } = after
  if (until === undefined) return id
  await eventually(
    async () =>
      (await shared().call('GET', `/api/messages/${id}`, key ?? '')).json() as Promise<{ status: string }>,
    ({ status }) => status === until,
    { timeoutMs: 20_000, everyMs: 50, what: `message ${id} in ${until}` },
  )
  return id
}

/** Operators see what really went out: nothing of a test key is among it. */
function keyFor(scheme: string | undefined): string {
  return scheme === 'opsKey' ? shared().secrets.apiKey : testKey
}

/** @param key instead of a test key, or the operator's */
async function ask(example: Example, id: string, key?: string): Promise<{ status: number; body: unknown }> {
  const { apiUrl } = shared()
  const { method, path, scheme, request } = example
  const query = request.query ? `?${new URLSearchParams(request.query).toString()}` : ''
  const body = request.body === undefined ? undefined : JSON.stringify(request.body)
  const values: Record<string, string> = { id, ...request.params }
  const target = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => values[name] ?? '')
  const answer = await fetch(apiUrl + target + query, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...loginOf(scheme, body ?? '', key ?? testKey),
      ...request.headers,
    },
    ...(body !== undefined && { body }),
  })
  const text = await answer.text()
  const isJson = answer.headers.get('content-type')?.includes('json')
  return { status: answer.status, body: isJson ? (JSON.parse(text) as unknown) : text }
}

/** The headers by which a request of this scheme is believed. */
function loginOf(scheme: string | undefined, body: string, appKey: string): Record<string, string> {
  const { secrets } = shared()
  switch (scheme) {
    case 'apiKey':
      return { authorization: `Bearer ${appKey}` }
    case 'opsKey':
      return { authorization: `Bearer ${secrets.opsKey}` }
    case 'metaSignature':
      return { 'x-hub-signature-256': signatureOf(body, secrets.appSecret) }
    case 'webhookSignature': {
      const [id, at] = [randomUUID(), new Date()]
      return {
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': new Webhook(secrets.hookSecret).sign(id, at, body),
      }
    }
    default:
      return {}
  }
}

function signatureOf(body: string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
}

function faultsOf(body: unknown, schema: object): string[] {
  const inPlace = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/')) as object
  const validate = ajv.compile(inPlace)
  return validate(body)
    ? []
    : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`)
}

/** With ids and times by their form, and fields in one order. */
function formOf(value: unknown): string {
  const text = JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  )
  return text.replaceAll(/(?:msg|ver)_[\w-]{22}/g, '[id]').replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '[time]')
}
