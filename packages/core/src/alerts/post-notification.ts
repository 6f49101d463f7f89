/**
 * Posts a notification to the receiver that the settings name, signed as Standard Webhooks has it (https://www.standardwebhooks.com): an HMAC-SHA256
 * over `id.timestamp.body` under each secret, so a secret can be replaced while both sides run.
 */
import { createHmac } from 'node:crypto'
import { fieldOf } from '../graph/wire.ts'
import type { Secret } from '../secret.ts'

/** From the connection to the head of the answer. */
const WITHIN_MS = 5000

/** `gone`: the receiver says that it wants no more. `refused`: it said something else than 2xx. `fault`: what kept it from answering. */
export type Posted =
  | { kind: 'taken'; statusCode: number }
  | { kind: 'gone'; statusCode: number }
  | { kind: 'refused'; statusCode: number }
  | { kind: 'unreachable'; fault: string }

export type PostNotification = (
  notification: { id: string; body: string; at: number },
  signal?: AbortSignal,
) => Promise<Posted>

/**
 * Nothing that it answers holds the URL, which may be a secret by itself.
 *
 * @param options.secrets as `whsec_<base64>`; each signs
 */
export function createPostNotification(options: {
  url: Secret
  secrets: readonly Secret[]
  withinMs?: number
}): PostNotification {
  const { url, secrets, withinMs = WITHIN_MS } = options

  return async ({ id, body, at }, signal) => {
    const timestamp = Math.floor(at / 1000)
    const late = AbortSignal.timeout(withinMs)
    try {
      const answer = await fetch(url.reveal(), {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'relais',
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': signaturesOf(secrets, { id, timestamp, body }),
        },
        body,
        // A redirect would take it to an address that nobody has set.
        redirect: 'manual',
        signal: signal ? AbortSignal.any([late, signal]) : late,
      })
      const { status: statusCode, ok } = answer
      // What it says is of no use to us, however much that is.
      await answer.body?.cancel().catch(() => undefined)
      if (ok) return { kind: 'taken', statusCode }
      return { kind: statusCode === 410 ? 'gone' : 'refused', statusCode }
    } catch (error) {
      return { kind: 'unreachable', fault: faultOf(error, withinMs) }
    }
  }
}

/** `v1,<base64>` for each secret, with spaces between. */
export function signaturesOf(
  secrets: readonly Secret[],
  signed: { id: string; timestamp: number; body: string },
): string {
  const { id, timestamp, body } = signed
  return secrets
    .map((secret) => Buffer.from(secret.reveal().replace(/^whsec_/, ''), 'base64'))
    .map((key) => createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64'))
    .map((signature) => `v1,${signature}`)
    .join(' ')
}

/** A code of the network's, never a message: it would name the host. */
function faultOf(error: unknown, withinMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${withinMs / 1000} s`
  const code = fieldOf(fieldOf(error, 'cause'), 'code')
  return typeof code === 'string' ? code : 'the connection failed'
}
