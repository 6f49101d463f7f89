/** A real renewal, through the API: only there is the new token stored where the workers find it. */
import { fieldOf, type Environment } from '@relais/core'
import { askApi, detailOf, findOperatorApi } from '../operator-api.ts'
import { fail, ok, type Check } from './check.ts'

/** The API waits 15 s for the renewal of another process, and then for Meta. */
const TIMEOUT_MS = 60_000

const NAME = 'exchange'

/** What happened, as a check. */
export async function exchangeThroughApi(environment: Environment): Promise<Check> {
  const api = findOperatorApi(environment)
  const refusal =
    'Not made: a token that is exchanged here would be stored nowhere. It has to be done by the API.'
  if ('fault' in api) return fail(NAME, `${refusal} ${api.fault}.`, api.nextStep)
  const path = '/api/wallet/refresh-whatsapp-token'
  const answer = await askApi(api, { method: 'POST', path, timeoutMs: TIMEOUT_MS })
  if (answer.kind === 'fault') return fail(NAME, `${refusal} ${answer.why}`, answer.nextStep)
  return judgeExchange(answer)
}

function judgeExchange({ statusCode, body }: { statusCode: number; body: object }): Check {
  if (statusCode === 200) {
    const expiresAt = fieldOf(body, 'expiresAt')
    const end = typeof expiresAt === 'string' ? `, which ends ${expiresAt}` : ''
    return ok(NAME, `done: version ${String(fieldOf(body, 'version'))} is stored${end}`)
  }
  const detail = detailOf({ statusCode, body })
  if (fieldOf(body, 'code') === 'renewal_not_needed') return ok(NAME, detail)
  return fail(
    NAME,
    `It failed, and the old token stays: ${detail}`,
    'Mend what the other rows name. With a dead token only a new one helps: docs/WHATSAPP_TOKEN_RENEWAL.md.',
  )
}
