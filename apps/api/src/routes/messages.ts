/** For apps: hand messages over, one or many. */
import type { AdmissionRequest } from '@relais/core'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import type { AcceptMessages } from '../accept-messages.ts'
import { canonicalJson } from '../canonical-json.ts'
import type { MessageRequest } from '../new-message.ts'
import { appOf, type Access } from '../plugins/auth.ts'
import { invalidRequest } from '../plugins/problems.ts'
import { ProblemError, problems, ProblemSchema } from '../problem.ts'
import { aboutRequest } from '../request-id.ts'
import { accepted, AcceptedSchema, REPEAT_HEADERS } from './message-answer.ts'
import { BATCH_EXAMPLES, SEND_EXAMPLES } from './message-examples.ts'
import { IdempotencyHeaders, MessageRequestSchema } from './message-request.ts'

const MOST_MESSAGES = 1000

/** Room for a thousand of the longest texts. */
const BATCH_LIMIT_BYTES = 8 * 1024 * 1024

const AcceptedAnswer = Type.Object(AcceptedSchema.properties, {
  title: 'AcceptedMessage',
  headers: { Location: { type: 'string', description: 'where the message is' }, ...REPEAT_HEADERS },
})

const batchOf = (message: Parameters<typeof Type.Array>[0]) =>
  Type.Object(
    {
      messages: Type.Array(message, {
        minItems: 1,
        maxItems: MOST_MESSAGES,
        description: `a list of 1 to ${MOST_MESSAGES} messages`,
      }),
    },
    { title: 'MessageBatch', additionalProperties: false },
  )

/** Looked at one by one, so that a bad message harms no other. */
const BatchSchema = batchOf(Type.Unknown())

const BatchAnswer = Type.Object(
  {
    accepted: Type.Integer(),
    rejected: Type.Integer(),
    results: Type.Array(Type.Union([AcceptedSchema, ProblemSchema]), {
      description:
        'For each message, in order, what the route for one would answer; pointers start at the message',
    }),
  },
  { title: 'MessageBatchAnswer', headers: REPEAT_HEADERS },
)

const SENDS: Access = { kind: 'app', scope: 'messages:send' }

export function messagesRoutes(deps: { acceptMessages: AcceptMessages }): FastifyPluginAsyncTypebox {
  const { acceptMessages } = deps
  return async (app) => {
    const shared = { tags: ['messages'], headers: IdempotencyHeaders }

    app.post(
      '/api/messages',
      {
        config: { access: SENDS, examples: SEND_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'sendMessage',
          summary: 'Send a message',
          description:
            'Answers 202 once the message is durable in Redis. It then reaches one end, once. With an Idempotency-Key it can be ' +
            'repeated after any answer, or none: the message is sent once, and the repeat gets the first answer. Only what was ' +
            'accepted is remembered: after a 4xx the key is free, and after a 503 unless the message was on its way already, which the repeat ' +
            'then tells. 422 idempotency_mismatch: the key came with another ' +
            'body before. 429 recipient_limited: the operator of this service limits how many messages a recipient gets. 429 app_limited: ' +
            'the app has too many messages that have not reached an end, or has sent as many as it may in a day. 429 source_limited: too many were ' +
            'asked for from one sourceIp. 429 prefix_limited: too many go to numbers like this one. 422 country_refused: the app may not send ' +
            'to this country.',
          body: MessageRequestSchema,
          response: {
            202: AcceptedAnswer,
            ...problems(400, 413, 415, 503, {
              403: ['recipient_not_in_team'],
              422: ['idempotency_mismatch', 'country_refused'],
              429: ['recipient_limited', 'app_limited', 'source_limited', 'prefix_limited'],
            }),
          },
        },
      },
      async (request, reply) => {
        const { isRepeat, results } = await acceptMessages({
          caller: appOf(request),
          requests: [request.body],
          ...aboutRequest(request),
          ...idempotencyOf(request),
        })
        const [message] = results
        if (message instanceof ProblemError) throw message
        if (!message) throw new RangeError('a request without a result')
        if (isRepeat) reply.header('idempotency-replayed', 'true')
        return reply.code(202).header('location', `/api/messages/${message.id}`).send(accepted(message))
      },
    )

    app.post(
      '/api/messages/batch',
      {
        bodyLimit: BATCH_LIMIT_BYTES,
        config: { access: SENDS, documentedBody: batchOf(MessageRequestSchema), examples: BATCH_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'sendMessages',
          summary: `Send up to ${MOST_MESSAGES} messages`,
          description:
            'Each message has a result of its own: it is accepted, or there is a problem with it that concerns no other. A 503 ' +
            'means that none was accepted; what a worker had taken by then is sent, and a repeat with the same key finds it, and a 503 for each of the others. A repeat with the same Idempotency-Key gets the same results, those of messages that ' +
            'were refused included: send these again with a new key.',
          body: BatchSchema,
          response: {
            202: BatchAnswer,
            ...problems(400, 413, 415, 503, { 422: ['idempotency_mismatch'], 429: ['app_limited'] }),
          },
        },
      },
      async (request, reply) => {
        const { isRepeat, results } = await acceptMessages({
          caller: appOf(request),
          requests: request.body.messages.map((item) => readItem(request, item)),
          ...aboutRequest(request),
          ...idempotencyOf(request),
        })
        if (isRepeat) reply.header('idempotency-replayed', 'true')
        return reply
          .code(202)
          .type('application/json; charset=utf-8')
          .serializer(JSON.stringify)
          .send(summary(results))
      },
    )
  }
}

/** The message, if it is one by the schema of the route for one message; otherwise what that route would say of it. */
function readItem(
  request: Pick<FastifyRequest, 'compileValidationSchema'>,
  item: unknown,
): MessageRequest | ProblemError {
  const validate = request.compileValidationSchema(MessageRequestSchema)
  return validate(item) ? (item as MessageRequest) : invalidRequest(validate.errors ?? [])
}

function summary(results: Awaited<ReturnType<AcceptMessages>>['results']): Static<typeof BatchAnswer> {
  const rejected = results.filter((result) => result instanceof ProblemError).length
  return {
    accepted: results.length - rejected,
    rejected,
    results: results.map((result) => (result instanceof ProblemError ? result.toBody() : accepted(result))),
  }
}

function idempotencyOf({ headers, body }: { headers: Static<typeof IdempotencyHeaders>; body: unknown }): {
  idempotency?: AdmissionRequest['idempotency']
} {
  const key = headers['idempotency-key']
  return key === undefined ? {} : { idempotency: { key, body: canonicalJson(body) } }
}
