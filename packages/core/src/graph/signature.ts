import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../secret.ts'

/**
 * Did someone with an app secret of ours sign these bytes? (Meta, "Create a webhook endpoint": HMAC-SHA256 over the raw body,
 * hex, in `X-Hub-Signature-256: sha256=...`.)
 *
 * @param rawBody the bytes as received: Meta escapes characters in its own way, so parsing and printing breaks the hash
 * @param appSecrets all that are valid now; during a change there are two
 */
export function isSignedByMeta(
  rawBody: Buffer,
  header: string | undefined,
  appSecrets: readonly Secret[],
): boolean {
  const claimed = /^sha256=([0-9a-f]{64})$/.exec(header ?? '')?.[1]
  if (!claimed) return false
  const claimedBytes = Buffer.from(claimed, 'hex')
  const matches = appSecrets.map((secret) =>
    timingSafeEqual(createHmac('sha256', secret.reveal()).update(rawBody).digest(), claimedBytes),
  )
  return matches.includes(true)
}
