/** Who is calling. Keys are compared as digests, in constant time, against every key there is. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CallerKey } from '../config.ts'
import { ProblemError } from '../problem.ts'
import { sendProblem } from './problems.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The app or operator whose key came with the request; empty on open routes. */
    caller: string
  }
}

export type Callers = { apps: readonly CallerKey[]; operators: readonly CallerKey[] }

const BEARER = { 'www-authenticate': 'Bearer' }
const BASIC = { 'www-authenticate': 'Basic realm="Relais operators", charset="UTF-8"' }

/** Hooks that let a request in, or answer 401 (no known key) or 403 (a key of the other kind). */
export function createAuth({ apps, operators }: Callers) {
  return {
    app: (request: FastifyRequest) => bearer(request, apps, operators),
    operator: (request: FastifyRequest) => bearer(request, operators, apps),

    /** HTTP Basic, for pages: operator name and key. Answers by itself, for pages with an error handler of their own. */
    async operatorPage(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
      const [, encoded = ''] = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(request.headers.authorization ?? '') ?? []
      const [, name = '', key = ''] =
        /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? []
      const known = find(operators, key)
      if (!known || known.name !== name) {
        const detail = 'Log in with operator name and key.'
        return sendProblem(reply, new ProblemError(401, 'unauthorized', detail, { headers: BASIC }))
      }
      request.caller = known.name
      return undefined
    },
  }
}

export type Auth = ReturnType<typeof createAuth>

async function bearer(
  request: FastifyRequest,
  allowed: readonly CallerKey[],
  others: readonly CallerKey[],
): Promise<void> {
  const [, key = ''] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  const known = find(allowed, key)
  const other = find(others, key)
  if (known) request.caller = known.name
  else if (other) throw new ProblemError(403, 'forbidden', 'This key is not for this route.')
  else
    throw new ProblemError(401, 'unauthorized', 'Send a known key: Authorization: Bearer <key>.', {
      headers: BEARER,
    })
}

/** Looks at every key, found or not, so that the time taken says nothing. */
function find(keys: readonly CallerKey[], key: string): CallerKey | undefined {
  const digest = createHash('sha256').update(key).digest()
  return keys.filter((known) => timingSafeEqual(known.sha256, digest))[0]
}
