/** For operators: the status page, live, with what they may do about the token; and the same as data. */
import { Secret } from '@relais/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Live } from '../live.ts'
import type { ReadOverview } from '../overview.ts'
import { statusPage, type Said } from '../pages/status-page.ts'
import { operatorOf, type Access } from '../plugins/auth.ts'
import { fieldIn, registerForms } from '../plugins/forms.ts'
import { asPages } from '../plugins/headers.ts'
import { toProblem } from '../plugins/problems.ts'
import { problems, refuseAsUnavailable } from '../problem.ts'
import type { TokenActions } from '../token-actions.ts'
import { OVERVIEW_EXAMPLES } from './operator-examples.ts'
import { OverviewSchema } from './overview-answer.ts'

const LOOKS: Access = { kind: 'operator', scope: 'status:read', by: 'basic' }
const CHANGES: Access = { kind: 'operator', scope: 'token:write', by: 'basic' }
const READS: Access = { kind: 'operator', scope: 'status:read' }

/** Whoever asks for data has the time for what Meta takes to answer: `SEND_TIMEOUT_MS` at most. */
const MOST_WAIT_MS = 30_000

/** What a page says after it was loaded anew: the names stand in its URL, the texts do not. */
const SAID: Readonly<Record<string, Said>> = {
  renewed: { mood: 'good', text: 'The token was renewed.' },
  updated: { mood: 'good', text: 'The new token is in use.' },
}

export type AdminDeps = {
  readOverview: ReadOverview
  live: Live
  tokenActions: TokenActions
}

export async function registerAdmin(app: FastifyInstance, deps: AdminDeps): Promise<void> {
  const { readOverview, live, tokenActions } = deps
  await app.register(async (scope) => {
    asPages(scope, { hasForms: true })
    registerForms(scope)

    scope.get<{ Querystring: { said?: string } }>(
      '/admin',
      { config: { access: LOOKS }, schema: { hide: true } },
      (request, reply) => {
        const { said } = request.query
        return show(
          request,
          reply,
          typeof said === 'string' && Object.hasOwn(SAID, said) ? SAID[said] : undefined,
        )
      },
    )

    scope.get('/admin/events', { config: { access: LOOKS }, schema: { hide: true } }, (_request, reply) => {
      reply.hijack()
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value)
      }
      live.add(reply.raw)
    })

    scope.post(
      '/admin/token/renew',
      { config: { access: CHANGES }, schema: { hide: true } },
      (request, reply) =>
        act(request, reply, 'renewed', async () => {
          await tokenActions.renew(operatorOf(request).name)
        }),
    )

    scope.post('/admin/token', { config: { access: CHANGES }, schema: { hide: true } }, (request, reply) =>
      act(request, reply, 'updated', async () => {
        const [accessToken, appSecret] = ['accessToken', 'appSecret'].map((name) =>
          fieldIn(request.body, name)?.trim(),
        )
        await tokenActions.update(operatorOf(request).name, {
          accessToken: new Secret(accessToken ?? ''),
          ...(appSecret !== undefined && { appSecret: new Secret(appSecret) }),
        })
      }),
    )
  })

  app.get(
    '/api/admin/overview',
    {
      config: { access: READS, documentedAnswer: OverviewSchema, examples: OVERVIEW_EXAMPLES },
      schema: {
        tags: ['operators'],
        operationId: 'getOverview',
        summary: 'All that the status page shows',
        description:
          'Times are milliseconds since 1970. What is found wrong is in `findings`, the worst first: docs/runbook.md has a section for each.',
        response: problems(503),
      },
    },
    () => readOverview({ waitMs: MOST_WAIT_MS }).catch(refuseAsUnavailable),
  )

  /** Says what came of it: on the page loaded anew, or here with why not. */
  async function act(
    request: FastifyRequest,
    reply: FastifyReply,
    said: keyof typeof SAID,
    action: () => Promise<void>,
  ): Promise<FastifyReply> {
    try {
      await action()
    } catch (error) {
      const problem = toProblem(error)
      return show(request, reply.code(problem.statusCode), { mood: 'bad', text: problem.message })
    }
    return reply.redirect(`/admin?said=${said}`, 303)
  }

  async function show(
    request: FastifyRequest,
    reply: FastifyReply,
    said: Said | undefined,
  ): Promise<FastifyReply> {
    const overview = await readOverview().catch(() => undefined)
    const mayWrite = operatorOf(request).scopes.includes('token:write')
    if (!overview) reply.code(503)
    return reply.type('text/html; charset=utf-8').send(statusPage({ overview, mayWrite, said }))
  }
}
