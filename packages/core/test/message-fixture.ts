import { Secret, type EncryptionKey, type Message } from '@relais/core'
import { randomBytes } from 'node:crypto'

/** A ring of one key. */
export const encryptionKeys: readonly EncryptionKey[] = [newKey('k1')]

export function newKey(id: string): EncryptionKey {
  return { id, key: new Secret(randomBytes(32).toString('base64')) }
}

/** A code that was accepted, now unless `over` says otherwise. */
export function newMessage(over: Partial<Message> = {}): Message {
  const { acceptedAt = Date.now() } = over
  return {
    id: 'msg_1',
    app: 'wallet',
    type: 'otp',
    to: '+221771234567',
    status: 'queued',
    attempts: 0,
    claims: 0,
    waits: 0,
    acceptedAt,
    expiresAt: acceptedAt + 300_000,
    timeline: [{ status: 'queued', at: acceptedAt }],
    ...over,
  }
}
