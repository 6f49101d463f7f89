import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Examples } from '../documented.ts'

const Health = Type.Object({ status: Type.Enum(['ok', 'unavailable']) }, { title: 'Health' })

const OK: Examples = { ok: { summary: 'All is well', status: 200, answer: { status: 'ok' } } }

/** The process runs; it can do its work. @param deps.isReady answers within a bounded time */
export function healthRoutes(deps: { isReady: () => Promise<boolean> }): FastifyPluginAsyncTypebox {
  return async (app) => {
    const shared = { tags: ['machines'] }
    const config = { access: 'open' as const, examples: OK }
    app.get(
      '/livez',
      {
        config,
        schema: {
          ...shared,
          operationId: 'getLiveness',
          summary: 'The process runs',
          response: { 200: Health },
        },
      },
      async () => ({ status: 'ok' as const }),
    )
    app.get(
      '/readyz',
      {
        config,
        schema: {
          ...shared,
          operationId: 'getReadiness',
          summary: 'It can do its work',
          response: { 200: Health, 503: Health },
        },
      },
      async (_request, reply) => {
        const isReady = await deps.isReady()
        return reply.code(isReady ? 200 : 503).send({ status: isReady ? 'ok' : 'unavailable' })
      },
    )
  }
}
