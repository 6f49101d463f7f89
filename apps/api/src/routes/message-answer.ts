/** How a message is shown to its app. */
import { FALLBACK_REASONS, isSettled, MESSAGE_STATUSES, MESSAGE_TYPES, type Message } from '@relais/core'
import { Type, type Static } from 'typebox'
import { IsoTime, isoTime } from '../iso-time.ts'

const Status = Type.Enum([...MESSAGE_STATUSES], { title: 'MessageStatus' })
const MessageType = Type.Enum([...MESSAGE_TYPES], { title: 'MessageType' })

export const AcceptedSchema = Type.Object(
  {
    id: Type.String(),
    status: Type.Literal('queued'),
    type: MessageType,
    to: Type.String({ description: 'in E.164' }),
    acceptedAt: IsoTime,
    expiresAt: IsoTime,
  },
  { title: 'AcceptedMessage' },
)

/** Headers of an answer that may be a repeated one. */
export const REPEAT_HEADERS = {
  'Idempotency-Replayed': {
    type: 'string',
    enum: ['true'],
    description: 'this is the answer to an earlier request',
  },
}

export const MessageSchema = Type.Object(
  {
    id: Type.String(),
    status: Status,
    reason: Type.Optional(
      Type.Enum([...FALLBACK_REASONS], { title: 'FallbackReason', description: 'why it fell back' }),
    ),
    type: MessageType,
    to: Type.String({ description: 'in E.164' }),
    template: Type.Optional(Type.String()),
    reference: Type.Optional(Type.String({ description: "the app's own, as it came" })),
    attempts: Type.Integer(),
    providerMessageId: Type.Optional(Type.String({ description: "Meta's id of it" })),
    acceptedAt: IsoTime,
    expiresAt: IsoTime,
    timeline: Type.Array(
      Type.Object(
        { status: Status, at: IsoTime, detail: Type.Optional(Type.String()) },
        { title: 'TimelineEntry' },
      ),
    ),
  },
  { title: 'Message', description: 'Never with its code' },
)

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
