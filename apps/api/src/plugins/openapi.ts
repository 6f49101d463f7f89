import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { STATUS_CODES } from 'node:http'
import { completeDocument, EXAMPLES } from '../complete-document.ts'
import type {} from '../documented.ts'
import { PROBLEM_TYPE, problems, ProblemSchema, type ProblemCode } from '../problem.ts'
import { guardScope, type Access } from './auth.ts'
import { asPages } from './headers.ts'
import { WEBHOOKS } from './openapi-webhooks.ts'

/** Of the invisible drawing that holds the page's icons. */
const ICONS_STYLE = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"

const DESCRIPTION =
  'One-time codes and other short messages over WhatsApp.\n\n' +
  'Errors are RFC 9457 problems (`application/problem+json`) with a stable `code`; each answer lists those it can have. Before a route is ' +
  'reached any request can also be answered with 408, 414, 417 or 431, code `bad_request`. 429 and 503 say in `Retry-After` when another ' +
  'try makes sense. Times are RFC 3339, in UTC.'

/** The OpenAPI 3.1 document, derived from what the routes say of themselves, and a page to read and try it. Register before the routes. */
export async function registerOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Relais',
        version,
        description: DESCRIPTION,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: [
        { name: 'messages', description: 'For apps: an API key' },
        { name: 'verifications', description: 'For apps: an API key' },
        { name: 'operators', description: 'For operators: an ops key' },
        { name: 'callbacks', description: 'What apps are told, at the URL that an operator has set' },
        { name: 'machines', description: 'For Meta, for login stacks and for probes' },
      ],
      webhooks: WEBHOOKS,
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer', description: "An app's key" },
          opsKey: { type: 'http', scheme: 'bearer', description: "An operator's key" },
          metaSignature: {
            type: 'apiKey',
            in: 'header',
            name: 'X-Hub-Signature-256',
            description: 'Of Meta, over the bytes of the body, with the app secret',
          },
          webhookSignature: {
            type: 'apiKey',
            in: 'header',
            name: 'webhook-signature',
            description:
              'As Standard Webhooks has it, over webhook-id, webhook-timestamp and the bytes of the body: of Supabase to Relais, of Relais to apps',
          },
        },
      },
    },
    transform: ({ schema, url, route }) => {
      const { documentedBody: body, documentedAnswer, access = 'open', examples } = route.config ?? {}
      const answers = {
        ...(schema?.response as Answers | undefined),
        ...(documentedAnswer && { 200: documentedAnswer }),
      } as Answers
      return {
        schema: {
          ...schema,
          ...(body && { body }),
          response: described(typeof access === 'object' ? withRefusals(answers) : answers),
          security: securityOf(access, route.method),
          ...(examples && { [EXAMPLES]: examples }),
        },
        url,
      }
    },
    transformObject: (derived) =>
      'openapiObject' in derived ? completeDocument({ ...derived.openapiObject }) : derived.swaggerObject,
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, i) => (typeof $id === 'string' ? $id : `schema-${i}`),
    },
  })
  await app.register(async (scope) => {
    guardScope(scope, () => 'open')
    asPages(scope, { inlineStyles: ["'unsafe-hashes'", ICONS_STYLE] })
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      uiConfig: { deepLinking: true, tryItOutEnabled: true, displayRequestDuration: true },
      logLevel: 'warn',
    })
    scope.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  })
}

/** By status: a schema, or a problem with its codes. */
type Answers = Record<number, { codes?: readonly ProblemCode[] }>

/** What the login may answer, on every route that takes a key. */
const REFUSALS: Answers = problems(401, 403, { 429: ['login_limited'] })

function withRefusals(answers: Answers): Answers {
  const merged = { ...answers }
  for (const [status, refusal] of Object.entries(REFUSALS)) {
    const codes = [...new Set([...(answers[Number(status)]?.codes ?? []), ...(refusal.codes ?? [])])]
    merged[Number(status)] = { ...refusal, codes }
  }
  return merged
}

/** Each answer says what it is, and one that is a problem which codes it can have. */
function described(answers: Answers): Answers {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { codes, ...answer }]) => {
      const words = STATUS_CODES[status]
      if (!codes) return [status, { ...answer, 'x-response-description': words }]
      const narrowed = { type: 'object', properties: { code: { enum: [...codes] } } }
      const schema = codes.length > 0 ? { allOf: [ProblemSchema, narrowed] } : ProblemSchema
      const description = `${words}: ${codes.map((code) => `\`${code}\``).join(', ')}`
      return [status, { ...answer, description, content: { [PROBLEM_TYPE]: { schema } } }]
    }),
  )
}

function securityOf(access: Access, method: string | string[]): Record<string, string[]>[] {
  if (access === 'signed') return method === 'POST' ? [{ metaSignature: [] }] : []
  if (access === 'hook') return [{ webhookSignature: [] }]
  if (access === 'open') return []
  return [access.kind === 'app' ? { apiKey: [] } : { opsKey: [] }]
}
