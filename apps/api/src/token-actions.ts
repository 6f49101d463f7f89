/** What operators do about the access token: the same from the page and over the API. Throws a `ProblemError` that says why not; all of it is audited. */
import type { Audit, AuditAction, Renewal, Secret, StoredToken } from '@relais/core'
import { ProblemError, refuseAsUnavailable } from './problem.ts'
import { invalid } from './plugins/problems.ts'
import type { UpdateAccessToken } from './update-access-token.ts'

/** How long a caller waits for a renewal that another process is making. */
const RENEWAL_WAIT_MS = 15_000

/** What a secret of Meta's looks like in a request. */
export const SECRET_TEXT = '^[\\x21-\\x7E]{6,4096}$'
export const SECRET_FORM = '6 to 4096 characters without spaces'

export function createTokenActions(deps: {
  renewNow: Renewal['renewNow']
  updateAccessToken: UpdateAccessToken
  audit: Pick<Audit, 'note'>
}) {
  return {
    /** Callers at the same time share one exchange. If it fails the old token stays. */
    async renew(operator: string): Promise<StoredToken> {
      const result = await deps.renewNow(RENEWAL_WAIT_MS).catch(refuseAsUnavailable)
      note(operator, 'token.refreshed', result.kind)
      switch (result.kind) {
        case 'renewed':
          return result.token
        case 'not-configured': {
          const detail = 'Renewal needs WHATSAPP_APP_ID and WHATSAPP_APP_SECRET.'
          throw new ProblemError(409, 'renewal_not_configured', detail)
        }
        case 'never-expires': {
          const detail = 'The token never expires: there is nothing to renew.'
          throw new ProblemError(409, 'renewal_not_needed', detail)
        }
        case 'failed':
          throw new ProblemError(502, 'renewal_failed', `Meta did not renew the token: ${result.error}`)
        case 'busy':
        case 'not-due':
          throw new ProblemError(502, 'renewal_failed', 'Another renewal is under way and not done yet.')
      }
    },

    /** Stores a token that Meta has confirmed. Answers it, with what an operator should know of it all the same. */
    async update(
      operator: string,
      given: { accessToken: Secret; appSecret?: Secret },
    ): Promise<{ token: StoredToken; warnings: string[] }> {
      const faults = Object.entries(given).filter(
        ([, secret]) => !new RegExp(SECRET_TEXT).test(secret.reveal()),
      )
      if (faults.length > 0)
        throw invalid(faults.map(([name]) => ({ pointer: `/${name}`, detail: `must be ${SECRET_FORM}` })))
      const result = await deps.updateAccessToken({ ...given, operator }).catch(refuseAsUnavailable)
      note(operator, 'token.updated', result.kind)
      switch (result.kind) {
        case 'stored':
          return result
        case 'rejected':
          throw new ProblemError(422, 'token_rejected', `The token was not stored: ${result.reason}`)
        case 'unreachable':
          throw new ProblemError(502, 'provider_unavailable', `Meta cannot be asked: ${result.detail}`)
      }
    },
  }

  function note(operator: string, action: AuditAction, outcome: string): void {
    deps.audit.note({ actor: `operator:${operator}`, action, detail: { outcome } })
  }
}

export type TokenActions = ReturnType<typeof createTokenActions>
