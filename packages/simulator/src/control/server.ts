import Fastify, { type FastifyInstance } from 'fastify'
import { addAccount } from './account.ts'
import { addClock } from './clock.ts'
import { addPeople } from './people.ts'
import { faultsBody, tokenBody, tokenRequestBody } from './schemas.ts'
import { addWebhook } from './webhook.ts'
import type { Fault } from '../graph/faults.ts'
import type { Simulator } from '../simulator.ts'

/** The control API, on a port of its own: nothing of it can be reached through Graph paths. */
export function createAdminServer(simulator: Omit<Simulator, 'close' | 'adminUrl'>): FastifyInstance {
  const app = Fastify({
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    // A typo in a body is an error, not something to bend into shape.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
  })
  addReads(app, simulator)
  addSettings(app, simulator)
  addTokens(app, simulator)
  addAccount(app, simulator)
  addPeople(app, simulator)
  addWebhook(app, simulator)
  addClock(app, simulator)
  return app
}

type Control = Omit<Simulator, 'close' | 'adminUrl'>

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
  type TokenRequest = {
    type?: 'SYSTEM_USER' | 'USER'
    userId?: string
    lifeSeconds?: number
    scopes?: string[]
  }
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
  app.post('/tokens/deauthorise', () => {
    simulator.deauthoriseApp()
    return { tokens: simulator.tokens() }
  })
}
