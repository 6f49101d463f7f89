import { createHash } from 'node:crypto'

/** Every Redis key of ours, one function each. BullMQ keeps its own beside them, as `<prefix>:<queue>:...`. */
export function createKeys(prefix: string) {
  return {
    /** Hash: the record of a message. Lives until a day after the deadline. */
    message: (id: string) => `${prefix}:message:${id}`,
    /** String: its sealed content. Gone at the deadline or when the message is settled, whichever is first. */
    content: (id: string) => `${prefix}:content:${id}`,
    /**
     * String: Meta's id of a message -> ours, for receipts that carry no id of ours. Lives as long as the record. Hashed,
     * because Meta's id holds the recipient's number in base64.
     */
    providerMessage: (providerMessageId: string) =>
      `${prefix}:provider-message:${createHash('sha256').update(providerMessageId).digest('base64url')}`,
    /** Hash: a sender's access tokens, sealed, with their versions. Has no expiry. */
    accessToken: (senderId: string) => `${prefix}:access-token:${senderId}`,
    /** Channel: told of every change to them. */
    tokenChanges: (senderId: string) => `${prefix}:access-token:${senderId}:changes`,
    /** String: it was said that there is no token. Expires after an hour. */
    tokenMissingSaid: (senderId: string) => `${prefix}:access-token:${senderId}:missing-said`,
    /** String: who may renew that token now. Expires with the lease. */
    renewalLease: (senderId: string) => `${prefix}:renewal-lease:${senderId}`,
    /** String: when a sender's next slot is, in microseconds since 1970. Expires when the slot is past. */
    pace: (senderId: string) => `${prefix}:pace:${senderId}`,
    /** String: when the last valid receipt came in, in milliseconds since 1970. Has no expiry. */
    lastReceipt: () => `${prefix}:last-receipt`,
  }
}

export type Keys = ReturnType<typeof createKeys>
