/** Requests that others sign as Standard Webhooks has it (https://www.standardwebhooks.com), and the text of the secrets for it. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secret } from '@relais/core'

/** An older request, or one from further ahead, is taken for a replay. */
const WINDOW_MS = 5 * 60_000

/** Senders that replace a secret sign with two. */
const MOST_SIGNATURES = 8

type Headers = Record<string, string | string[] | undefined>

/**
 * Did someone with one of these secrets sign these bytes, and within five minutes of now? Each secret is compared with each signature,
 * whichever fits: the time taken says nothing of either.
 *
 * @param rawBody the bytes as received
 * @param headers `webhook-id`, `webhook-timestamp` (seconds since 1970) and `webhook-signature` (`v1,<base64>`, several with spaces between)
 * @param secrets as `whsec_<base64>`
 * @param now milliseconds since 1970
 */
export function isStandardWebhook(
  rawBody: Buffer,
  headers: Headers,
  secrets: readonly Secret[],
  now: number,
): boolean {
  const id = textOf(headers, 'webhook-id')
  const timestamp = textOf(headers, 'webhook-timestamp')
  if (!id || !/^\d{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp) * 1000) > WINDOW_MS)
    return false
  // Some put a comma as well between two.
  const claimed = textOf(headers, 'webhook-signature')
    .split(/,? +/)
    .slice(0, MOST_SIGNATURES)
    .flatMap((each) => /^v1,([A-Za-z0-9+/]{43}=)$/.exec(each)?.[1] ?? [])
    .map((base64) => Buffer.from(base64, 'base64'))
  const matches = secrets.flatMap((secret) => {
    const expected = createHmac('sha256', keyOf(secret))
      .update(`${id}.${timestamp}.`)
      .update(rawBody)
      .digest()
    return claimed.map((bytes) => timingSafeEqual(bytes, expected))
  })
  return matches.includes(true)
}

/** Is it `whsec_` and 24 to 64 bytes in base64? */
export function isWebhookSecret(text: string): boolean {
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  const bytes = Buffer.from(base64, 'base64')
  const isWhole = bytes.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '')
  return isWhole && bytes.length >= 24 && bytes.length <= 64
}

function keyOf(secret: Secret): Buffer {
  return Buffer.from(secret.reveal().replace(/^whsec_/, ''), 'base64')
}

function textOf(headers: Headers, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}
