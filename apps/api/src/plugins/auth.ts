/**
 * Who is calling, and may they? Each route says in its `config.access` what it takes; one that does not say keeps the app from
 * starting. One hook looks at it, for all routes.
 */
import type { AppCaller, AppScope, Caller, OperatorCaller, OperatorScope } from '@relais/core'
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import type { Callers } from '../callers.ts'
import type { LoginGuard } from '../login-guard.ts'
import type { Logins } from '../logins.ts'
import { ProblemError } from '../problem.ts'
import { sendProblem, toProblem } from './problems.ts'

/**
 * What a route takes. `open`: anybody. `signed`: the route itself checks a signature or a token of Meta's. `hook`: it checks a signature
 * of Supabase's, made with a secret of one app. Otherwise a key of this kind with this scope: as a bearer token, or, for pages in a
 * browser, by HTTP Basic.
 */
export type Access =
  | 'open'
  | 'signed'
  | 'hook'
  | { kind: 'app'; scope: AppScope }
  | { kind: 'operator'; scope: OperatorScope; by?: 'basic' }

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
  interface FastifyRequest {
    /** Whose key came with the request; null on routes that take none. */
    caller: Caller | null
  }
  interface FastifyInstance {
    /** Every route with what it takes, in the order of registration. */
    accessTable: AccessRow[]
  }
}

export type AccessRow = { method: string; url: string; access: Access }

const BEARER = { 'www-authenticate': 'Bearer' }
const BASIC = { 'www-authenticate': 'Basic realm="Relais operators", charset="UTF-8"' }

/** Register before the routes. Throws when the app is made ready with a route that does not say what it takes. */
export function registerAuth(
  app: FastifyInstance,
  deps: { callers: Pick<Callers, 'identify'>; loginGuard: LoginGuard; onLogin: Logins },
): void {
  const routes: RouteOptions[] = []
  app.decorateRequest('caller', null)
  app.decorate('accessTable', [])
  app.addHook('onRoute', (route) => void routes.push(route))
  app.addHook('onReady', async () => {
    app.accessTable.push(...routes.flatMap(rowsOf))
  })
  app.addHook('onRequest', async (request, reply) => {
    const access = request.routeOptions.config?.access
    // Where there is no route there is nothing to guard.
    if (access === undefined || typeof access === 'string') return undefined
    try {
      request.caller = await logIn(request, access)
      return undefined
    } catch (error) {
      // By itself: a page may have an error handler of its own.
      if (access.kind === 'operator' && access.by) return sendProblem(reply, toProblem(error))
      throw error
    }
  })

  async function logIn(request: FastifyRequest, access: Exclude<Access, string>): Promise<Caller> {
    const isBasic = access.kind === 'operator' && access.by === 'basic'
    const given = isBasic ? basicOf(request) : bearerOf(request)
    if (!given) throw unauthorized(isBasic)
    const found = await deps.callers.identify(given.key)
    const isRight = found.kind === 'known' && (given.name === undefined || given.name === found.caller.name)
    const failures = await deps.loginGuard.pass(request.ip, isRight ? found.caller.keyId : undefined)
    const { ip: address } = request
    if (!isRight) {
      const keyId = found.kind === 'unknown' ? undefined : found.caller.keyId
      const why = found.kind === 'ended' ? found.why : 'unknown'
      deps.onLogin({ kind: 'failed', address, failures, why, ...(keyId !== undefined && { keyId }) })
      throw found.kind === 'ended' ? ended(found.why, isBasic) : unauthorized(isBasic)
    }
    const { caller } = found
    const isOfKind = caller.kind === access.kind
    if (!isOfKind || !(caller.scopes as readonly string[]).includes(access.scope)) {
      deps.onLogin({ kind: 'failed', address, failures, why: 'forbidden', keyId: caller.keyId })
      throw forbidden(
        isOfKind ? `This key lacks the scope ${access.scope}.` : 'This key is not for this route.',
      )
    }
    if (caller.kind === 'operator') deps.onLogin({ kind: 'succeeded', address, caller })
    return caller
  }
}

/** The app that calls a route which takes an app's key. */
export function appOf({ caller }: FastifyRequest): AppCaller {
  if (caller?.kind !== 'app') throw new TypeError('this route does not take the key of an app')
  return caller
}

/** The operator who calls a route which takes an operator's key. */
export function operatorOf({ caller }: FastifyRequest): OperatorCaller {
  if (caller?.kind !== 'operator') throw new TypeError('this route does not take the key of an operator')
  return caller
}

/** For routes of a plugin that is not ours: what all of them take. Register in the scope of the plugin, before it. */
export function guardScope(scope: FastifyInstance, accessOf: (method: string) => Access): void {
  scope.addHook('onRoute', (route) => {
    const [method = 'GET'] = [route.method].flat()
    route.config = { ...route.config, access: accessOf(method) }
  })
}

function rowsOf(route: RouteOptions): AccessRow[] {
  const access = route.config?.access
  const methods = [route.method].flat()
  if (!access)
    throw new TypeError(`${methods.join()} ${route.url} does not say who may call it: config.access`)
  return methods.map((method) => ({ method, url: route.url, access }))
}

type Given = { key: string; name?: string }

function bearerOf({ headers }: FastifyRequest): Given | undefined {
  const [, key] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? []
  return key === undefined ? undefined : { key }
}

function basicOf({ headers }: FastifyRequest): Given | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(headers.authorization ?? '') ?? []
  if (encoded === undefined) return undefined
  const [, name = '', key = ''] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? []
  return { name, key }
}

function unauthorized(isBasic: boolean): ProblemError {
  const detail = isBasic
    ? 'Log in with operator name and key.'
    : 'Send a known key: Authorization: Bearer <key>.'
  return new ProblemError(401, 'unauthorized', detail, { headers: isBasic ? BASIC : BEARER })
}

function ended(why: 'expired' | 'revoked', isBasic: boolean): ProblemError {
  const detail = `This key ${why === 'expired' ? 'has expired' : 'was revoked'}. Ask an operator for a new one.`
  return new ProblemError(401, 'unauthorized', detail, { headers: isBasic ? BASIC : BEARER })
}

function forbidden(detail: string): ProblemError {
  return new ProblemError(403, 'forbidden', detail)
}
