import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { FastifyAdapter } from '@bull-board/fastify'
import type { Queue } from 'bullmq'
import type { FastifyInstance } from 'fastify'
import type { Receipt } from '@relais/core'
import { queueUnavailable } from '../problem.ts'
import { guardScope } from './auth.ts'
import { toProblem } from './problems.ts'

const BOARD_PATH = '/admin/queues'

/** The page loads nothing from elsewhere, is not framed, and stays in no cache. */
const PAGE_HEADERS = {
  'cache-control': 'no-store',
  'x-frame-options': 'DENY',
  'content-security-policy':
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
}

/** Bull Board, to look at: jobs are moved by Relais, not by hand. It has no login of its own, so the scope has one. */
export async function registerBoard(app: FastifyInstance, deps: { queues: Queue[] }): Promise<void> {
  const adapter = new FastifyAdapter()
  adapter.setBasePath(BOARD_PATH)
  createBullBoard({
    queues: deps.queues.map(shown),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'Relais' } },
  })
  adapter.setErrorHandler((error) => {
    const problem = toProblem(queueUnavailable(error))
    // Its types know fewer statuses than it passes on.
    return { status: problem.statusCode as 500, body: problem.toBody() }
  })
  await app.register(async (scope) => {
    guardScope(scope, (method) => ({
      kind: 'operator',
      scope: ['GET', 'HEAD'].includes(method) ? 'board:read' : 'board:write',
      by: 'basic',
    }))
    scope.addHook('onSend', async (_request, reply) => {
      reply.headers(PAGE_HEADERS)
    })
    await scope.register(adapter.registerPlugin(), { prefix: BOARD_PATH })
  })
}

function shown(queue: Queue): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, { readOnlyMode: true })
  adapter.setFormatter('data', withoutProviderIds)
  return adapter
}

/** Meta's id of a message holds the recipient's number in base64. */
function withoutProviderIds(data: { receipts?: Receipt[] }): unknown {
  if (!data.receipts) return data
  return {
    ...data,
    receipts: data.receipts.map((receipt) => ({ ...receipt, providerMessageId: '[hidden]' })),
  }
}
