import type { Message } from '@relais/core'

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
