/**
 * Digests for what can be guessed: phone numbers, codes, the bodies they stand in. Anybody can hash all of those and compare; to
 * make one of these takes a key that Redis never sees. Each purpose has a key of its own, derived from `ENCRYPTION_KEYS`.
 */
import { createHmac, hkdfSync } from 'node:crypto'
import type { EncryptionKey } from './sealer.ts'

const KEY_BYTES = 32

/** 128 bits: nobody finds two texts with the same digest by chance. */
const DIGEST_BYTES = 16

/**
 * Answers the digests of a text under each key of the ring, the first key's first: write under the first, look under all. So
 * what was written before a key was put in front is found, for as long as its key stays in the ring.
 */
export function createKeyedDigest(
  ring: readonly EncryptionKey[],
  purpose: 'idempotency' | 'recipient' | 'source' | 'pair' | 'audit' | 'search' | 'verification',
): (text: string) => string[] {
  const derived = ring.map(({ key }) =>
    Buffer.from(hkdfSync('sha256', Buffer.from(key.reveal(), 'base64'), '', `relais ${purpose}`, KEY_BYTES)),
  )
  return (text) =>
    derived.map((key) =>
      createHmac('sha256', key).update(text).digest().subarray(0, DIGEST_BYTES).toString('base64url'),
    )
}

export type KeyedDigest = ReturnType<typeof createKeyedDigest>
