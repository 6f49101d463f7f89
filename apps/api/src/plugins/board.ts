import { createBullBoard } from '@bull-board/api'
import { FastifyAdapter } from '@bull-board/fastify'
import type { MessageStore } from '@relais/core'
import type { Queue } from 'bullmq'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { PROBLEM_TYPE, ProblemError, queueUnavailable } from '../problem.ts'
import { guardScope } from './auth.ts'
import { guardActions, isWritable, type OnAction } from './board-actions.ts'
import { shownOnBoard } from './board-view.ts'
import { asPages } from './headers.ts'
import { toProblem } from './problems.ts'

const BOARD_PATH = '/admin/queues'

/** The colours of its Redis logo. */
const LOGO_STYLE = "'sha256-r2N1TB/gHbBtBZFKg7ejmq1acVSREzucTAEw6ga4hoU='"

export type BoardDeps = {
  queues: Queue[]
  /** Where the facts of a job's message are. */
  store: Pick<MessageStore, 'read'>
  /** May operators change anything? See `board-actions.ts` for what. */
  allowsWrites: boolean
  /** Told before an action is carried out, which is not if this rejects. */
  onAction?: OnAction
}

/** Bull Board. It has no login of its own, so the scope has one. */
export async function registerBoard(app: FastifyInstance, deps: BoardDeps): Promise<void> {
  const { queues, store, allowsWrites } = deps
  const adapter = new FastifyAdapter()
  adapter.setBasePath(BOARD_PATH)
  createBullBoard({
    queues: queues.map((queue) =>
      shownOnBoard(queue, { store, readOnlyMode: !allowsWrites || !isWritable(queue.name) }),
    ),
    serverAdapter: adapter,
    options: {
      uiConfig: {
        boardTitle: 'Relais',
        miscLinks: [{ text: 'Relais: state', url: '/admin' }],
        hideDocsLink: true,
      },
    },
  })
  adapter.setErrorHandler((error) => {
    const problem = toProblem(isOfTheClient(error) ? unreadable(error) : queueUnavailable(error))
    // Its types know fewer statuses than it passes on.
    return { status: problem.statusCode as 500, body: problem.toBody() }
  })
  await app.register(async (scope) => {
    guardScope(scope, (method) => ({
      kind: 'operator',
      scope: ['GET', 'HEAD'].includes(method) ? 'board:read' : 'board:write',
      by: 'basic',
    }))
    asPages(scope, { inlineStyles: [LOGO_STYLE] })
    guardActions(scope, { ...deps, path: BOARD_PATH })
    scope.addHook('onSend', async (_request, reply, payload) => {
      if (typeof payload !== 'string') return payload
      const type = String(reply.getHeader('content-type'))
      if (type.startsWith('text/html')) return undressed(payload)
      return reply.statusCode >= 400 && type.startsWith('application/json')
        ? asProblem(reply, payload)
        : payload
    })
    await scope.register(adapter.registerPlugin(), { prefix: BOARD_PATH })
  })
}

/** Its loading screen has inline styles, and its fonts would come from elsewhere: it does without both. */
function undressed(page: string): string {
  return page
    .replaceAll(/<link href="https:[^>]*>/g, '')
    .replaceAll(/<style>[^<]*<\/style>/g, '')
    .replaceAll(/ style="[^"]*"/g, '')
}

/** A path out of the folder of its files, a bad escape in a query: all else that fails here is Redis. */
function isOfTheClient(error: Error & { statusCode?: number }): boolean {
  const { statusCode = 500 } = error
  return error instanceof URIError || statusCode < 500
}

function unreadable(cause: Error): ProblemError {
  return new ProblemError(400, 'bad_request', 'The URL cannot be read.', { cause })
}

/** What its page reads stays, and is a problem besides. */
function asProblem(reply: FastifyReply, refusal: string): string {
  reply.type(PROBLEM_TYPE)
  const { statusCode } = reply
  const code = statusCode === 404 ? 'not_found' : 'bad_request'
  const problem = new ProblemError(statusCode, code, 'The board cannot do this.')
  return JSON.stringify({ ...(JSON.parse(refusal) as object), ...problem.toBody() })
}
