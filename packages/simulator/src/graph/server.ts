import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { BusinessObjects } from './business-objects.ts'
import type { CallKind, CallLog } from './call-log.ts'
import { answerUnder, type Fault, type Faults } from './faults.ts'
import { accessTokenOf, type GraphCall } from './call.ts'
import { refuse, traceId, type GraphReply } from './reply.ts'
import type { OAuth } from './oauth.ts'
import { peekSendBody } from './send-body.ts'
import { drawDelay, type Delay, type Timers } from '../world/timing.ts'

type Handle = (call: GraphCall) => GraphReply

const versions = ['v21.0', 'v22.0', 'v23.0', 'v24.0', 'v25.0', 'v26.0']
const newestVersion = 'v26.0'
/** Calls that count against the hourly limit of the business. */
const managementKinds: readonly CallKind[] = [
  'phone_number',
  'business',
  'message_templates',
  'phone_numbers',
]

/**
 * The Graph port. Every call is decided the moment it has arrived, written down, and answered after its delay: a
 * client that hangs up early changes nothing about what happened.
 */
export function createGraphServer(deps: {
  sendMessage: Handle
  oauth: OAuth
  objects: BusinessObjects
  faults: Faults
  calls: CallLog
  timers: Timers
  answerDelay: Delay
  random: () => number
  businessId: string
  now: () => number
}): FastifyInstance {
  const app = Fastify({
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    // Malformed paths never reach a route.
    frameworkErrors: (_error, request, reply) => void write(reply, unknownPath(request.url), newestVersion),
  })
  app.removeAllContentTypeParsers()
  // Bodies are read by the call itself: Meta checks the caller before it looks at them.
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))

  const { oauth, objects } = deps
  const add = (method: 'GET' | 'POST', url: string, kind: CallKind, handle: Handle) =>
    app.route({ method, url, handler: (request, reply) => answer(kind, handle, request, reply) })

  add('POST', '/:version/:node/messages', 'send', deps.sendMessage)
  app.get('/:version/oauth/access_token', (request, reply) => {
    const isApp = queryOf(request)['grant_type'] === 'client_credentials'
    return answer(isApp ? 'app_token' : 'exchange', isApp ? oauth.appCredentials : exchange, request, reply)
  })
  add('GET', '/:version/debug_token', 'debug_token', oauth.debugToken)
  add('GET', '/:version/oauth/revoke', 'revoke', oauth.revoke)
  add('POST', '/:version/:node/access_tokens', 'issue_token', oauth.issueToken)
  add('GET', '/:version/:node/message_templates', 'message_templates', objects.messageTemplates)
  add('GET', '/:version/:node/phone_numbers', 'phone_numbers', objects.phoneNumbers)
  app.get('/:version/:node', (request, reply) => {
    const isBusiness = paramsOf(request).node === deps.businessId
    return answer(isBusiness ? 'business' : 'phone_number', objects.node, request, reply)
  })
  app.setNotFoundHandler((request, reply) =>
    answer('unknown', () => unknownPath(request.url), request, reply),
  )
  app.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
    const isCallers = (error.statusCode ?? 500) < 500
    return write(
      reply,
      refuse(isCallers ? { graphCode: 100 } : { graphCode: 1, statusCode: 500 }),
      newestVersion,
    )
  })
  return app

  function exchange(call: GraphCall): GraphReply {
    if (call.query['grant_type'] === 'fb_exchange_token') return oauth.exchange(call)
    return refuse({ graphCode: 100, sentence: '(#100) The parameter grant_type is not supported' })
  }

  async function answer(kind: CallKind, handle: Handle, request: FastifyRequest, reply: FastifyReply) {
    const call = readCall(kind, request)
    const isKnown = kind === 'unknown' || versions.includes(call.version)
    const graphReply = isKnown ? decide(call, handle) : unknownPath(request.url)
    if (!isKnown) record(call, graphReply)
    await deps.timers.wait(graphReply.delayMs ?? drawDelay(deps.answerDelay, deps.random))
    if (graphReply.statusCode === null) return reset(request, reply)
    if (managementKinds.includes(kind)) reply.header('x-business-use-case-usage', usage(deps.businessId))
    return write(reply, graphReply, call.version)
  }

  function decide(call: GraphCall, handle: Handle): GraphReply {
    const peek = call.kind === 'send' ? peekSendBody(call.rawBody) : {}
    const fault = deps.faults.take({ kind: call.kind, ...peek })
    const graphReply = answerUnder(fault, deps.now(), () => handle(call))
    record(call, graphReply, fault)
    return graphReply
  }

  function record(call: GraphCall, graphReply: GraphReply, fault?: Fault): void {
    const { statusCode, graphCode, graphSubcode, messageId } = graphReply
    deps.calls.push({
      at: deps.now(),
      kind: call.kind,
      statusCode,
      ...defined({ graphCode, graphSubcode, messageId, fault: fault?.kind }),
      ...(call.kind === 'send' ? peekSendBody(call.rawBody) : {}),
    })
  }
}

function readCall(kind: CallKind, request: FastifyRequest): GraphCall {
  const { version = newestVersion, node = '' } = paramsOf(request)
  const query = queryOf(request)
  const accessToken = accessTokenOf(request.headers.authorization, query)
  const rawBody = typeof request.body === 'string' ? request.body : ''
  return { kind, version, node, query, rawBody, ...defined({ accessToken }) }
}

function paramsOf(request: FastifyRequest): { version?: string; node?: string } {
  return request.params as { version?: string; node?: string }
}

/** A parameter given twice counts once: the last. */
function queryOf(request: FastifyRequest): Record<string, string> {
  const query = request.query as Record<string, string | string[]>
  const last = (value: string | string[]) => (Array.isArray(value) ? (value.at(-1) ?? '') : value)
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [name, last(value)]))
}

function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

function unknownPath(url: string): GraphReply {
  const path = url.split('?')[0] ?? ''
  return refuse({ graphCode: 2500, sentence: `Unknown path components: ${path}` })
}

function write(reply: FastifyReply, graphReply: GraphReply, version: string): FastifyReply {
  const { statusCode, body, contentType = 'application/json; charset=UTF-8' } = graphReply
  return reply
    .code(statusCode ?? 500)
    .headers({
      'content-type': contentType,
      'facebook-api-version': versions.includes(version) ? version : newestVersion,
      'x-fb-request-id': traceId(),
      'x-fb-trace-id': traceId().slice(0, 11),
      'x-fb-rev': '1031000000',
      'cache-control': 'no-store',
    })
    .send(body)
}

function reset(request: FastifyRequest, reply: FastifyReply): void {
  reply.hijack()
  request.raw.socket.resetAndDestroy()
}

/** Management calls tell how much of their hour is used; the simulator never runs out. */
function usage(businessId: string): string {
  const use = { call_count: 1, total_cputime: 1, total_time: 1, estimated_time_to_regain_access: 0 }
  return JSON.stringify({ [businessId]: [{ type: 'whatsapp_business_management', ...use }] })
}
