/** What a request is called in the log, by its caller or by us. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** The caller's own name for it, if it can stand in a log and in a header. Anything else is as good as none. */
export function givenRequestId({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
  const id = headers['x-request-id']
  return typeof id === 'string' && /^[\x21-\x7e]{1,128}$/.test(id) ? id : undefined
}

export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  return givenRequestId(request) ?? newRequestId()
}

export function newRequestId(): string {
  return `req_${randomUUID()}`
}
