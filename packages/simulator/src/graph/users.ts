import { fullScopes, type AccessTokens } from '../world/access-tokens.ts'
import type { Grant } from '../world/token-string.ts'
import { checkGiven, type AppIdentity } from './app-check.ts'
import { unknownObject, type CallerCheck } from './caller-check.ts'
import { parametersOf, type GraphCall } from './call.ts'
import { APP_NAME } from './debug-token.ts'
import { readNode, type NodeFields, type NodeKind } from './node-fields.ts'
import { SIXTY_DAYS_SECONDS } from './oauth.ts'
import { badParameter, refuse, reply, type GraphReply, type Refusal } from './reply.ts'

const userKind: NodeKind = { name: 'User', defaults: ['name'] }
const systemUserKind: NodeKind = { name: 'SystemUser', defaults: ['name'] }
const appKind: NodeKind = { name: 'Application', defaults: ['category', 'link', 'name'] }

/** Who tokens stand for: people, the system user, the app itself. Token errors answer 400. */
export function createUsers(deps: {
  app: AppIdentity
  systemUserId: string
  tokens: AccessTokens
  caller: CallerCheck
  lifeSeconds: number
}) {
  const { app, tokens, systemUserId } = deps

  /** `GET /me`, `/{user_id}`, `/{app_id}`: a user sees itself, everybody sees the app. */
  function read(call: GraphCall): GraphReply {
    const checked = deps.caller.check(call, 400)
    if (checked.refusal !== undefined) return refuse(checked.refusal)
    const { userId, type } = checked.value
    const id = call.node === 'me' ? userId || app.appId : call.node
    if (id === app.appId) return readNode(appFields(), call, appKind)
    if (id !== userId) return refuse(unknownObject('get', call.node))
    const isSystemUser = type === 'SYSTEM_USER'
    const name = isSystemUser ? 'Simulated system user' : 'Awa Diop'
    return readNode({ id, name }, call, isSystemUser ? systemUserKind : userKind)
  }

  function appFields(): NodeFields {
    const link = `https://www.facebook.com/games/?app_id=${app.appId}`
    return { id: app.appId, name: APP_NAME, category: 'Business and pages', link }
  }

  /** `DELETE /{user_id}/permissions[/{permission}]`: taking back everything takes the app's access away. */
  function withdraw(call: GraphCall): GraphReply {
    const checked = deps.caller.check(call, 400)
    if (checked.refusal !== undefined) return refuse(checked.refusal)
    const userId = subjectOf(call, checked.value)
    if (userId === undefined) return refuse(unknownObject('delete', call.node))
    const { rest: permission } = call
    if (permission !== undefined && !fullScopes.includes(permission))
      return refuse(badParameter('The permission is not one of this app'))
    tokens.withdraw(userId, permission)
    return reply({ success: true })
  }

  /** A user for itself, the app for anybody. */
  function subjectOf({ node }: GraphCall, { type, userId }: Grant): string | undefined {
    if (type === 'APP') return node === 'me' ? undefined : node
    return node === 'me' || node === userId ? userId : undefined
  }

  /** `POST /{system_user_id}/access_tokens`: a fresh token of the system user. */
  function issueToken(call: GraphCall): GraphReply {
    const query = parametersOf(call)
    const accessToken = call.accessToken ?? query['access_token']
    const checked = deps.caller.check({ ...call, query, accessToken }, 400)
    if (checked.refusal !== undefined) return refuse(checked.refusal)
    if (call.node !== systemUserId) return refuse(unknownObject('post', call.node))
    const refusal = checkGiven(query, 'appsecret_proof') ?? checkBusinessApp(query)
    if (refusal !== undefined) return refuse(refusal)
    const scopes = query['scope']?.split(',').map((scope) => scope.trim())
    return reply({ access_token: tokens.issue({ scopes, lifeSeconds: requestedLife(query) }) })
  }

  function requestedLife(query: Record<string, string>): number {
    return query['set_token_expires_in_60_days'] === 'true' ? deps.lifeSeconds || SIXTY_DAYS_SECONDS : 0
  }

  function checkBusinessApp(query: Record<string, string>): Refusal | undefined {
    return query['business_app'] === app.appId
      ? undefined
      : badParameter('The parameter business_app is not an app of this business.')
  }

  return { read, withdraw, issueToken }
}

export type Users = ReturnType<typeof createUsers>
