/** What a request is called in the log, by its caller or by us. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'

/** The caller's own name for it, if it can stand in a log and in a header. Anything else is as good as none. */
function givenRequestId({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
  const id = headers['x-request-id']
  return typeof id === 'string' && /^[\x21-\x7e]{1,128}$/.test(id) ? id : undefined
}

/** What the messages of a request carry of it. */
export function aboutRequest({ id, raw, span }: Pick<FastifyRequest, 'id' | 'raw' | 'span'>) {
  return { requestId: { id, isGiven: givenRequestId(raw) !== undefined }, trace: span?.traceparent }
}

export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  return givenRequestId(request) ?? newRequestId()
}

export function newRequestId(): string {
  return `req_${randomUUID()}`
}
