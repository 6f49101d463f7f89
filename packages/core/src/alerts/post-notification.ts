/** Posts a notification to the receiver that the settings name, signed: see `standard-webhooks.ts`. */
import { fieldOf } from '../graph/wire.ts'
import type { Secret } from '../secret.ts'
import { postedWith, signedHeaders, type Posted, type Signable } from '../standard-webhooks.ts'

/** From the connection to the head of the answer. */
const WITHIN_MS = 5000

export type PostNotification = (notification: Signable, signal?: AbortSignal) => Promise<Posted>

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

  return async (notification, signal) => {
    const late = AbortSignal.timeout(withinMs)
    try {
      const answer = await fetch(url.reveal(), {
        method: 'POST',
        headers: signedHeaders(secrets, notification),
        body: notification.body,
        // A redirect would take it to an address that nobody has set.
        redirect: 'manual',
        signal: signal ? AbortSignal.any([late, signal]) : late,
      })
      // What it says is of no use to us, however much that is.
      await answer.body?.cancel().catch(() => undefined)
      return postedWith(answer.status)
    } catch (error) {
      return { kind: 'unreachable', fault: faultOf(error, withinMs) }
    }
  }
}

/** A code of the network's, never a message: it would name the host. */
function faultOf(error: unknown, withinMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${withinMs / 1000} s`
  const code = fieldOf(fieldOf(error, 'cause'), 'code')
  return typeof code === 'string' ? code : 'the connection failed'
}
