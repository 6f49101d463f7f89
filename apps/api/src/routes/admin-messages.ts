/** For operators: find messages, see what became of one, send its code again, take it back. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  FALLBACK_REASONS,
  MESSAGE_STATUSES,
  MESSAGE_TYPES,
  parsePhoneNumber,
  SPENT_ON,
  type SpentOn,
} from '@relais/core'
import { Type, type Static } from 'typebox'
import type { EndByApp } from '../end-by-app.ts'
import type { FindMessages, Sought } from '../find-messages.ts'
import { IsoTime, isoTime } from '../iso-time.ts'
import { summaryOf, type LookAtMessage, type MessageSummary, type MessageView } from '../look-at-message.ts'
import { operatorOf, type Access } from '../plugins/auth.ts'
import { invalid } from '../plugins/problems.ts'
import { problems } from '../problem.ts'
import type { ResendMessage } from '../resend-message.ts'
import {
  CANCEL_AS_OPERATOR_EXAMPLES,
  RESEND_EXAMPLES,
  SEARCH_EXAMPLES,
  STORY_EXAMPLES,
} from './operator-examples.ts'

const READS: Access = { kind: 'operator', scope: 'messages:read' }
const WRITES: Access = { kind: 'operator', scope: 'messages:write' }

const params = Type.Object({
  id: Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$', description: 'the id of a message' }),
})

/** Nothing is asked for; whoever sends something expects what does not happen. */
const NoBody = Type.Unsafe<object | null>({ type: ['object', 'null'], additionalProperties: false })

const text = (maxLength: number, description: string) =>
  Type.Optional(
    Type.String({ minLength: 1, maxLength, description: `${description}, of up to ${maxLength} characters` }),
  )

const SearchSchema = Type.Object(
  {
    to: Type.Optional(
      Type.String({
        maxLength: 32,
        description: 'a recipient in E.164, with +',
        examples: ['+221771234567'],
      }),
    ),
    reference: text(128, 'the reference that the app gave'),
    providerMessageId: text(512, "Meta's id of a message"),
    id: text(128, 'our id of a message'),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    description: 'an object with exactly one of to, reference, providerMessageId and id',
  },
)

/** What is looked for in a body, by its name there. */
const SOUGHT = {
  to: 'recipient',
  reference: 'reference',
  providerMessageId: 'providerMessageId',
  id: 'id',
} as const satisfies Record<keyof Static<typeof SearchSchema>, Sought['by']>

export type SoughtName = keyof typeof SOUGHT

const Status = Type.Enum([...MESSAGE_STATUSES], { title: 'MessageStatus' })

const summaryFields = {
  id: Type.String(),
  app: Type.String(),
  isTest: Type.Optional(Type.Boolean({ description: 'it came with a test key: it never leaves Relais' })),
  type: Type.Enum([...MESSAGE_TYPES], { title: 'MessageType' }),
  to: Type.String({ description: 'the last four digits' }),
  template: Type.Optional(Type.String()),
  language: Type.Optional(Type.String()),
  reference: Type.Optional(Type.String()),
  status: Status,
  reason: Type.Optional(
    Type.Enum([...FALLBACK_REASONS], { title: 'FallbackReason', description: 'why it fell back' }),
  ),
  attempts: Type.Integer(),
  acceptedAt: IsoTime,
  expiresAt: IsoTime,
  resendOf: Type.Optional(Type.String({ description: 'the message whose code it carries once more' })),
  resentAs: Type.Optional(Type.String({ description: 'the message that carries its code once more' })),
}

const SummarySchema = Type.Object(summaryFields, { title: 'MessageSummary' })

const Permit = Type.Object({
  ok: Type.Boolean(),
  why: Type.Optional(Type.String({ description: 'why not, and what to do instead' })),
})

const StorySchema = Type.Object(
  {
    ...summaryFields,
    story: Type.Array(
      Type.Object({
        status: Status,
        at: IsoTime,
        detail: Type.Optional(Type.String()),
        durationMs: Type.Optional(Type.Integer({ description: 'until the next step, or until now' })),
        spentOn: Type.Optional(Type.Enum(Object.keys(SPENT_ON) as SpentOn[])),
        attempt: Type.Optional(Type.Integer({ description: 'of a call to Meta: which one, from 1' })),
        answer: Type.Optional(Type.String({ description: 'what came of it' })),
      }),
    ),
    cause: Type.Optional(Type.String({ description: 'why it is as it is' })),
    remedy: Type.Optional(Type.String({ description: 'what a person can do' })),
    canResend: Permit,
    canCancel: Permit,
  },
  { title: 'MessageStory' },
)

export type AdminMessagesDeps = {
  findMessages: FindMessages
  lookAtMessage: LookAtMessage
  resendMessage: ResendMessage
  endByApp: EndByApp
}

export function adminMessagesRoutes(deps: AdminMessagesDeps): FastifyPluginAsyncTypebox {
  const { findMessages, lookAtMessage, resendMessage, endByApp } = deps
  return async (app) => {
    const shared = { tags: ['operators'] }

    app.post(
      '/api/admin/messages/search',
      {
        config: { access: READS, examples: SEARCH_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'searchMessages',
          summary: 'Find messages',
          description:
            "By exactly one of: recipient, reference, Meta's id, ours. Up to 50 of those whose records are kept, the latest first. A POST, because what is " +
            'looked for would stand in the logs of every proxy otherwise. That a number was looked for is in the audit, by its last four digits.',
          body: SearchSchema,
          response: {
            200: Type.Object({ messages: Type.Array(SummarySchema) }),
            ...problems(400, 413, 415, 422, 503),
          },
        },
      },
      async (request) => {
        const found = await findMessages(soughtIn(request.body), operatorOf(request).name)
        return { messages: found.map((message) => shown(summaryOf(message))) }
      },
    )

    app.get(
      '/api/admin/messages/:id',
      {
        config: { access: READS, examples: STORY_EXAMPLES },
        schema: {
          ...shared,
          params,
          operationId: 'getMessageStory',
          summary: 'The story of a message',
          description:
            'Its steps with the time between them and what that went into; why it is as it is, and what can be done. Neither its code nor its whole recipient.',
          response: { 200: StorySchema, ...problems(404, 422, 503) },
        },
      },
      async (request) => told(await lookAtMessage(request.params.id)),
    )

    app.post(
      '/api/admin/messages/:id/resend',
      {
        config: { access: WRITES, examples: RESEND_EXAMPLES },
        schema: {
          ...shared,
          params,
          operationId: 'resendMessage',
          summary: 'Send a code again',
          description:
            'The same code with the deadline that it had, as a message of its own. For a message that is `sent` or `fallback` and has 30 s left, once; a repeat ' +
            'gets the same copy, with `Idempotency-Replayed`. 409 resend_not_possible says why not, and what to do instead.',
          body: NoBody,
          response: {
            202: Type.Object(
              { id: Type.String(), resendOf: Type.String(), expiresAt: IsoTime },
              {
                headers: {
                  'Idempotency-Replayed': {
                    type: 'string',
                    enum: ['true'],
                    description: 'the copy was there before',
                  },
                },
              },
            ),
            ...problems(400, 404, 413, 415, 422, 503, { 409: ['resend_not_possible'] }),
          },
        },
      },
      async (request, reply) => {
        const { id } = request.params
        const { copy, isRepeat } = await resendMessage(id, operatorOf(request).name)
        if (isRepeat) reply.header('idempotency-replayed', 'true')
        return reply.code(202).send({ id: copy.id, resendOf: id, expiresAt: isoTime(copy.expiresAt) })
      },
    )

    app.post(
      '/api/admin/messages/:id/cancel',
      {
        config: { access: WRITES, examples: CANCEL_AS_OPERATOR_EXAMPLES },
        schema: {
          ...shared,
          params,
          operationId: 'cancelMessageAsOperator',
          summary: 'Take a message back',
          description:
            'As its app may: while no worker has begun to send it. A repeat gets the same 200. 409 already_sent, already_ended.',
          body: NoBody,
          response: {
            200: SummarySchema,
            ...problems(400, 404, 413, 415, 422, 503, { 409: ['already_sent', 'already_ended'] }),
          },
        },
      },
      async (request) => {
        const message = await endByApp.cancelAsOperator(operatorOf(request), request.params.id)
        return shown(summaryOf(message))
      },
    )
  }
}

/** What is to be looked for: the first that is named. Throws a 422 for a number that is none, which does not repeat it. */
export function soughtIn(body: Partial<Record<SoughtName, string>>): Sought {
  const name = (Object.keys(SOUGHT) as SoughtName[]).find((each) => body[each] !== undefined) ?? 'id'
  const value = body[name] ?? ''
  if (name !== 'to') return { by: SOUGHT[name], text: value }
  const number = parsePhoneNumber(value)
  if (number !== undefined) return { by: 'recipient', text: number }
  const detail = 'must be a phone number that can exist, as + and country code and number: +221771234567'
  throw invalid([{ pointer: '/to', detail }])
}

function shown({ acceptedAt, expiresAt, ...summary }: MessageSummary) {
  return { ...summary, acceptedAt: isoTime(acceptedAt), expiresAt: isoTime(expiresAt) }
}

function told({ summary, story, canResend, canCancel }: MessageView): Static<typeof StorySchema> {
  const { steps, ...explanation } = story
  return {
    ...shown(summary),
    story: steps.map((step) => ({ ...step, at: isoTime(step.at) })),
    ...explanation,
    canResend,
    canCancel,
  }
}
