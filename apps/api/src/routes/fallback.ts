/** For operators: what fell back of late, and one code at a time. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { FALLBACK_REASONS, MESSAGE_TYPES } from '@relais/core'
import { Type } from 'typebox'
import { IsoTime, isoTime } from '../iso-time.ts'
import type { FallbackEntry, ListFallbacks } from '../list-fallbacks.ts'
import { OneLine } from '../one-line.ts'
import { operatorOf, type Access } from '../plugins/auth.ts'
import { problems, refuseAsUnavailable } from '../problem.ts'
import type { RevealCode } from '../reveal-code.ts'
import { FALLBACK_EXAMPLES, REVEAL_EXAMPLES } from './operator-examples.ts'

const LIST_DEFAULT = 50

const MessageId = Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$', description: 'the id of a message' })

const RecordSchema = Type.Object(
  {
    messageId: Type.String(),
    app: Type.String(),
    type: Type.Enum([...MESSAGE_TYPES], { title: 'MessageType' }),
    to: Type.String({ description: 'the last four digits' }),
    reason: Type.Enum([...FALLBACK_REASONS], { title: 'FallbackReason', description: 'why it fell back' }),
    detail: Type.Optional(Type.String()),
    fellBackAt: IsoTime,
    expiresAt: IsoTime,
    reference: Type.Optional(Type.String()),
    isRevealable: Type.Boolean({ description: 'its code can be revealed now' }),
    revealedAt: Type.Optional(IsoTime),
    revealedBy: Type.Optional(Type.String({ description: 'the operator' })),
    usedAt: Type.Optional(IsoTime),
  },
  { title: 'FallbackRecord' },
)

const READS: Access = { kind: 'operator', scope: 'fallback:read' }
const REVEALS: Access = { kind: 'operator', scope: 'fallback:reveal' }

export function fallbackRoutes(deps: {
  listFallbacks: ListFallbacks
  revealCode: RevealCode
}): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.addHook('onSend', async (_request, reply) => {
      reply.header('cache-control', 'no-store')
    })
    const shared = { tags: ['operators'] }

    app.get(
      '/api/fallback',
      {
        config: { access: READS, examples: FALLBACK_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'listFallbacks',
          summary: 'Messages that fell back of late',
          description: 'Of the last day, the latest first. No code is in it.',
          querystring: Type.Object(
            {
              limit: Type.Optional(
                Type.String({
                  pattern: '^([1-9]|[1-9][0-9]|1[0-9][0-9]|200)$',
                  description: 'a whole number from 1 to 200; 50 unless given',
                }),
              ),
              before: Type.Optional({ ...MessageId, description: '`next` of the answer before' }),
              app: Type.Optional(
                Type.String({ pattern: '^[A-Za-z0-9_-]{1,32}$', description: 'the name of an app' }),
              ),
            },
            { additionalProperties: false },
          ),
          response: {
            200: Type.Object({
              records: Type.Array(RecordSchema),
              next: Type.Union([Type.String(), Type.Null()], {
                description: 'goes into `before` for those that fell back earlier; null when there are none',
              }),
            }),
            ...problems(422, 503),
          },
        },
      },
      async (request) => {
        const { limit, before, app: appName } = request.query
        const query = {
          most: limit === undefined ? LIST_DEFAULT : Number(limit),
          after: before,
          app: appName,
        }
        const { records, next } = await deps.listFallbacks(query).catch(refuseAsUnavailable)
        return { records: records.map(shown), next }
      },
    )

    app.post(
      '/api/fallback/:id/reveal',
      {
        config: { access: REVEALS, examples: REVEAL_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'revealCode',
          summary: 'Read the code of a message that fell back',
          description:
            'Once for each code, ten a minute for each operator, and never after the deadline. Who, when and why goes into the audit. ' +
            '410 code_expired. 409 already_revealed: somebody has had it; already_ended: it was used meanwhile; reveal_unavailable: ' +
            'it has no code that Relais can read.',
          params: Type.Object({ id: MessageId }),
          body: Type.Object({ reason: OneLine('why you need it') }, { additionalProperties: false }),
          response: {
            200: Type.Object({
              messageId: Type.String(),
              to: Type.String(),
              code: Type.String(),
              expiresAt: IsoTime,
            }),
            ...problems(400, 404, 413, 415, 422, 503, {
              409: ['already_revealed', 'already_ended', 'reveal_unavailable'],
              410: ['code_expired'],
              429: ['operator_limited'],
            }),
          },
        },
      },
      async (request) => {
        const { reason } = request.body
        const revealed = await deps.revealCode(request.params.id, {
          operator: operatorOf(request).name,
          reason,
        })
        return { ...revealed, expiresAt: isoTime(revealed.expiresAt) }
      },
    )
  }
}

function shown({ fellBackAt, expiresAt, revealedAt, usedAt, ...entry }: FallbackEntry) {
  return {
    ...entry,
    fellBackAt: isoTime(fellBackAt),
    expiresAt: isoTime(expiresAt),
    ...(revealedAt !== undefined && { revealedAt: isoTime(revealedAt) }),
    ...(usedAt !== undefined && { usedAt: isoTime(usedAt) }),
  }
}
