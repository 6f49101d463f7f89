import type { IncomingMessage } from 'node:http'
import Fastify, { type FastifyInstance } from 'fastify'
import { addAccount } from './account.ts'
import { addClock } from './clock.ts'
import { addPeople } from './people.ts'
import { problem } from './problem.ts'
import { appSecretBody, faultsBody, tokenBody, tokenRequestBody } from './schemas.ts'
import { addWebhook } from './webhook.ts'
import type { Fault } from '../graph/faults.ts'
import { isFromElsewhere, isOurHost } from '../guard.ts'
import type { Simulator } from '../simulator.ts'
import type { TokenRequest } from '../world/access-tokens.ts'

type Control = Omit<Simulator, 'close' | 'adminUrl'>

/** The control API, on a port of its own: nothing of it can be reached through Graph paths. */
export function createAdminServer(simulator: Control, listeningHost: string): FastifyInstance {
  const app = Fastify({
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    // A typo in a body is an error, not something to bend into shape.
    ajv: {
      customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, discriminator: true },
    },
  })
  app.addHook('onRequest', (request, _reply, done) => done(foreignness(request.raw, listeningHost)))
  acceptOnlyJson(app)
  addReads(app, simulator)
  addSettings(app, simulator)
  addTokens(app, simulator)
  addAccount(app, simulator)
  addPeople(app, simulator)
  addWebhook(app, simulator)
  addClock(app, simulator)
  return app
}

/** What is wrong with a call that may be made by a web site in somebody's browser, if anything. */
function foreignness(request: IncomingMessage, listeningHost: string): Error | undefined {
  if (!isOurHost(request, listeningHost))
    return problem(403, 'call the control API by an address, localhost or a name without a dot')
  return isFromElsewhere(request) ? problem(403, 'web pages may not call the control API') : undefined
}

/** An empty body is none, whatever it calls itself. */
function acceptOnlyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else void parse(request, String(body), done)
  })
}

function addReads(app: FastifyInstance, simulator: Control): void {
  app.get('/healthz', () => ({ ok: true }))
  app.get('/state', () => simulator.state())
  app.get('/messages', () => ({ messages: simulator.messages() }))
  app.get('/calls', () => ({ calls: simulator.calls() }))
  app.get('/tokens', () => ({ tokens: simulator.tokens() }))
}

function addSettings(app: FastifyInstance, simulator: Control): void {
  app.post<{ Body: { faults: Fault[] } }>('/faults', { schema: { body: faultsBody } }, (request) => {
    simulator.injectFaults(request.body.faults)
    return { waiting: simulator.state().faultsWaiting }
  })
  app.get('/faults', () => ({ faults: simulator.faults() }))
  app.delete('/faults', () => {
    simulator.clearFaults()
    return { waiting: 0 }
  })
  app.post('/reset', () => {
    simulator.reset()
    return simulator.state()
  })
}

function addTokens(app: FastifyInstance, simulator: Control): void {
  type Token = { accessToken?: string; fingerprint?: string }
  app.post<{ Body: TokenRequest }>('/tokens', { schema: { body: tokenRequestBody } }, (request, reply) =>
    reply.code(201).send({ accessToken: simulator.issueToken(request.body) }),
  )
  app.post<{ Body: Token }>('/tokens/revoke', { schema: { body: tokenBody } }, ({ body }) => {
    simulator.revokeToken(body.accessToken ?? body.fingerprint ?? '')
    return { tokens: simulator.tokens() }
  })
  app.post<{ Body: Token }>('/tokens/expire', { schema: { body: tokenBody } }, ({ body }) => {
    simulator.expireToken(body.accessToken ?? body.fingerprint ?? '')
    return { tokens: simulator.tokens() }
  })
  app.post<{ Body: { appSecret: string } }>('/app-secret', { schema: { body: appSecretBody } }, (request) => {
    simulator.changeAppSecret(request.body.appSecret)
    return { changed: true }
  })
  app.post('/tokens/deauthorise', () => {
    simulator.deauthoriseApp()
    return { tokens: simulator.tokens() }
  })
}
