/** For apps: hand over a message, ask what became of it. */
import type { Message, MessageStore } from '@relais/core'
import { FALLBACK_REASONS, MESSAGE_STATUSES, MESSAGE_TYPES } from '@relais/core'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import type { AcceptMessage, MessageRequest } from '../accept-message.ts'
import { IsoTime, isoTime } from '../iso-time.ts'
import type { Auth } from '../plugins/auth.ts'
import { ProblemError, problems, refuseAsUnavailable } from '../problem.ts'

/** No control characters but line feed and tab, no half characters: what a phone can show. */
const TEXT = '^[^\\u0000-\\u0008\\u000B-\\u001F\\u007F\\uD800-\\uDFFF]*$'
const LINE = '^[^\\u0000-\\u001F\\u007F\\uD800-\\uDFFF]*$'

const common = {
  to: Type.String({
    maxLength: 32,
    description: 'the recipient in E.164, with +',
    examples: ['+221771234567'],
  }),
  ttlSeconds: Type.Optional(
    Type.Integer({
      minimum: 30,
      maximum: 900,
      description: 'a whole number from 30 to 900: life of the message',
    }),
  ),
  deliverWithinSeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 900,
      description: 'a whole number from 1 to 900: not on its way by then, it goes to the fallback',
    }),
  ),
  reference: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      pattern: LINE,
      description: 'up to 128 characters of your own; returned, never sent',
    }),
  ),
}

const templateName = Type.String({
  pattern: '^[a-z0-9_]{1,512}$',
  description: 'a template name of a-z 0-9 _',
})
const language = Type.Optional(
  Type.String({ pattern: '^[a-z]{2,3}(_[A-Z]{2})?$', description: 'a language such as fr or en_US' }),
)
const closed = { additionalProperties: false }

const OtpSchema = Type.Object(
  {
    type: Type.Literal('otp'),
    code: Type.String({
      pattern: '^[A-Za-z0-9-]{4,15}$',
      description: 'a string of 4 to 15 of A-Z a-z 0-9 -',
      examples: ['482913'],
    }),
    template: Type.Optional(templateName),
    language,
    ...common,
  },
  closed,
)

const TemplateSchema = Type.Object(
  {
    type: Type.Literal('template'),
    template: templateName,
    language,
    parameters: Type.Optional(
      Type.Array(
        Type.String({
          minLength: 1,
          maxLength: 1024,
          pattern: LINE,
          description: '1 to 1024 characters on one line',
        }),
        { maxItems: 32, description: 'at most 32 parameters, in the order of the template' },
      ),
    ),
    ...common,
  },
  closed,
)

const TextSchema = Type.Object(
  {
    type: Type.Literal('text'),
    text: Type.String({ minLength: 1, maxLength: 4096, pattern: TEXT, description: '1 to 4096 characters' }),
    ...common,
  },
  closed,
)

/** `oneOf` with a discriminator, so that faults are told of the kind that was meant and not of all three. */
const MessageRequestSchema = Type.Unsafe<MessageRequest>({
  type: 'object',
  discriminator: { propertyName: 'type' },
  oneOf: [OtpSchema, TemplateSchema, TextSchema],
})

const AcceptedSchema = Type.Object({
  id: Type.String(),
  status: Type.Literal('queued'),
  type: Type.Enum([...MESSAGE_TYPES]),
  to: Type.String(),
  acceptedAt: IsoTime,
  expiresAt: IsoTime,
})

const MessageSchema = Type.Object({
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

export function messageRoutes(deps: {
  auth: Auth
  acceptMessage: AcceptMessage
  store: MessageStore
}): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.addHook('onRequest', deps.auth.app)
    const shared = { tags: ['messages'], security: [{ apiKey: [] }] }

    app.post(
      '/api/messages',
      {
        schema: {
          ...shared,
          summary: 'Send a message',
          description: 'Answers 202 once the message is durable in Redis. It then reaches one end, once.',
          body: MessageRequestSchema,
          response: { 202: AcceptedSchema, ...problems(400, 401, 403, 413, 415, 422, 503) },
        },
      },
      async (request, reply) => {
        const message = await deps.acceptMessage(request.caller, request.body)
        return reply.code(202).header('location', `/api/messages/${message.id}`).send(accepted(message))
      },
    )

    app.get(
      '/api/messages/:id',
      {
        schema: {
          ...shared,
          summary: 'What became of a message',
          params: Type.Object({ id: Type.String() }),
          response: { 200: MessageSchema, ...problems(401, 403, 404, 503) },
        },
      },
      async (request) => {
        const message = await deps.store.read(request.params.id).catch(refuseAsUnavailable)
        // Another app's message answers exactly like one that never was.
        if (message?.app !== request.caller) {
          throw new ProblemError(
            404,
            'not_found',
            'There is no such message. Records are kept a day after the deadline.',
          )
        }
        return shown(message)
      },
    )
  }
}

function accepted({ id, type, to, acceptedAt, expiresAt }: Message): Static<typeof AcceptedSchema> {
  return { id, status: 'queued', type, to, acceptedAt: isoTime(acceptedAt), expiresAt: isoTime(expiresAt) }
}

function shown(message: Message): Static<typeof MessageSchema> {
  return {
    ...message,
    acceptedAt: isoTime(message.acceptedAt),
    expiresAt: isoTime(message.expiresAt),
    timeline: message.timeline.map((entry) => ({ ...entry, at: isoTime(entry.at) })),
  }
}
