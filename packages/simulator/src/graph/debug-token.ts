import type { AccessTokens, TokenVerdict } from '../world/access-tokens.ts'
import { checkGiven } from './app-check.ts'
import type { CallerCheck } from './caller-check.ts'
import type { GraphCall } from './call.ts'
import type { HealthIds } from './health.ts'
import { refuse, reply, type GraphReply, type Refusal } from './reply.ts'
import { tokenRefusal } from './token-refusal.ts'

export const APP_NAME = 'Simulated app'

/** `GET /debug_token`: what a token is, for the app's own token or a live one of the app; 200 also for a dead one. */
export function createDebugToken(deps: {
  ids: HealthIds
  tokens: AccessTokens
  caller: CallerCheck
  now: () => number
}) {
  const { ids, tokens, caller, now } = deps

  function describe(verdict: TokenVerdict): object {
    const refusal = tokenRefusal(verdict, { appId: ids.appId, now: now() })
    const error = refusal === undefined ? {} : { error: debugError(refusal) }
    if (!('grant' in verdict)) return { ...error, is_valid: false, scopes: [] }
    const { type, userId, issuedAt, expiresAt, dataAccessExpiresAt, scopes } = verdict.grant
    const base = { app_id: ids.appId, type, application: APP_NAME, ...error, is_valid: refusal === undefined }
    if (type === 'APP') return { ...base, scopes }
    return {
      ...base,
      issued_at: seconds(issuedAt),
      expires_at: seconds(expiresAt),
      data_access_expires_at: seconds(dataAccessExpiresAt),
      user_id: userId,
      scopes,
      granular_scopes: scopes
        .filter((scope) => scope.startsWith('whatsapp_business_'))
        .map((scope) => ({ scope, target_ids: [ids.businessId] })),
    }
  }

  return function debugToken(call: GraphCall): GraphReply {
    const refusal = caller.check(call, 400).refusal ?? checkGiven(call.query, 'input_token')
    if (refusal !== undefined) return refuse(refusal)
    return reply({ data: describe(tokens.judge(call.query['input_token'] ?? '')) })
  }
}

/** Unix seconds; 0 = never. */
function seconds(milliseconds: number | null): number {
  return milliseconds === null ? 0 : Math.floor(milliseconds / 1000)
}

/** Inside `data` the key is `subcode`, not `error_subcode`. */
function debugError({ sentence, subcode }: Refusal): object {
  return { code: 190, message: sentence, ...(subcode === undefined ? {} : { subcode }) }
}
