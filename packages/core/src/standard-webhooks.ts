/**
 * What we post is signed as Standard Webhooks has it (https://www.standardwebhooks.com): an HMAC-SHA256 over `id.timestamp.body` under each
 * secret, so a secret can be replaced while both sides run.
 */
import { createHmac } from 'node:crypto'
import type { Secret } from './secret.ts'

/** What is posted: its id, the same at every try, its body, and when this try is made (milliseconds since 1970). */
export type Signable = { id: string; body: string; at: number }

/** What became of a post. `refused`: it said something else than 2xx. `fault`: what kept it from answering, without an address. */
export type Posted =
  | { kind: 'taken'; statusCode: number }
  | { kind: 'gone'; statusCode: number }
  | { kind: 'refused'; statusCode: number }
  | { kind: 'unreachable'; fault: string }

/** The headers of a post. @param secrets as `whsec_<base64>`; each signs */
export function signedHeaders(
  secrets: readonly Secret[],
  { id, body, at }: Signable,
): Record<string, string> {
  const timestamp = Math.floor(at / 1000)
  return {
    'content-type': 'application/json',
    'user-agent': 'relais',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': secrets.map((secret) => signature(secret, `${id}.${timestamp}.${body}`)).join(' '),
  }
}

/** What became of a post that was answered. `gone`: the receiver says that it wants no more. */
export function postedWith(statusCode: number): Posted {
  if (statusCode >= 200 && statusCode < 300) return { kind: 'taken', statusCode }
  return { kind: statusCode === 410 ? 'gone' : 'refused', statusCode }
}

function signature(secret: Secret, signed: string): string {
  const key = Buffer.from(secret.reveal().replace(/^whsec_/, ''), 'base64')
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`
}
