/** For apps: what became of a message, and how to end it. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { EndByApp } from '../end-by-app.ts'
import { appOf, type Access } from '../plugins/auth.ts'
import { problems } from '../problem.ts'
import { MessageSchema, shown } from './message-answer.ts'
import { CANCEL_EXAMPLES, READ_EXAMPLES, USED_EXAMPLES } from './message-examples.ts'

const READS: Access = { kind: 'app', scope: 'messages:read' }
const ENDS: Access = { kind: 'app', scope: 'messages:end' }

const params = Type.Object({ id: Type.String() })

/** Nothing is asked for; whoever sends something expects what does not happen. */
const NoBody = Type.Unsafe<object | null>({ type: ['object', 'null'], additionalProperties: false })

export function messageRoutes(deps: { endByApp: EndByApp }): FastifyPluginAsyncTypebox {
  const { endByApp } = deps
  return async (app) => {
    const shared = { tags: ['messages'], params }

    app.get(
      '/api/messages/:id',
      {
        config: { access: READS, examples: READ_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'getMessage',
          summary: 'What became of a message',
          response: { 200: MessageSchema, ...problems(404, 503) },
        },
      },
      async (request) => shown(await endByApp.own(appOf(request), request.params.id)),
    )

    app.delete(
      '/api/messages/:id',
      {
        config: { access: ENDS, examples: CANCEL_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'cancelMessage',
          summary: 'Take a message back',
          description:
            'While no worker has begun to send it. It is then never sent, and its code is erased. A repeat gets the same 200. ' +
            '409 already_sent: it is with Meta, or may be. 409 already_ended: it went to the fallback, expired, or was used.',
          response: {
            200: MessageSchema,
            ...problems(400, 404, 413, 415, 503, { 409: ['already_sent', 'already_ended'] }),
          },
        },
      },
      async (request) => shown(await endByApp.cancel(appOf(request), request.params.id)),
    )

    app.post(
      '/api/messages/:id/used',
      {
        config: { access: ENDS, examples: USED_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'markMessageUsed',
          summary: 'Tell that the code was used',
          description:
            'Ends the message in any state: nothing more is sent, no fallback starts, the code is erased. A repeat gets the same ' +
            '200. After a fallback the answer is 200 as well and the message stays as it is: the code may have been read out by ' +
            'an operator. 409 already_ended: it was canceled or has expired.',
          body: NoBody,
          response: {
            200: MessageSchema,
            ...problems(400, 404, 413, 415, 422, 503, { 409: ['already_ended'] }),
          },
        },
      },
      async (request) => shown(await endByApp.use(appOf(request), request.params.id)),
    )
  }
}
