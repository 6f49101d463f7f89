/** How a message is shown to its app. */
import { FALLBACK_REASONS, isSettled, MESSAGE_STATUSES, MESSAGE_TYPES, type Message } from '@relais/core'
import { Type, type Static } from 'typebox'
import { IsoTime, isoTime } from '../iso-time.ts'

export const AcceptedSchema = Type.Object({
  id: Type.String(),
  status: Type.Literal('queued'),
  type: Type.Enum([...MESSAGE_TYPES]),
  to: Type.String(),
  acceptedAt: IsoTime,
  expiresAt: IsoTime,
})

/** Headers of an answer that may be a repeated one. */
export const REPEAT_HEADERS = {
  'Idempotency-Replayed': {
    type: 'string',
    enum: ['true'],
    description: 'this is the answer to an earlier request',
  },
}

export const MessageSchema = Type.Object({
  id: Type.String(),
  status: Type.Enum([...MESSAGE_STATUSES]),
  reason: Type.Optional(Type.Enum([...FALLBACK_REASONS])),
  type: Type.Enum([...MESSAGE_TYPES]),
  to: Type.String(),
  template: Type.Optional(Type.String()),
  reference: Type.Optional(Type.String()),
  attempts: Type.Integer(),
  providerMessageId: Type.Optional(Type.String()),
  acceptedAt: IsoTime,
  expiresAt: IsoTime,
  timeline: Type.Array(
    Type.Object({
      status: Type.Enum([...MESSAGE_STATUSES]),
      at: IsoTime,
      detail: Type.Optional(Type.String()),
    }),
  ),
})

export function accepted({ id, type, to, acceptedAt, expiresAt }: Message): Static<typeof AcceptedSchema> {
  return { id, status: 'queued', type, to, acceptedAt: isoTime(acceptedAt), expiresAt: isoTime(expiresAt) }
}

export function shown({ reason, ...message }: Message): Static<typeof MessageSchema> {
  // A fallback that was decided and did not come about is nobody's reason.
  const isFallback = message.status === 'fallback' || !isSettled(message.status)
  return {
    ...message,
    ...(reason && isFallback && { reason }),
    acceptedAt: isoTime(message.acceptedAt),
    expiresAt: isoTime(message.expiresAt),
    timeline: message.timeline.map((entry) => ({ ...entry, at: isoTime(entry.at) })),
  }
}
