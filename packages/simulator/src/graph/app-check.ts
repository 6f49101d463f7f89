import { sameText } from '../world/token-string.ts'
import type { GraphCall } from './call.ts'
import type { Refusal } from './reply.ts'

/** The app behind the simulated calls. */
export type AppIdentity = { readonly appId: string; readonly appSecret: string }

/** `client_id` and `client_secret` of a call about tokens. */
export function checkApp(query: GraphCall['query'], { appId, appSecret }: AppIdentity): Refusal | undefined {
  if (query['client_id'] !== appId)
    return {
      graphCode: 101,
      sentence: 'Error validating application. Cannot get application info due to a system error.',
    }
  if (!sameText(query['client_secret'] ?? '', appSecret))
    return { graphCode: 1, sentence: 'Error validating client secret.' }
  return undefined
}

/** A parameter that must be there. */
export function checkGiven(query: GraphCall['query'], parameter: string): Refusal | undefined {
  if (query[parameter]) return undefined
  return { graphCode: 100, sentence: `(#100) The parameter ${parameter} is required` }
}
