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
  /** The body, if it is a JSON object or a form. */
  readonly body?: Readonly<Record<string, unknown>> | undefined
}

/** The longest body that is read. */
const BODY_BYTES = 1_048_576
/** Levels of objects and lists: what can be read and never written again, as part of a template, stays out. */
const DEEPEST_JSON = 50
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

/** The body as an object, if it is one. What does not call itself JSON is read as a form, as Graph does. */
export function parseBody(rawBody: string, contentType = ''): GraphCall['body'] {
  if (rawBody === '') return undefined
  return /^application\/json\b/i.test(contentType)
    ? parseObject(rawBody)
    : Object.fromEntries(new URLSearchParams(rawBody))
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) && !isDeeperThan(DEEPEST_JSON, value) ? value : undefined
  } catch {
    return undefined
  }
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner))
}

/** Query and body in one, as Graph reads the parameters of a POST. */
export function parametersOf({ query, body = {} }: GraphCall): Record<string, string> {
  const given = Object.entries(body).map(([key, value]) => [key, plainText(value)] as const)
  return { ...query, ...Object.fromEntries(given) }
}

function plainText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
