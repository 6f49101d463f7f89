import type { CallKind } from './call-log.ts'
import { isObject } from './send-body.ts'

/** A call on the Graph port, taken apart. */
export type GraphCall = {
  readonly kind: CallKind
  /** `v26.0` */
  readonly version: string
  /** The object in the path: a phone number, business or system user id. */
  readonly node: string
  readonly query: Readonly<Record<string, string>>
  /** From the header or, as Graph allows, from the query. */
  readonly accessToken?: string
  readonly rawBody: string
}

const BEARER = /^Bearer\s+(\S+)$/i

/** The access token of a call: `Authorization: Bearer` first, then `access_token=`. */
export function accessTokenOf(
  authorization: string | undefined,
  query: GraphCall['query'],
): string | undefined {
  const fromHeader = BEARER.exec(authorization ?? '')?.[1]
  return fromHeader ?? (query['access_token'] || undefined)
}

/** Query and body in one, as Graph reads the parameters of a POST: JSON or form. */
export function parametersOf(call: GraphCall): Record<string, string> {
  return { ...call.query, ...bodyParameters(call.rawBody) }
}

function bodyParameters(rawBody: string): Record<string, string> {
  try {
    const body: unknown = JSON.parse(rawBody)
    return isObject(body)
      ? Object.fromEntries(Object.entries(body).map(([key, value]) => [key, String(value)]))
      : {}
  } catch {
    return Object.fromEntries(new URLSearchParams(rawBody))
  }
}
