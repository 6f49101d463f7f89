import type { IncomingMessage } from 'node:http'
import type { CallKind } from './call-log.ts'
import { isObject } from './send-body.ts'

/** A call on the Graph port, taken apart. */
export type GraphCall = {
  readonly kind: CallKind
  /** `v26.0` */
  readonly version: string
  /** Scheme, host and path, as the caller wrote them. */
  readonly url: string
  /** The object in the path: a phone number, business, template or user id. */
  readonly node: string
  /** What follows the edge in the path: a permission. */
  readonly rest?: string | undefined
  readonly query: Readonly<Record<string, string>>
  /** From the header or, as Graph allows, from the query. */
  readonly accessToken?: string | undefined
  readonly rawBody: string
  /** The body, if it is a JSON object. */
  readonly body?: Readonly<Record<string, unknown>> | undefined
}

/** The longest body that is read. */
const BODY_BYTES = 1_048_576
const BEARER = /^Bearer\s+(\S+)$/i
const noQuery: GraphCall['query'] = {}

/** The access token of a call: `Authorization: Bearer` first, then `access_token=`. */
export function accessTokenOf(
  authorization: string | undefined,
  query: GraphCall['query'],
): string | undefined {
  const fromHeader = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1]
  return fromHeader ?? (query['access_token'] || undefined)
}

/** A parameter given twice counts once: the last. */
export function readQuery(url: string): GraphCall['query'] {
  const start = url.indexOf('?')
  return start < 0 ? noQuery : Object.fromEntries(new URLSearchParams(url.slice(start + 1)))
}

/**
 * Calls back once with the body as text, or with nothing when it is longer than 1 MB. Never, when the caller hangs up
 * in the middle.
 */
export function readBody(request: IncomingMessage, done: (rawBody: string | undefined) => void): void {
  const chunks: Buffer[] = []
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= BODY_BYTES) chunks.push(chunk)
  })
  request.on('end', () => done(bytes > BODY_BYTES ? undefined : Buffer.concat(chunks).toString('utf8')))
}

/** A text, or nothing. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** A JSON object, or nothing. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Query and body in one, as Graph reads the parameters of a POST: JSON or form. */
export function parametersOf(call: GraphCall): Record<string, string> {
  return { ...call.query, ...bodyParameters(call) }
}

function bodyParameters({ body, rawBody }: GraphCall): Record<string, string> {
  if (body === undefined) return Object.fromEntries(new URLSearchParams(rawBody))
  return Object.fromEntries(Object.entries(body).map(([key, value]) => [key, plainText(value)]))
}

function plainText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
