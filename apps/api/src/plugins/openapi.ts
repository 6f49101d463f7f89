import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { problems } from '../problem.ts'
import { guardScope } from './auth.ts'
import { asPages } from './headers.ts'
import { WEBHOOKS } from './openapi-webhooks.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the document says of the body, where the route itself looks at it less closely. */
    documentedBody?: object
  }
}

/** Of the invisible drawing that holds the page's icons. */
const ICONS_STYLE = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"

/** The OpenAPI 3.1 document, derived from the routes' own schemas, and a page to read it. Register before the routes. */
export async function registerOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Relais',
        version,
        description: 'One-time codes and other short messages over WhatsApp. Errors are RFC 9457 problems.',
      },
      tags: [
        { name: 'messages', description: 'For apps: an API key' },
        { name: 'operators', description: 'For operators: an ops key' },
        { name: 'callbacks', description: 'What apps are told, at the URL that an operator has set' },
        { name: 'machines', description: 'For Meta and for probes' },
      ],
      webhooks: WEBHOOKS,
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer', description: "An app's key" },
          opsKey: { type: 'http', scheme: 'bearer', description: "An operator's key" },
        },
      },
    },
    transform: ({ schema, url, route }) => {
      const { documentedBody: body, access } = route.config ?? {}
      const guarded = typeof access === 'object' && {
        security: [access.kind === 'app' ? { apiKey: [] } : { opsKey: [] }],
        response: { ...(schema?.response as object), ...problems(401, 403, 429) },
      }
      return { schema: { ...schema, ...(body && { body }), ...guarded }, url }
    },
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, i) => (typeof $id === 'string' ? $id : `schema-${i}`),
    },
  })
  await app.register(async (scope) => {
    guardScope(scope, () => 'open')
    asPages(scope, { inlineStyles: ["'unsafe-hashes'", ICONS_STYLE] })
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      uiConfig: { deepLinking: true },
      logLevel: 'warn',
    })
    scope.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  })
}
