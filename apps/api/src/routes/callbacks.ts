/** For operators: where the events of apps go, how that does, and mending it. */
import { FALLBACK_REASONS, TOLD_STATUSES, eventId, type DeadEvent } from '@relais/core'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { CallbackActions, CallbackSeen } from '../callback-actions.ts'
import { IsoTime, isoTime } from '../iso-time.ts'
import { operatorOf, type Access } from '../plugins/auth.ts'
import { problems } from '../problem.ts'
import { CALLBACK_EXAMPLES } from './callback-examples.ts'

const READS: Access = { kind: 'operator', scope: 'status:read' }
const WRITES: Access = { kind: 'operator', scope: 'callbacks:write' }

/** So many dead letters are shown. */
const MOST_SHOWN = 100

const UNREADABLE = { 409: ['callback_unreadable'] } as const

/** As the names of apps are: see `CALLER_NAME`. */
const App = Type.Object({
  app: Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$',
    description: 'the name of an app: a letter or digit, then up to 31 of A-Z a-z 0-9 _ -',
  }),
})

const SecretShown = Type.String({ description: 'whsec_..., shown this once: what checks the signatures' })

const CallbackSchema = Type.Object(
  {
    app: Type.String(),
    url: Type.String({ description: 'without its query' }),
    state: Type.Enum(['working', 'failing', 'paused']),
    setAt: IsoTime,
    oldSecretUntil: Type.Optional(IsoTime),
    lastDeliveredAt: Type.Optional(IsoTime),
    failures: Type.Integer({ description: 'in a row' }),
    failingSince: Type.Optional(IsoTime),
    lastFault: Type.Optional(Type.String()),
    pausedAt: Type.Optional(IsoTime),
    nextProbeAt: Type.Optional(IsoTime),
    waiting: Type.Integer({ description: 'messages of which events wait' }),
    oldestWaitingAt: Type.Optional(IsoTime),
    dead: Type.Integer({ description: 'events that were given up' }),
  },
  { title: 'Callback' },
)

const DeadSchema = Type.Object(
  {
    id: Type.String(),
    type: Type.String(),
    messageId: Type.String(),
    sequence: Type.Integer(),
    status: Type.Enum([...TOLD_STATUSES]),
    reason: Type.Optional(Type.Enum([...FALLBACK_REASONS])),
    at: IsoTime,
    tries: Type.Integer(),
    why: Type.String({ description: 'why it was given up' }),
    diedAt: IsoTime,
  },
  { title: 'DeadEvent' },
)

export function callbackRoutes(deps: { callbacks: CallbackActions }): FastifyPluginAsyncTypebox {
  const { callbacks } = deps
  return async (app) => {
    const shared = { tags: ['operators'], params: App }
    const faults = problems(404, 422, 503, UNREADABLE)

    app.get(
      '/api/admin/callbacks',
      {
        config: { access: READS, examples: CALLBACK_EXAMPLES.listCallbacks },
        schema: {
          tags: ['operators'],
          operationId: 'listCallbacks',
          summary: 'Where the events of apps go, and how that does',
          response: {
            200: Type.Object({
              callbacks: Type.Array(CallbackSchema),
              unreadable: Type.Array(Type.String(), {
                description: 'apps whose callback does not open with ENCRYPTION_KEYS',
              }),
            }),
            ...problems(503),
          },
        },
      },
      async () => {
        const all = await callbacks.list()
        return { ...all, callbacks: all.callbacks.map(shownCallback) }
      },
    )

    app.put(
      '/api/admin/callbacks/:app',
      {
        config: { access: WRITES, examples: CALLBACK_EXAMPLES.setCallback },
        schema: {
          ...shared,
          operationId: 'setCallback',
          summary: 'Set where the events of an app go',
          description:
            'The secret that signs them is made with the first URL and shown in this answer; with another URL it stays. Give it to the app.',
          body: Type.Object(
            { url: Type.String({ maxLength: 2048, description: 'an https URL that everybody can reach' }) },
            { additionalProperties: false },
          ),
          response: {
            200: Type.Object({
              app: Type.String(),
              url: Type.String(),
              secret: Type.Optional(SecretShown),
            }),
            ...problems(400, 413, 415, 422, 503, { 409: ['callbacks_full', 'callback_unreadable'] }),
          },
        },
      },
      async (request) => {
        const { app: name } = request.params
        return { app: name, ...(await callbacks.set(operatorOf(request).name, name, request.body.url)) }
      },
    )

    app.delete(
      '/api/admin/callbacks/:app',
      {
        config: { access: WRITES, examples: CALLBACK_EXAMPLES.removeCallback },
        schema: {
          ...shared,
          operationId: 'removeCallback',
          summary: 'Tell an app nothing any more',
          description: 'Its secrets, the events that wait and the dead letters are forgotten.',
          response: { 200: Type.Object({ app: Type.String(), removed: Type.Literal(true) }), ...faults },
        },
      },
      async (request) => {
        await callbacks.remove(operatorOf(request).name, request.params.app)
        return { app: request.params.app, removed: true as const }
      },
    )

    app.post(
      '/api/admin/callbacks/:app/test',
      {
        config: { access: WRITES, examples: CALLBACK_EXAMPLES.testCallback },
        schema: {
          ...shared,
          operationId: 'testCallback',
          summary: 'Post a signed test to the endpoint of an app',
          response: {
            200: Type.Object({ delivered: Type.Literal(true), statusCode: Type.Integer() }),
            ...problems(404, 422, 503, UNREADABLE, { 502: ['callback_undelivered'] }),
          },
        },
      },
      async (request) => {
        const statusCode = await callbacks.test(operatorOf(request).name, request.params.app)
        return { delivered: true as const, statusCode }
      },
    )

    app.post(
      '/api/admin/callbacks/:app/rotate',
      {
        config: { access: WRITES, examples: CALLBACK_EXAMPLES.rotateCallbackSecret },
        schema: {
          ...shared,
          operationId: 'rotateCallbackSecret',
          summary: 'Make a new secret',
          description: 'The one before it signs for 24 hours more, beside the new one.',
          response: {
            200: Type.Object({ app: Type.String(), secret: SecretShown, oldUntil: IsoTime }),
            ...faults,
          },
        },
      },
      async (request) => {
        const { app: name } = request.params
        const { secret, oldUntil } = await callbacks.rotate(operatorOf(request).name, name)
        return { app: name, secret, oldUntil: isoTime(oldUntil) }
      },
    )

    app.post(
      '/api/admin/callbacks/:app/resume',
      {
        config: { access: WRITES, examples: CALLBACK_EXAMPLES.resumeCallback },
        schema: {
          ...shared,
          operationId: 'resumeCallback',
          summary: 'Post what waits now',
          description:
            'For an endpoint that was paused or failing and works again. It is paused anew if it does not.',
          response: { 200: Type.Object({ app: Type.String(), wasPaused: Type.Boolean() }), ...faults },
        },
      },
      async (request) => {
        const { app: name } = request.params
        return { app: name, wasPaused: await callbacks.resume(operatorOf(request).name, name) }
      },
    )

    app.post(
      '/api/admin/callbacks/:app/redrive',
      {
        config: { access: WRITES, examples: CALLBACK_EXAMPLES.redriveEvents },
        schema: {
          ...shared,
          operationId: 'redriveEvents',
          summary: 'Post the events that were given up again',
          response: { 200: Type.Object({ app: Type.String(), redriven: Type.Integer() }), ...faults },
        },
      },
      async (request) => {
        const { app: name } = request.params
        return { app: name, redriven: await callbacks.redrive(operatorOf(request).name, name) }
      },
    )

    app.get(
      '/api/admin/callbacks/:app/dead',
      {
        config: { access: READS, examples: CALLBACK_EXAMPLES.listDeadEvents },
        schema: {
          ...shared,
          operationId: 'listDeadEvents',
          summary: 'The events of an app that were given up',
          description: `The newest ${MOST_SHOWN}, the newest first.`,
          response: { 200: Type.Object({ dead: Type.Array(DeadSchema) }), ...faults },
        },
      },
      async (request) => ({
        dead: (await callbacks.dead(request.params.app, MOST_SHOWN)).map(shownDead),
      }),
    )
  }
}

function shownCallback(callback: CallbackSeen) {
  const { app, url, failures, lastFault, waiting, dead } = callback
  const time = (name: string, at: number | undefined) => at !== undefined && { [name]: isoTime(at) }
  const state: 'working' | 'failing' | 'paused' =
    callback.pausedAt !== undefined ? 'paused' : failures > 0 ? 'failing' : 'working'
  return {
    app,
    url,
    state,
    setAt: isoTime(callback.setAt),
    failures,
    waiting,
    dead,
    ...(lastFault !== undefined && { lastFault }),
    ...time('oldSecretUntil', callback.oldSecretUntil),
    ...time('lastDeliveredAt', callback.deliveredAt),
    ...time('failingSince', callback.failingSince),
    ...time('pausedAt', callback.pausedAt),
    ...time('nextProbeAt', callback.heldUntil),
    ...time('oldestWaitingAt', callback.oldestAt),
  }
}

function shownDead(event: DeadEvent) {
  const { messageId, sequence, status, reason, at, tries, why, diedAt } = event
  return {
    id: eventId(event),
    type: `message.${status}`,
    messageId,
    sequence,
    status,
    ...(reason !== undefined && { reason }),
    at: isoTime(at),
    tries,
    why,
    diedAt: isoTime(diedAt),
  }
}
