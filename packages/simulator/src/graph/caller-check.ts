import type { AccessTokens } from '../world/access-tokens.ts'
import type { GraphCall } from './call.ts'
import type { Checked, Refusal } from './reply.ts'
import { sameText, type Grant } from '../world/token-string.ts'
import { tokenRefusal } from './token-refusal.ts'

/** Who calls: a live access token of this app and, where it is asked for, the proof of the app secret (checks 2, 3). */
export function createCallerCheck(deps: {
  tokens: AccessTokens
  appId: string
  isProofRequired: () => boolean
  now: () => number
}) {
  const { tokens, appId, now } = deps

  /** `statusCode`: HTTP status of token errors where it is not Meta's usual 401. */
  function check(call: GraphCall, statusCode?: number): Checked<Grant> {
    const status = statusCode === undefined ? {} : { statusCode }
    if (call.accessToken === undefined) return { refusal: { graphCode: 104, ...status } }
    const verdict = tokens.judge(call.accessToken)
    const dead = tokenRefusal(verdict, { appId, now: now(), ...status })
    if (dead !== undefined || !('grant' in verdict)) return { refusal: dead ?? { graphCode: 190, ...status } }
    const refusal = checkProof(call.accessToken, verdict.grant, call.query)
    if (refusal !== undefined) return { refusal }
    if (call.kind === 'send') tokens.noteSender(call.accessToken)
    return { value: verdict.grant }
  }

  /** An app token proves the secret by itself. */
  function checkProof(accessToken: string, { type }: Grant, query: GraphCall['query']): Refusal | undefined {
    const proof = query['appsecret_proof']
    if (proof === undefined)
      return deps.isProofRequired() && type !== 'APP' ? badProof(PROOF_MISSING) : undefined
    return sameText(proof, tokens.proofOf(accessToken)) ? undefined : badProof(PROOF_WRONG)
  }

  return { check }
}

export type CallerCheck = ReturnType<typeof createCallerCheck>

const PROOF_MISSING = 'API calls from the server require an appsecret_proof argument'
const PROOF_WRONG = 'Invalid appsecret_proof provided in the API argument'

function badProof(sentence: string): Refusal {
  return { graphCode: 100, sentence, type: 'GraphMethodException' }
}

/** 100/33: the object does not exist, or the token cannot see it. */
export function unknownObject(method: 'get' | 'post' | 'delete', node: string): Refusal {
  const sentence =
    `Unsupported ${method} request. Object with ID '${node}' does not exist, cannot be loaded due to missing ` +
    'permissions, or does not support this operation. Please read the Graph API documentation at ' +
    'https://developers.facebook.com/docs/graph-api'
  return { graphCode: 100, subcode: 33, sentence, type: 'GraphMethodException' }
}
