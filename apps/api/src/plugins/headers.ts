/** What browsers are told with every answer, so that no answer can be made to do what it was not meant for. */
import type { FastifyInstance } from 'fastify'

/**
 * For answers that are no pages: nothing in them is run, framed, guessed at, read from elsewhere, or kept. There is no CORS: no page of
 * another origin may read an answer.
 */
export const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'x-permitted-cross-domain-policies': 'none',
  'cache-control': 'no-store',
}

/**
 * The policy of our pages: scripts, styles and calls of this origin only, nothing inline.
 *
 * @param inlineStyles hashes of styles that a library puts in
 * @param hasForms forms are sent to this origin
 */
const pagePolicy = (inlineStyles: readonly string[], hasForms: boolean) =>
  `default-src 'none'; script-src 'self'; style-src ${["'self'", ...inlineStyles].join(' ')}; img-src 'self' data:; ` +
  `font-src 'self'; connect-src 'self'; base-uri 'self'; form-action ${hasForms ? "'self'" : "'none'"}; frame-ancestors 'none'`

const A_YEAR_SECONDS = 365 * 24 * 3600

/** Register before the routes. */
export function registerHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS)
    // Only a trusted proxy can say so, and over plain HTTP it must not be said (RFC 6797, 7.2).
    if (request.protocol === 'https') {
      reply.header('strict-transport-security', `max-age=${A_YEAR_SECONDS}; includeSubDomains`)
    }
  })
}

/** For a scope whose routes are pages. */
export function asPages(
  scope: FastifyInstance,
  { inlineStyles = [], hasForms = false }: { inlineStyles?: readonly string[]; hasForms?: boolean } = {},
): void {
  const policy = pagePolicy(inlineStyles, hasForms)
  scope.addHook('onRequest', async (_request, reply) => {
    reply.header('content-security-policy', policy)
  })
}
