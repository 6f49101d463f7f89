import type { AccessTokens } from '../world/access-tokens.ts'
import type { Grant } from '../world/token-string.ts'
import { checkApp, checkGiven, type AppIdentity } from './app-check.ts'
import type { CallerCheck } from './caller-check.ts'
import type { GraphCall } from './call.ts'
import { badParameter, refuse, reply, type GraphReply } from './reply.ts'
import { tokenRefusal } from './token-refusal.ts'

export const SIXTY_DAYS_SECONDS = 5_184_000
/** Meta answers 5,183,944 for a fresh token of 60 days: a little is always gone. */
const SHARE_LEFT = 5_183_944 / SIXTY_DAYS_SECONDS

/** `/oauth/access_token` and `/oauth/revoke`. Their token errors answer 400, not 401. */
export function createOAuth(deps: {
  app: AppIdentity
  tokens: AccessTokens
  caller: CallerCheck
  lifeSeconds: number
  now: () => number
}) {
  const { app, tokens, now } = deps
  const context = () => ({ appId: app.appId, now: now(), statusCode: 400 })

  /** `GET /oauth/access_token`: trades a token, or gives the app its own. */
  function accessToken(call: GraphCall): GraphReply {
    switch (call.query['grant_type']) {
      case 'fb_exchange_token':
        return exchange(call)
      case 'client_credentials':
        return appCredentials(call)
      default:
        return refuse(badParameter('The parameter grant_type is not supported'))
    }
  }

  /** A new token for one that still lives; the old one stays valid. */
  function exchange({ query }: GraphCall): GraphReply {
    const refusal = checkApp(query, app) ?? checkGiven(query, 'fb_exchange_token')
    if (refusal !== undefined) return refuse(refusal)
    const verdict = tokens.judge(query['fb_exchange_token'] ?? '')
    const dead = tokenRefusal(verdict, context())
    if (dead !== undefined || !('grant' in verdict)) return refuse(dead ?? { graphCode: 190 })
    const { type, userId, scopes, dataAccessExpiresAt } = verdict.grant
    if (type === 'APP') return refuse(badParameter('App tokens cannot be exchanged'))
    const lifeSeconds = lifeAfterExchange(verdict.grant, query)
    return issued(tokens.issue({ type, userId, scopes, lifeSeconds, dataAccessExpiresAt }), lifeSeconds)
  }

  /** Tokens of people always get the long life; those of system users when they ask for it. */
  function lifeAfterExchange({ type }: Grant, query: GraphCall['query']): number {
    const isLong = type === 'USER' || query['set_token_expires_in_60_days'] === 'true'
    return isLong ? deps.lifeSeconds || SIXTY_DAYS_SECONDS : deps.lifeSeconds
  }

  function appCredentials({ query }: GraphCall): GraphReply {
    const refusal = checkApp(query, app)
    return refusal === undefined ? issued(tokens.appToken(), 0) : refuse(refusal)
  }

  /** `GET /oauth/revoke`: immediate and final. */
  function revoke(call: GraphCall): GraphReply {
    const refusal =
      checkApp(call.query, app) ??
      checkGiven(call.query, 'revoke_token') ??
      deps.caller.check(call, 400).refusal
    if (refusal !== undefined) return refuse(refusal)
    const token = call.query['revoke_token'] ?? ''
    const verdict = tokens.judge(token)
    if (!('grant' in verdict)) return refuse(tokenRefusal(verdict, context()) ?? { graphCode: 190 })
    tokens.revoke(token)
    return reply({ success: 'true' })
  }

  return { accessToken, revoke }
}

export type OAuth = ReturnType<typeof createOAuth>

/** `expires_in` is left out for a token that never expires. */
function issued(accessToken: string, lifeSeconds: number): GraphReply {
  const expiry = lifeSeconds === 0 ? {} : { expires_in: Math.round(lifeSeconds * SHARE_LEFT) }
  return reply({ access_token: accessToken, token_type: 'bearer', ...expiry })
}
