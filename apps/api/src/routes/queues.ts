/** For operators: the queues, and holding up the one of the messages. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { IsoTime, isoTimeOrNull } from '../iso-time.ts'
import { OneLine } from '../one-line.ts'
import { operatorOf, type Access } from '../plugins/auth.ts'
import { problems } from '../problem.ts'
import type { QueueState, QueueStates } from '../queue-state.ts'
import { PAUSE_EXAMPLES, QUEUES_EXAMPLES, RESUME_EXAMPLES } from './operator-examples.ts'

const StateSchema = Type.Object(
  {
    name: Type.String(),
    waiting: Type.Integer({ description: 'jobs that can be taken now' }),
    active: Type.Integer({ description: 'jobs that workers have in hand' }),
    delayed: Type.Integer({ description: 'jobs that wait for a moment' }),
    failed: Type.Integer({ description: 'of `messages`: those that went to the fallback within a day' }),
    isPaused: Type.Boolean({ description: 'nothing is taken from it' }),
    mayBePaused: Type.Boolean(),
    oldestWaitingAt: Type.Union([IsoTime, Type.Null()], {
      description: 'when the oldest of the hundred that are next came',
    }),
  },
  { title: 'QueueState' },
)

const Name = Type.Object({
  name: Type.String({ pattern: '^[a-z-]{1,32}$', description: 'the name of a queue' }),
})

const READS: Access = { kind: 'operator', scope: 'board:read' }
const WRITES: Access = { kind: 'operator', scope: 'board:write' }

export function queueRoutes({ queueStates }: { queueStates: QueueStates }): FastifyPluginAsyncTypebox {
  return async (app) => {
    const shared = { tags: ['operators'] }

    app.get(
      '/api/admin/queues',
      {
        config: { access: READS, examples: QUEUES_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'listQueues',
          summary: 'How long the queues are',
          response: { 200: Type.Object({ queues: Type.Array(StateSchema) }), ...problems(503) },
        },
      },
      async () => ({ queues: (await queueStates.list()).map(shown) }),
    )

    app.post(
      '/api/admin/queues/:name/pause',
      {
        config: { access: WRITES, examples: PAUSE_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'pauseQueue',
          summary: 'Stop taking messages from the queue',
          description:
            'Only `messages`, and whatever BOARD_WRITES says: that is about the board. Messages are accepted and wait; those whose time ' +
            'runs out fall back. Who and why goes into the audit.',
          params: Name,
          body: Type.Object({ why: OneLine('why it is done') }, { additionalProperties: false }),
          response: {
            200: StateSchema,
            ...problems(400, 404, 413, 415, 422, 503, { 409: ['queue_not_pausable'] }),
          },
        },
      },
      async (request) => {
        const { name } = request.params
        const how = { operator: operatorOf(request).name, why: request.body.why }
        return shown(await queueStates.pause(name, how))
      },
    )

    app.post(
      '/api/admin/queues/:name/resume',
      {
        config: { access: WRITES, examples: RESUME_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'resumeQueue',
          summary: 'Take messages from the queue again',
          params: Name,
          response: { 200: StateSchema, ...problems(404, 422, 503, { 409: ['queue_not_pausable'] }) },
        },
      },
      async (request) =>
        shown(await queueStates.resume(request.params.name, { operator: operatorOf(request).name })),
    )
  }
}

function shown({ oldestWaitingAt, ...state }: QueueState) {
  return { ...state, oldestWaitingAt: isoTimeOrNull(oldestWaitingAt) }
}
