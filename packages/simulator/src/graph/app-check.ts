import type { AppSecret } from '../world/app-secret.ts'
import { sameText } from '../world/token-string.ts'
import type { GraphCall } from './call.ts'
import { badParameter, type Refusal } from './reply.ts'

/** The app behind the simulated calls. */
export type AppIdentity = { readonly appId: string; readonly appSecret: AppSecret }

/** `client_id` and `client_secret` of a call about tokens. */
export function checkApp(query: GraphCall['query'], { appId, appSecret }: AppIdentity): Refusal | undefined {
  if (query['client_id'] !== appId)
    return {
      graphCode: 101,
      sentence: 'Error validating application. Cannot get application info due to a system error.',
    }
  if (!sameText(query['client_secret'] ?? '', appSecret.current()))
    return { graphCode: 1, sentence: 'Error validating client secret.' }
  return undefined
}

/** A parameter that must be there. */
export function checkGiven(query: GraphCall['query'], parameter: string): Refusal | undefined {
  if (query[parameter]) return undefined
  return badParameter(`The parameter ${parameter} is required`)
}
