/**
 * Seals what Redis must not be able to read: codes, texts, access tokens.
 *
 * Promise: AES-256-GCM under a key Redis never sees, a fresh nonce each time, bound to its purpose and owner (associated
 * data), so that a sealed text copied to another record does not open there. The text names its key:
 * `v1.<key id>.<nonce>.<ciphertext and tag>`. The first key of the ring seals, all of them open: rotation is adding a
 * key in front, and taking the old one away when what it sealed has expired.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { takeRandom } from './random.ts'
import type { Secret } from './secret.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** One key of the ring: its id, and 32 bytes in base64. */
export type EncryptionKey = { id: string; key: Secret }

/** What a sealed text belongs to. Opening with another owner fails. */
export type Owner = {
  purpose: 'content' | 'access-token' | 'app-secret' | 'api-key' | 'verification' | 'callback'
  id: string
}

/** A sealed text that cannot be opened: unknown key, another owner, or damaged. Says which key, never the text. */
export class UnsealError extends Error {
  override name = 'UnsealError'
}

export function createSealer(ring: readonly EncryptionKey[]) {
  const [first] = ring
  if (!first) throw new RangeError('the key ring is empty')
  const keyBytes = new Map(ring.map(({ id, key }) => [id, Buffer.from(key.reveal(), 'base64')]))

  return {
    /** Seals `text` for its owner under the first key. */
    seal(text: string, owner: Owner): string {
      const nonce = takeRandom(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', bytesOf(first.id), nonce)
      cipher.setAAD(associatedData(first.id, owner))
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return ['v1', first.id, nonce.toString('base64url'), sealed.toString('base64url')].join('.')
    },

    /** Is it sealed under the key that seals now? If not, it is to be sealed anew before its key can be taken away. */
    isUnderFirstKey: (text: string): boolean => text.startsWith(`v1.${first.id}.`),

    /** Opens what `seal` made for the same owner. Throws `UnsealError`. */
    open(text: string, owner: Owner): string {
      const [version, keyId = '', nonce = '', body = ''] = text.split('.')
      if (version !== 'v1') throw new UnsealError('not a sealed text of a known version')
      const sealed = Buffer.from(body, 'base64url')
      try {
        const decipher = createDecipheriv('aes-256-gcm', bytesOf(keyId), Buffer.from(nonce, 'base64url'))
        decipher.setAAD(associatedData(keyId, owner))
        decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
        const opened = [decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]
        return Buffer.concat(opened).toString('utf8')
      } catch (error) {
        if (error instanceof UnsealError) throw error
        throw new UnsealError(`sealed under key "${keyId}" but does not open with it for this owner`)
      }
    },
  }

  function bytesOf(keyId: string): Buffer {
    const bytes = keyBytes.get(keyId)
    if (!bytes) throw new UnsealError(`sealed under key "${keyId}", which ENCRYPTION_KEYS does not have`)
    return bytes
  }
}

/** The id of the key that a text is sealed under; '?' for what is no sealed text. */
export function keyIdOf(text: string): string {
  return /^v1\.([^.]+)\./.exec(text)?.[1] ?? '?'
}

export type Sealer = ReturnType<typeof createSealer>

function associatedData(keyId: string, owner: Owner): Buffer {
  return Buffer.from(`${owner.purpose}|${owner.id}|${keyId}`)
}
