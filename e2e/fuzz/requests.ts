/** Requests: such as the document describes, such with one thing wrong, and such as nobody means well. */
import fc, { type Arbitrary } from 'fast-check'
import { damaged, hostileBody } from './bodies.ts'
import type { Operation } from './document.ts'
import { oddEnd, oddHeaders, oddKey, oddMethod, oddPart, oddType } from './edges.ts'
import { mutated, valid } from './values.ts'

/** Whose key goes along. */
type Who = 'app' | 'other app' | 'operator' | 'operator on the page' | 'none' | 'odd'

export type FuzzRequest = {
  kind: 'valid' | 'near' | 'hostile'
  /** Absent for what the document does not describe. */
  operation?: Operation
  method: string
  /** `{id}` stands for a message that was accepted, `{name}` for the queue that may be paused, `{app}` for an app with a callback. */
  target: string
  headers: Record<string, string>
  who: Who
  oddKey: string
  body?: Buffer
  isChunked: boolean
  /** As Meta signs, for its webhook. */
  isSigned: boolean
}

const WEBHOOK = '/api/webhooks/whatsapp'
const HOOK = '/api/integrations/supabase/{app}'
const JSON_TYPE = 'application/json'

/** @param own what is ours and no document can tell: without it much would not be reached */
export function requestsOf(
  operations: readonly Operation[],
  own: { phoneNumberId: string; accessToken: string; verifyToken: string },
): Arbitrary<FuzzRequest> {
  const each = (requestOf: (operation: Operation) => Arbitrary<FuzzRequest>) =>
    fc.oneof(...operations.map(requestOf))
  return fc.oneof(
    { weight: 3, arbitrary: each((operation) => validRequest(operation, own)) },
    { weight: 4, arbitrary: each((operation) => nearRequest(operation, own)) },
    { weight: 4, arbitrary: each(hostileRequest) },
    { weight: 1, arbitrary: elsewhere },
  )
}

/** Nothing is wrong, and the key is the right one. */
export function validRequest(operation: Operation, own: Own): Arbitrary<FuzzRequest> {
  const { method, path, key } = operation
  return fc
    .record({
      body: bodyOf(operation, own),
      parameters: parametersOf(operation, own),
      isChunked: fc.boolean(),
    })
    .map(({ body, parameters, isChunked }) => ({
      kind: 'valid',
      operation,
      method,
      target: path + parameters.query,
      headers: { ...parameters.headers, ...(body !== undefined && { 'content-type': JSON_TYPE }) },
      who: key,
      oddKey: '',
      ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)) }),
      isChunked,
      isSigned: [WEBHOOK, HOOK].includes(path),
    }))
}

type Own = Parameters<typeof requestsOf>[1]

/** One thing is wrong: in the body, its bytes, its type, the path, a parameter, or with the key. */
function nearRequest(operation: Operation, own: Own): Arbitrary<FuzzRequest> {
  const whole = validRequest(operation, own)
  const badBody = bodyOf(operation, own).map((body) => body ?? {})
  return fc
    .oneof(
      {
        weight: 6,
        arbitrary: fc
          .tuple(whole, mutated(badBody))
          .map(([request, body]) => withBody(request, JSON.stringify(body) ?? '')),
      },
      {
        weight: 2,
        arbitrary: fc
          .tuple(whole, damaged(badBody.map((body) => Buffer.from(JSON.stringify(body)))))
          .map(([request, body]) => withBody(request, body)),
      },
      {
        weight: 2,
        arbitrary: fc.tuple(whole, oddHeaders).map(([request, headers]) => withHeaders(request, headers)),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(whole, who, oddKey)
          .map(([request, by, key]) => ({ ...request, who: by, oddKey: key })),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(whole, oddMethod).map(([request, method]) => ({ ...request, method })),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(whole, oddEnd)
          .map(([request, end]) => ({ ...request, target: request.target + end })),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(whole, fc.boolean()).map(([request, isSigned]) => ({ ...request, isSigned })),
      },
    )
    .map((request) => ({ ...request, kind: 'near' }))
}

/** Everything may be wrong at once. The key is right half of the time: what is behind it should be reached. */
function hostileRequest(operation: Operation): Arbitrary<FuzzRequest> {
  return fc
    .record({
      method: fc.oneof(
        { weight: 4, arbitrary: fc.constant(operation.method) },
        { weight: 1, arbitrary: oddMethod },
      ),
      end: fc.oneof({ weight: 4, arbitrary: fc.constant('') }, { weight: 1, arbitrary: oddEnd }),
      id: fc.oneof(fc.constant('{id}'), oddPart),
      headers: oddHeaders,
      type: fc.oneof({ weight: 4, arbitrary: fc.constant(JSON_TYPE) }, { weight: 1, arbitrary: oddType }),
      who: fc.oneof(fc.constant(operation.key), who),
      oddKey,
      body: hostileBody,
      isChunked: fc.boolean(),
      isSigned: fc.boolean(),
    })
    .map(({ end, id, type, headers, ...request }) => ({
      ...request,
      kind: 'hostile',
      operation,
      target: operation.path.replace('{id}', id) + end,
      headers: { 'content-type': type, ...headers },
    }))
}

const who: Arbitrary<Who> = fc.constantFrom(
  'app',
  'other app',
  'operator',
  'operator on the page',
  'none',
  'odd',
)

/** What is served and not in the document, and what is nowhere. */
const elsewhere: Arbitrary<FuzzRequest> = fc
  .record({
    method: fc.oneof(fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'PATCH'), oddMethod),
    target: fc.oneof(
      fc.constantFrom(
        '/',
        '*',
        '/docs',
        '/docs/',
        '/docs/json',
        '/docs/yaml',
        '/docs/static/index.html',
        '/docs/static/../../package.json',
        '/docs/static/%2e%2e%2fpackage.json',
        '/openapi.json',
        '/metrics',
        '/admin',
        '/admin/queues',
        '/admin/queues/',
        '/admin/queues/queue/messages',
        '/admin/queues/static/',
        '/admin/queues/static/%2e%2e/index.ejs',
        '/admin/queues/api/queues',
        '/admin/queues/api/queues?activeQueue=%',
        '/admin/queues/api/queues?activeQueue=messages&page=-1&jobsPerPage=1e9',
        '/admin/queues/api/queues?activeQueue=messages&status=__proto__',
        '/admin/queues/api/queues/messages/{id}',
        '/admin/queues/api/queues/messages/{id}/logs',
        '/admin/queues/api/queues/messages/{id}/flow?depth=99999&maxChildren=x',
        '/admin/queues/api/queues/__proto__/x',
        '/admin/queues/api/queues/messages/pause',
        '/admin/queues/api/queues/messages/{id}/retry',
        '/admin/queues/api/queues/messages/add',
        '/admin/queues/api/job-schedulers?queueName=%E0%A4%A',
        '/admin/queues/api/redis/stats',
      ),
      oddPart.map((part) => `/${part}`),
      oddPart.map((part) => `/admin/queues/api/queues/${part}`),
    ),
    headers: fc.oneof(oddHeaders, fc.constant({ 'sec-fetch-site': 'same-origin' })),
    who: fc.oneof(fc.constant<Who>('operator on the page'), who),
    oddKey: fc.constant(''),
    body: fc.oneof(fc.constant(Buffer.alloc(0)), hostileBody),
    isChunked: fc.boolean(),
  })
  .map((request) => ({ ...request, kind: 'hostile', isSigned: false }))

function bodyOf({ method, path, body }: Operation, own: Own): Arbitrary<unknown> {
  if (path === WEBHOOK && method === 'POST') return webhook(own)
  if (path.endsWith('update-whatsapp-token')) {
    return fc.oneof(fc.constant({ accessToken: own.accessToken }), valid(body ?? {}))
  }
  return body ? valid(body) : fc.constant(undefined)
}

/** What Meta sends, which the document leaves to Meta. */
function webhook({ phoneNumberId }: Own): Arbitrary<unknown> {
  const id = fc.constantFrom('{id}', 'wamid.1', 'wamid.2')
  const status = fc.record(
    {
      id,
      status: fc.constantFrom('sent', 'delivered', 'read', 'failed', 'played'),
      timestamp: fc.oneof(fc.constant(String(Math.floor(Date.now() / 1000))), fc.nat().map(String)),
      recipient_id: fc.constant('221771234567'),
      biz_opaque_callback_data: id,
      errors: fc.constant([{ code: 131026, title: 'Message undeliverable' }]),
    },
    { requiredKeys: ['id', 'status', 'timestamp'], noNullPrototype: true },
  )
  const report = fc.constant({ button: { payload: 'DID_NOT_REQUEST_CODE' }, context: { id: 'wamid.1' } })
  const messages = fc.record({
    field: fc.constant('messages'),
    value: fc.record({
      metadata: fc.constantFrom({ phone_number_id: phoneNumberId }, { phone_number_id: '1' }),
      statuses: fc.array(status, { maxLength: 6 }),
      messages: fc.array(report, { maxLength: 1 }),
    }),
  })
  // Of another account: nothing that these say may stop the sending of the run.
  const notice = fc.record({
    field: fc.constantFrom(
      'account_alerts',
      'phone_number_quality_update',
      'message_template_quality_update',
    ),
    value: fc.record({
      event: fc.constantFrom('FLAGGED', 'THROUGHPUT_UPGRADE'),
      message_template_name: fc.constant('another'),
      message_template_language: fc.constantFrom('fr', 'en-US'),
      alert_info: fc.constant({ alert_type: 'x' }),
    }),
  })
  const entry = fc.record({
    id: fc.constant('1'),
    changes: fc.array(fc.oneof(messages, notice), { maxLength: 3 }),
  })
  return fc.record({
    object: fc.constant('whatsapp_business_account'),
    entry: fc.array(entry, { maxLength: 2 }),
  })
}

/** Query and headers that the document names, each there or not. */
function parametersOf(
  { parameters, path }: Operation,
  own: Own,
): Arbitrary<{ query: string; headers: Record<string, string> }> {
  const of = (where: string): Arbitrary<Record<string, string>> => {
    const named = parameters.filter((parameter) => parameter.in === where)
    const values = named.map(({ name, schema }) => [name, valid(schema).map(String)])
    const fields = Object.fromEntries(values) as Record<string, Arbitrary<string>>
    return fc
      .record(fields, { requiredKeys: [], noNullPrototype: true })
      .map((some) => ({ ...some }) as never)
  }
  const isMeta = {
    'hub.mode': 'subscribe',
    'hub.challenge': '1158201444',
    'hub.verify_token': own.verifyToken,
  }
  const query = path === WEBHOOK ? fc.oneof(of('query'), fc.constant(isMeta)) : of('query')
  return fc.record({ query, headers: of('header') }).map(({ query, headers }) => ({
    query: Object.keys(query).length > 0 ? `?${new URLSearchParams(query).toString()}` : '',
    headers,
  }))
}

function withBody(request: FuzzRequest, body: string | Buffer): FuzzRequest {
  return withHeaders({ ...request, body: Buffer.from(body) }, { 'content-type': JSON_TYPE })
}

function withHeaders(request: FuzzRequest, headers: Record<string, string>): FuzzRequest {
  return { ...request, headers: { ...request.headers, ...headers } }
}
