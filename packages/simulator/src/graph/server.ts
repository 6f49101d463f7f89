import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CallLog } from './call-log.ts'
import { accessTokenOf, parseBody, readBody, readQuery, textOf, type GraphCall } from './call.ts'
import { answerUnder, type Fault, type Faults } from './faults.ts'
import type { Ids } from './ids.ts'
import { refuse, reply, TRACE_ID, type GraphReply } from './reply.ts'
import { readPath, routeOf, type GraphPath, type Handle, type Route, type Routes } from './routes.ts'
import type { Usage } from './usage.ts'
import type { Draw } from '../world/random.ts'
import { drawDelay, type Delay, type Timers } from '../world/timing.ts'

const versions = ['v21.0', 'v22.0', 'v23.0', 'v24.0', 'v25.0', 'v26.0']
const newestVersion = 'v26.0'
const LONGEST_TEXT_KEPT = 512

/**
 * The Graph port. Every call is decided the moment it has arrived, written down, and answered after its delay: a
 * client that hangs up early changes nothing about what happened.
 */
export function createGraphServer(deps: {
  routes: Routes
  faults: Faults
  calls: CallLog
  usage: Usage
  ids: Ids
  timers: Timers
  answerDelay: Delay
  draw: Draw
  now: () => number
}) {
  function handle(request: IncomingMessage, response: ServerResponse): void {
    // Bodies are read before anything is looked at and parsed by the call: Meta checks the caller first.
    readBody(request, (rawBody) => void serve(request, response, rawBody))
  }

  async function serve(
    request: IncomingMessage,
    response: ServerResponse,
    rawBody: string | undefined,
  ): Promise<void> {
    const { url = '/', method = 'GET' } = request
    const path = readPath(deps.routes, method, url)
    const query = readQuery(url)
    const isKnown = versions.includes(path.version)
    const route = routeOf(deps.routes, path.key, { node: path.node, query })
    const call = readCall(request, path, query, route, rawBody)
    const graphReply = await answer()
    const delayMs = graphReply.delayMs ?? drawDelay(deps.answerDelay, deps.draw)
    if (delayMs > 0) await deps.timers.wait(delayMs)
    if (graphReply.notBefore !== undefined) await graphReply.notBefore
    if (graphReply.statusCode === null) request.socket.resetAndDestroy()
    else write(response, graphReply, isKnown ? path.version : newestVersion, route)

    function answer(): GraphReply | Promise<GraphReply> {
      if (rawBody === undefined)
        return record(call, refuse({ graphCode: 100, details: 'The body is too long' }))
      return isKnown && route !== undefined ? decide(call, route.handle) : record(call, unknownPath(url))
    }
  }

  function decide(call: GraphCall, take: Handle): GraphReply | Promise<GraphReply> {
    const fault = deps.faults.take({ kind: call.kind, to: textOf(call.body?.['to']) })
    let later: Promise<GraphReply> | undefined
    const graphReply = answerUnder(fault, deps.now(), () => {
      const outcome = safely(take, call)
      if (!(outcome instanceof Promise)) return outcome
      later = outcome.catch(failed)
      return reply({})
    })
    if (later === undefined) return record(call, graphReply, fault)
    return later.then((outcome) =>
      record(
        call,
        answerUnder(fault, deps.now(), () => outcome),
        fault,
      ),
    )
  }

  function record(call: GraphCall, graphReply: GraphReply, fault?: Fault): GraphReply {
    const { statusCode, graphCode, graphSubcode, messageId } = graphReply
    const isSend = call.kind === 'send'
    const to = isSend ? shortText(call.body?.['to']) : undefined
    const callbackData = isSend ? shortText(call.body?.['biz_opaque_callback_data']) : undefined
    deps.calls.push({
      at: deps.now(),
      kind: call.kind,
      statusCode,
      ...(graphCode === undefined ? {} : { graphCode }),
      ...(graphSubcode === undefined ? {} : { graphSubcode }),
      ...(messageId === undefined ? {} : { messageId }),
      ...(fault === undefined ? {} : { fault: fault.kind }),
      ...(to === undefined ? {} : { to }),
      ...(callbackData === undefined ? {} : { callbackData }),
    })
    return graphReply
  }

  function write(
    response: ServerResponse,
    graphReply: GraphReply,
    version: string,
    route: Route | undefined,
  ): void {
    const { statusCode, contentType = 'application/json; charset=UTF-8', retryAfterSeconds } = graphReply
    const isRefusal = graphReply.graphCode !== undefined
    const body = isRefusal ? graphReply.body.replace(TRACE_ID, deps.ids.trace()) : graphReply.body
    const request = deps.ids.trace()
    const appUsage = deps.usage.appHeader()
    const isKnownCaller = statusCode !== 401
    if (route?.isManagement && isKnownCaller)
      response.setHeader('x-business-use-case-usage', deps.usage.businessHeader())
    if (appUsage !== undefined) response.setHeader('x-app-usage', appUsage)
    if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds)
    response.writeHead(statusCode ?? 500, {
      'content-type': contentType,
      'content-length': Buffer.byteLength(body),
      'facebook-api-version': version,
      'x-fb-request-id': request,
      'x-fb-trace-id': request.slice(12),
      'x-fb-rev': '1031000000',
      'cache-control': 'no-store',
    })
    response.end(body)
  }

  return { handle }
}

/** A fault of the simulator itself must not end it. */
function safely(handle: Handle, call: GraphCall): GraphReply | Promise<GraphReply> {
  try {
    return handle(call)
  } catch (error) {
    return failed(error)
  }
}

function failed(error: unknown): GraphReply {
  process.emitWarning(error instanceof Error ? error : String(error))
  return refuse({ graphCode: 1, statusCode: 500 })
}

function readCall(
  request: IncomingMessage,
  { version, node, rest }: GraphPath,
  query: GraphCall['query'],
  route: Route | undefined,
  rawBody = '',
): GraphCall {
  return {
    kind: route?.kind ?? 'unknown',
    version,
    url: `http://${request.headers.host ?? ''}${(request.url ?? '').split('?', 1)[0]}`,
    node,
    rest,
    query,
    accessToken: accessTokenOf(request.headers.authorization, query),
    body: parseBody(rawBody, request.headers['content-type']),
  }
}

/** A text that is worth writing down: nobody may fill the memory with the others. */
function shortText(value: unknown): string | undefined {
  const text = textOf(value)
  return text !== undefined && text.length <= LONGEST_TEXT_KEPT ? text : undefined
}

function unknownPath(url: string): GraphReply {
  const path = url.split('?')[0] ?? ''
  return refuse({ graphCode: 2500, sentence: `Unknown path components: ${path}` })
}
