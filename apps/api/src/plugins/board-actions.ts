/**
 * What an operator may do on the board. A job only wakes a worker up, and the message's record says what is to be done: so a job of
 * `messages` or `fallback` can be run again, earlier, or taken away, and its message still ends as it would have, once. Sooner or later:
 * the sweep gives a message that lost its job a new one.
 *
 * Not allowed, whatever is set:
 *
 *     receipts               a receipt that is removed or held up makes a message that arrived look like one that did not: it would be sent twice
 *     access-token           its schedule belongs to the workers
 *     pausing `fallback`     nobody would get the codes before they expire
 *     adding, editing        a job carries what we put there, and its priority the order of all (`fairness.ts`)
 *     rates, concurrency     the pace is kept elsewhere (`pacing.ts`), for all workers
 *     obliterating           takes the jobs of running sends away as well
 */
import type { QueueName } from '@relais/core'
import type { FastifyInstance } from 'fastify'
import { ProblemError } from '../problem.ts'
import { PAUSABLE_QUEUES } from '../queue-state.ts'
import { operatorOf } from './auth.ts'
import { sendProblem } from './problems.ts'
import { isSameOrigin } from './same-origin.ts'

/** @param jobId absent for what concerns many jobs */
export type OnAction = (
  operator: string,
  action: BoardAction,
  queue: string,
  jobId: string | undefined,
) => Promise<unknown> | void

type Rule = { action: string; queues: readonly QueueName[] }

const BOTH = ['messages', 'fallback'] as const

/** By Bull Board's routes. What is not here is not allowed. */
const RULES = {
  'PUT /api/queues/:queueName/:jobId/retry': { action: 'retry', queues: BOTH },
  'PUT /api/queues/:queueName/retry/:queueStatus': { action: 'retry-all', queues: BOTH },
  'PUT /api/queues/:queueName/:jobId/promote': { action: 'promote', queues: BOTH },
  'PUT /api/queues/:queueName/promote': { action: 'promote-all', queues: BOTH },
  'PUT /api/queues/:queueName/:jobId/clean': { action: 'remove', queues: BOTH },
  'PUT /api/queues/:queueName/clean/:queueStatus': { action: 'remove-all', queues: BOTH },
  'PUT /api/queues/:queueName/empty': { action: 'empty', queues: BOTH },
  'PUT /api/queues/:queueName/pause': { action: 'pause', queues: PAUSABLE_QUEUES },
  'PUT /api/queues/:queueName/resume': { action: 'resume', queues: PAUSABLE_QUEUES },
} as const satisfies Record<string, Rule>

type BoardAction = (typeof RULES)[keyof typeof RULES]['action']

export function isWritable(queue: string): boolean {
  return (BOTH as readonly string[]).includes(queue)
}

/**
 * Lets through what only looks, and what is allowed when it comes from the board's own page. Answers by itself: the board has an error
 * handler of its own. Register after the login.
 */
export function guardActions(
  scope: FastifyInstance,
  deps: { path: string; allowsWrites: boolean; onAction?: OnAction },
): void {
  scope.addHook('onRequest', async (request, reply) => {
    if (request.method === 'GET' || request.method === 'HEAD') return undefined
    if (!deps.allowsWrites) {
      return sendProblem(reply, refused(405, 'The board only shows: BOARD_WRITES is off.'))
    }
    if (!isSameOrigin(request)) {
      return sendProblem(reply, refused(403, "This did not come from the board's own page."))
    }
    const { queueName = '', jobId } = request.params as { queueName?: string; jobId?: string }
    const action = actionOf(
      `${request.method} ${request.routeOptions.url?.slice(deps.path.length)}`,
      queueName,
    )
    if (!action) return sendProblem(reply, refused(403, 'This is not done by hand: it could harm messages.'))
    await deps.onAction?.(operatorOf(request).name, action, queueName, jobId)
    return undefined
  })
}

function actionOf(route: string, queue: string): BoardAction | undefined {
  const rule = Object.hasOwn(RULES, route) ? RULES[route as keyof typeof RULES] : undefined
  return rule?.queues.some((name) => name === queue) ? rule.action : undefined
}

function refused(statusCode: number, detail: string): ProblemError {
  return new ProblemError(statusCode, 'forbidden', detail)
}
