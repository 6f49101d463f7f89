/** How bodies are read: JSON, strictly, and nothing else. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ProblemError } from '../problem.ts'
import { parseStrictJson } from '../strict-json.ts'

/** Register before the routes. */
export function registerBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const read = async (request: FastifyRequest, bytes: Buffer) =>
    // Many clients name the type of a body that they do not send.
    bytes.length === 0 && !isBodyNeeded(request) ? undefined : parseStrictJson(bytes)
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, read)
  app.addHook('preParsing', async ({ headers }) => {
    const coding = headers['content-encoding']
    if (coding === undefined || coding.toLowerCase() === 'identity') return
    throw new ProblemError(415, 'unsupported_media_type', 'Send the body as it is, without Content-Encoding.')
  })
}

function isBodyNeeded({ routeOptions }: FastifyRequest): boolean {
  const { type } = (routeOptions.schema?.body ?? {}) as { type?: unknown }
  return type === 'object'
}
