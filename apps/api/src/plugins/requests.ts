/** What each request is called, and its place in a trace: told to the caller with every answer, and to the log. */
import { readTraceparent, type Events, type Span, type Traceparent, type Tracing } from '@relais/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyRequest {
    /** Where it is in a trace: the caller's, or our span where we trace. */
    trace: Traceparent | undefined
    /** Our span of it, where we trace. */
    span: Span | undefined
  }
}

/** Register before all other hooks: what they refuse has a name as well. */
export function registerRequests(
  app: FastifyInstance,
  deps: { events: Pick<Events, 'requestCompleted'>; tracing?: Tracing | undefined },
): void {
  const { events, tracing } = deps
  app.decorateRequest('trace', undefined)
  app.decorateRequest('span', undefined)
  app.addHook('onRequest', (request, reply, done) => {
    nameAnswer(request, reply)
    if (tracing) beginSpan(tracing, request, reply)
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    const { caller } = request
    const { statusCode } = reply
    events.requestCompleted({
      ...told(request),
      statusCode,
      durationMs: reply.elapsedTime,
      ...(caller && { caller: caller.name, keyId: caller.keyId }),
    })
    const app = caller?.kind === 'app' && { 'relais.app': caller.name }
    request.span?.end({ 'http.response.status_code': statusCode, ...app }, statusCode >= 500)
    done()
  })
}

/** An answer that is made outside of the hooks says it too. */
export function nameAnswer(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id)
  const given = readTraceparent(request.headers.traceparent)
  if (given === undefined) return
  request.trace = given
  reply.header('traceparent', given)
}

/** A request, as the log tells of it. */
export function told(request: FastifyRequest) {
  const { id: requestId, method, trace, routeOptions } = request
  return { requestId, trace, method, route: routeOptions.url }
}

/** Named by its route: a URL may hold secrets. */
function beginSpan(tracing: Tracing, request: FastifyRequest, reply: FastifyReply): void {
  const { method } = request
  const route = request.routeOptions.url
  request.span = tracing.begin(route === undefined ? method : `${method} ${route}`, {
    kind: 'server',
    parent: request.trace,
    facts: { 'http.request.method': method, ...(route !== undefined && { 'http.route': route }) },
  })
  request.trace = request.span.traceparent
  reply.header('traceparent', request.trace)
}
