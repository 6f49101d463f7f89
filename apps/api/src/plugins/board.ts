import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { FastifyAdapter } from '@bull-board/fastify'
import type { Queue } from 'bullmq'
import type { FastifyInstance } from 'fastify'
import type { Receipt } from '@relais/core'
import type { Auth } from './auth.ts'

const BOARD_PATH = '/admin/queues'

/** Bull Board, to look at: jobs are moved by Relais, not by hand. It has no login of its own, so the scope has one. */
export async function registerBoard(
  app: FastifyInstance,
  deps: { auth: Auth; queues: Queue[] },
): Promise<void> {
  const adapter = new FastifyAdapter()
  adapter.setBasePath(BOARD_PATH)
  createBullBoard({
    queues: deps.queues.map(shown),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'Relais' } },
  })
  await app.register(async (scope) => {
    scope.addHook('onRequest', deps.auth.operatorPage)
    scope.addHook('onSend', async (_request, reply) => {
      reply.header('cache-control', 'no-store').header('x-frame-options', 'DENY')
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
