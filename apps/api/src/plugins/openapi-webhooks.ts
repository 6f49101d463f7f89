/** What Relais posts to the endpoint of an app, for the OpenAPI document: one webhook a state. */
import { FALLBACK_REASONS, TOLD_STATUSES, type ToldStatus } from '@relais/core'
import { Type } from 'typebox'
import { IsoTime } from '../iso-time.ts'

const TEXTS: Readonly<Record<ToldStatus, string>> = {
  sent: 'WhatsApp has the message',
  delivered: 'The message is on the phone',
  read: 'The person has read the message',
  fallback: 'The message went to the operators',
  expired: 'The deadline passed before the message was sent',
  canceled: 'The message was taken back',
  used: 'The person has typed the code',
}

const HEADERS = [
  { name: 'webhook-id', description: 'the id of the event, the same at each try' },
  { name: 'webhook-timestamp', description: 'when this try was made, in seconds since 1970' },
  {
    name: 'webhook-signature',
    description:
      'v1,<base64> of HMAC-SHA256 over id.timestamp.body; one for each secret, with spaces between',
  },
]

const parameters = HEADERS.map((header) => ({
  ...header,
  in: 'header' as const,
  required: true,
  schema: { type: 'string' as const },
}))

function eventSchema(status: ToldStatus) {
  return Type.Object(
    {
      type: Type.Literal(`message.${status}`),
      id: Type.String({ description: 'the id of the message, a dot, and the sequence' }),
      at: IsoTime,
      app: Type.String(),
      messageId: Type.String(),
      sequence: Type.Integer({ minimum: 1, description: 'counts the events of a message, from 1 on' }),
      status: Type.Literal(status),
      to: Type.String({ description: 'masked: its last four digits' }),
      reference: Type.Optional(Type.String({ description: "the app's own, as it was sent" })),
      ...(status === 'fallback' && { reason: Type.Optional(Type.Enum([...FALLBACK_REASONS])) }),
      isTest: Type.Optional(Type.Literal(true, { description: 'it came with a test key' })),
    },
    { additionalProperties: false },
  )
}

function webhook(status: ToldStatus) {
  return {
    post: {
      operationId: `message${status.charAt(0).toUpperCase()}${status.slice(1)}`,
      tags: ['callbacks'],
      security: [{ webhookSignature: [] }],
      summary: TEXTS[status],
      description:
        'To the URL that an operator has set for the app. Signed as Standard Webhooks has it: see docs/callbacks.md.',
      parameters,
      requestBody: { required: true, content: { 'application/json': { schema: eventSchema(status) } } },
      responses: {
        '2XX': { description: 'taken' },
        default: { description: 'not taken: it is posted again for a day' },
      },
    },
  }
}

export const WEBHOOKS = Object.fromEntries(
  TOLD_STATUSES.map((status) => [`message.${status}`, webhook(status)]),
)
