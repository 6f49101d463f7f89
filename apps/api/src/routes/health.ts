import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'

const Health = Type.Object({ status: Type.Enum(['ok', 'unavailable']) })

/** The process runs; it can do its work. @param deps.isReady answers within a bounded time */
export function healthRoutes(deps: { isReady: () => Promise<boolean> }): FastifyPluginAsyncTypebox {
  return async (app) => {
    const shared = { tags: ['machines'] }
    const config = { access: 'open' as const }
    app.get(
      '/livez',
      { config, schema: { ...shared, summary: 'The process runs', response: { 200: Health } } },
      async () => ({ status: 'ok' as const }),
    )
    app.get(
      '/readyz',
      {
        config,
        schema: { ...shared, summary: 'It can do its work', response: { 200: Health, 503: Health } },
      },
      async (_request, reply) => {
        const isReady = await deps.isReady()
        return reply.code(isReady ? 200 : 503).send({ status: isReady ? 'ok' : 'unavailable' })
      },
    )
  }
}
