import { createHmac } from 'node:crypto'
import { fullScopes, type AccessTokens, type TokenVerdict } from '../world/access-tokens.ts'
import { unknownObject, type CallerCheck } from './caller-check.ts'
import { parametersOf, type GraphCall } from './call.ts'
import { refuse, reply, type GraphReply, type Refusal } from './reply.ts'
import { sameText } from '../world/token-string.ts'
import { tokenRefusal } from './token-refusal.ts'

const SIXTY_DAYS = 5_184_000

/** The calls about tokens. Their token errors answer 400, not 401. */
export function createOAuth(deps: {
  appId: string
  appSecret: string
  businessId: string
  systemUserId: string
  tokens: AccessTokens
  caller: CallerCheck
  lifeSeconds: number
  now: () => number
}) {
  const { appId, appSecret, tokens, now } = deps
  const appToken = `${appId}|${createHmac('sha256', appSecret).update('app token').digest('base64url').slice(0, 27)}`

  /** `GET /oauth/access_token?grant_type=fb_exchange_token`: a new token for one that still lives. */
  function exchange({ query }: GraphCall): GraphReply {
    const refusal = checkApp(query) ?? checkGiven(query, 'fb_exchange_token')
    if (refusal !== undefined) return refuse(refusal)
    const verdict = tokens.judge(query['fb_exchange_token'] ?? '')
    const dead = tokenRefusal(verdict, { appId, now: now(), statusCode: 400 })
    if (dead !== undefined || !('grant' in verdict)) return refuse(dead ?? { graphCode: 190 })
    const { type, scopes } = verdict.grant
    return issued(tokens.issue({ type, scopes, lifeSeconds: deps.lifeSeconds }), deps.lifeSeconds)
  }

  /** `GET /oauth/access_token?grant_type=client_credentials`: the app's own token. */
  function appCredentials({ query }: GraphCall): GraphReply {
    const refusal = checkApp(query)
    return refusal === undefined ? issued(appToken, 0) : refuse(refusal)
  }

  /** `GET /debug_token`: what a token is; 200 also for a dead one. */
  function debugToken(call: GraphCall): GraphReply {
    const refusal = checkInspector(call) ?? checkGiven(call.query, 'input_token')
    if (refusal !== undefined) return refuse(refusal)
    return reply({ data: describe(tokens.judge(call.query['input_token'] ?? '')) })
  }

  /** `GET /oauth/revoke`: immediate and final. */
  function revoke(call: GraphCall): GraphReply {
    const refusal =
      checkApp(call.query) ?? checkGiven(call.query, 'revoke_token') ?? deps.caller.check(call, 400).refusal
    if (refusal !== undefined) return refuse(refusal)
    const token = call.query['revoke_token'] ?? ''
    const verdict = tokens.judge(token)
    if (!('grant' in verdict)) return refuse(tokenRefusal(verdict, context()) ?? { graphCode: 190 })
    tokens.revoke(token)
    return reply({ success: 'true' })
  }

  /** `POST /{system_user_id}/access_tokens`: a fresh token of the system user. */
  function issueToken(call: GraphCall): GraphReply {
    const query = parametersOf(call)
    const accessToken = call.accessToken ?? query['access_token']
    const checked = deps.caller.check({ ...call, query, ...(accessToken ? { accessToken } : {}) }, 400)
    if (checked.refusal !== undefined) return refuse(checked.refusal)
    if (call.node !== deps.systemUserId) return refuse(unknownObject('post', call.node))
    const refusal = checkGiven(query, 'appsecret_proof') ?? checkBusinessApp(query)
    if (refusal !== undefined) return refuse(refusal)
    const scopes = query['scope']?.split(',').map((scope) => scope.trim())
    return reply({ access_token: tokens.issue({ scopes, lifeSeconds: requestedLife(query) }) })
  }

  function requestedLife(query: Record<string, string>): number {
    if (query['set_token_expires_in_60_days'] !== 'true') return 0
    return deps.lifeSeconds || SIXTY_DAYS
  }

  function checkApp(query: GraphCall['query']): Refusal | undefined {
    if (query['client_id'] !== appId)
      return {
        graphCode: 101,
        sentence: 'Error validating application. Cannot get application info due to a system error.',
      }
    if (!sameText(query['client_secret'] ?? '', appSecret))
      return { graphCode: 1, sentence: 'Error validating client secret.' }
    return undefined
  }

  function checkBusinessApp(query: Record<string, string>): Refusal | undefined {
    return query['business_app'] === appId
      ? undefined
      : { graphCode: 100, sentence: '(#100) The parameter business_app is not an app of this business.' }
  }

  /** `debug_token` is for the app's own token, as `id|secret` or as issued, or a live token of the app. */
  function checkInspector(call: GraphCall): Refusal | undefined {
    const isApp = [appToken, `${appId}|${appSecret}`].some((token) => sameText(call.accessToken ?? '', token))
    if (isApp) return undefined
    if (call.accessToken?.includes('|'))
      return { graphCode: 190, sentence: 'Invalid OAuth access token signature.', statusCode: 400 }
    return deps.caller.check(call, 400).refusal
  }

  function context() {
    return { appId, now: now(), statusCode: 400 }
  }

  function describe(verdict: TokenVerdict): object {
    const refusal = tokenRefusal(verdict, context())
    const error = refusal === undefined ? {} : { error: debugError(refusal) }
    if (!('grant' in verdict)) return { ...error, is_valid: false, scopes: [] }
    const { type, scopes, issuedAt, expiresAt } = verdict.grant
    return {
      app_id: appId,
      type,
      application: 'Simulated app',
      ...error,
      is_valid: refusal === undefined,
      issued_at: Math.floor(issuedAt / 1000),
      expires_at: expiresAt === null ? 0 : Math.floor(expiresAt / 1000),
      data_access_expires_at: 0,
      user_id: deps.systemUserId,
      scopes,
      granular_scopes: scopes
        .filter(isForBusiness)
        .map((scope) => ({ scope, target_ids: [deps.businessId] })),
    }
  }

  return { exchange, appCredentials, debugToken, revoke, issueToken }
}

export type OAuth = ReturnType<typeof createOAuth>

/** Every permission the simulated app has. */
function isForBusiness(scope: string): boolean {
  return fullScopes.includes(scope) && scope.startsWith('whatsapp_')
}

function checkGiven(query: GraphCall['query'], parameter: string): Refusal | undefined {
  if (query[parameter]) return undefined
  return { graphCode: 100, sentence: `(#100) The parameter ${parameter} is required` }
}

/** Inside `data` the key is `subcode`, not `error_subcode`. */
function debugError({ sentence, subcode }: Refusal): object {
  return { code: 190, message: sentence, ...(subcode === undefined ? {} : { subcode }) }
}

/** `expires_in` is left out for a token that never expires. */
function issued(accessToken: string, lifeSeconds: number): GraphReply {
  const expiry = lifeSeconds === 0 ? {} : { expires_in: lifeSeconds }
  return reply({ access_token: accessToken, token_type: 'bearer', ...expiry })
}
