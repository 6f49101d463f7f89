/** How forms of our own pages are read. Register in the scope of the pages. */
import type { FastifyInstance } from 'fastify'
import { ProblemError } from '../problem.ts'
import { sendProblem } from './problems.ts'
import { isSameOrigin } from './same-origin.ts'

/** A token of the longest kind, and its app secret. */
const MOST_BYTES = 16 * 1024

/** Only what comes from a page of ours is taken, because browsers send the operator's password along with whatever any page asks for. */
export function registerForms(scope: FastifyInstance): void {
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: MOST_BYTES },
    async (_request: unknown, body: string) => Object.fromEntries(new URLSearchParams(body)),
  )
  scope.addHook('onRequest', async (request, reply) => {
    if (request.method === 'GET' || request.method === 'HEAD' || isSameOrigin(request)) return undefined
    return sendProblem(reply, new ProblemError(403, 'forbidden', 'This did not come from a page of ours.'))
  })
}

/** A field that was filled in. */
export function fieldIn(body: unknown, name: string): string | undefined {
  const value =
    typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}
