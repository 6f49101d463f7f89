/** For operators: what they were told of that is wrong, and a test of the way they are told. */
import { FINDINGS, type Alert, type Audit } from '@relais/core'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { IsoTime, isoTime } from '../iso-time.ts'
import { operatorOf, type Access } from '../plugins/auth.ts'
import { ProblemError, problems, refuseAsUnavailable } from '../problem.ts'
import type { WatchAlerts } from '../watch-alerts.ts'
import { ALERT_TEST_EXAMPLES, ALERTS_EXAMPLES } from './operator-examples.ts'

const READS: Access = { kind: 'operator', scope: 'status:read' }
/** It wakes people up: more than looking. */
const TESTS: Access = { kind: 'operator', scope: 'board:write' }

const AlertSchema = Type.Object(
  {
    id: Type.Enum([...FINDINGS], { title: 'FindingId', description: 'names its section of docs/runbook.md' }),
    subject: Type.Optional(Type.String()),
    severity: Type.Enum(['critical', 'warning', 'note']),
    what: Type.String(),
    remedy: Type.String(),
    since: IsoTime,
    toldAt: IsoTime,
    isClearing: Type.Boolean({ description: 'not seen any more, and not over yet' }),
  },
  { title: 'Alert' },
)

export function alertRoutes(deps: {
  alerts: Pick<WatchAlerts, 'list' | 'test'>
  audit: Pick<Audit, 'note'>
}): FastifyPluginAsyncTypebox {
  return async (app) => {
    const shared = { tags: ['operators'] }

    app.get(
      '/api/admin/alerts',
      {
        config: { access: READS, examples: ALERTS_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'listAlerts',
          summary: 'What is wrong and was told',
          response: {
            200: Type.Object({
              mode: Type.Union([
                Type.Enum(['connected', 'degraded', 'fallback'], { title: 'SenderMode' }),
                Type.Null(),
              ]),
              firing: Type.Array(AlertSchema),
              undelivered: Type.Integer({ description: 'notifications that nobody has taken yet' }),
              isPosted: Type.Boolean({ description: 'ALERT_WEBHOOK_URL is set' }),
            }),
            ...problems(503),
          },
        },
      },
      async () => {
        const { mode = null, firing, ...rest } = await deps.alerts.list().catch(refuseAsUnavailable)
        return { mode, firing: firing.map(shownAlert), ...rest }
      },
    )

    app.post(
      '/api/admin/alerts/test',
      {
        config: { access: TESTS, examples: ALERT_TEST_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'testAlerts',
          summary: 'Post a signed test to ALERT_WEBHOOK_URL',
          response: {
            200: Type.Object({ delivered: Type.Literal(true), statusCode: Type.Integer() }),
            ...problems({ 409: ['alerts_not_configured'], 502: ['alert_undelivered'] }),
          },
        },
      },
      async (request) => {
        const posted = await deps.alerts.test()
        const actor = `operator:${operatorOf(request).name}`
        deps.audit.note({
          actor,
          action: 'alerts.tested',
          detail: { outcome: posted?.kind ?? 'not-configured' },
        })
        switch (posted?.kind) {
          case undefined:
            throw new ProblemError(
              409,
              'alerts_not_configured',
              'There is nobody to tell: ALERT_WEBHOOK_URL is not set.',
            )
          case 'taken':
            return { delivered: true as const, statusCode: posted.statusCode }
          case 'gone':
          case 'refused':
            throw undelivered(`it answered with ${posted.statusCode}`)
          case 'unreachable':
            throw undelivered(posted.fault)
        }
      },
    )
  }
}

function undelivered(why: string): ProblemError {
  const detail = `The receiver of ALERT_WEBHOOK_URL did not take the test: ${why}. Only 2xx counts as taken.`
  return new ProblemError(502, 'alert_undelivered', detail)
}

function shownAlert({ state, since, firedAt = since, finding }: Alert) {
  const { id, subject, severity, what, remedy } = finding
  return {
    id,
    ...(subject !== undefined && { subject }),
    severity,
    what,
    remedy,
    since: isoTime(finding.since ?? firedAt),
    toldAt: isoTime(firedAt),
    isClearing: state === 'clearing',
  }
}
