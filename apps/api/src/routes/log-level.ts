/** For operators: the level of the logs of all processes, for a while, without a restart. */
import {
  LOG_LEVELS,
  MOST_LEVEL_MINUTES,
  type Audit,
  type LogLevelControl,
  type LogLevelState,
} from '@relais/core'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { IsoTime, isoTime } from '../iso-time.ts'
import { operatorOf, type Access } from '../plugins/auth.ts'
import { problems, refuseAsUnavailable } from '../problem.ts'
import { LOG_LEVEL_EXAMPLES, SET_LOG_LEVEL_EXAMPLES } from './operator-examples.ts'

const LevelSchema = Type.Object(
  {
    level: Type.String({ description: 'what the process that answers logs now' }),
    usual: Type.String({ description: 'its LOG_LEVEL, to which it goes back' }),
    until: Type.Optional(IsoTime),
  },
  { title: 'LogLevel' },
)

const WRITES: Access = { kind: 'operator', scope: 'logs:write' }

export function logLevelRoutes(deps: {
  logLevel: Pick<LogLevelControl, 'read' | 'set'>
  audit: Pick<Audit, 'append'>
}): FastifyPluginAsyncTypebox {
  const { logLevel, audit } = deps
  return async (app) => {
    const shared = { tags: ['operators'] }

    app.get(
      '/api/admin/log-level',
      {
        config: { access: WRITES, examples: LOG_LEVEL_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'getLogLevel',
          summary: 'The level of the logs',
          response: { 200: LevelSchema, ...problems(503) },
        },
      },
      async () => shown(await logLevel.read().catch(refuseAsUnavailable)),
    )

    app.put(
      '/api/admin/log-level',
      {
        config: { access: WRITES, examples: SET_LOG_LEVEL_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'setLogLevel',
          summary: 'Set the level of the logs for a while',
          description:
            'For all processes: each follows within two seconds, and goes back to its own LOG_LEVEL when the time is over. Warnings and ' +
            'errors are logged at every level that can be set.',
          body: Type.Object(
            {
              level: Type.Enum([...LOG_LEVELS], { description: `one of ${LOG_LEVELS.join(', ')}` }),
              minutes: Type.Integer({
                minimum: 1,
                maximum: MOST_LEVEL_MINUTES,
                description: `a whole number of minutes from 1 to ${MOST_LEVEL_MINUTES}`,
              }),
            },
            { additionalProperties: false },
          ),
          response: { 200: LevelSchema, ...problems(400, 413, 415, 422, 503) },
        },
      },
      async (request) => {
        const { level, minutes } = request.body
        const actor = `operator:${operatorOf(request).name}`
        await audit
          .append({ actor, action: 'logs.level_set', detail: { level, minutes } })
          .catch(refuseAsUnavailable)
        return shown(await logLevel.set(level, minutes).catch(refuseAsUnavailable))
      },
    )
  }
}

function shown({ level, usual, until }: LogLevelState) {
  return { level, usual, ...(until !== undefined && { until: isoTime(until) }) }
}
