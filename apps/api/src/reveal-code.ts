/**
 * Use case: an operator reads the code of a message that fell back.
 *
 * The right is taken first, then the audit is written, then the code is given: a crash in between may lose a reveal, and never makes one
 * that nobody knows of.
 */
import {
  openContent,
  type Audit,
  type Events,
  type Fallen,
  type MessageStore,
  type RevealGrant,
  type Sealer,
} from '@relais/core'
import { isoTime } from './iso-time.ts'
import { ProblemError, queueUnavailable, refuseAsUnavailable } from './problem.ts'

/** A code, and to whom it may be read out. */
export type RevealedCode = { messageId: string; to: string; code: string; expiresAt: number }

export function createRevealCode(deps: {
  store: MessageStore
  fallen: Fallen
  sealer: Sealer
  audit: Pick<Audit, 'append'>
  events: Events
}) {
  const { store, fallen, sealer, audit, events } = deps

  /**
   * Gives the code, once for all operators. Throws a `ProblemError` that says why not.
   *
   * @param how.reason why this operator needs it: for the audit
   */
  return async (id: string, how: { operator: string; reason: string }): Promise<RevealedCode> => {
    const { operator, reason } = how
    const message = await store.read(id).catch(refuseAsUnavailable)
    const grant = await fallen.grant(id, operator).catch(refuseAsUnavailable)
    if (grant.kind !== 'granted' || !message) throw refusalOf(grant)
    const content = openContent(sealer, id, grant.sealed)
    try {
      if (content?.type !== 'otp') throw unavailable()
      const { code } = content
      const { app, to, expiresAt } = message
      await audit
        .append({
          actor: `operator:${operator}`,
          action: 'code.revealed',
          subject: id,
          detail: { app, reason: without(code, reason) },
        })
        .catch((error: unknown) => {
          throw queueUnavailable(error)
        })
      events.codeRevealed(message, operator)
      return { messageId: id, to, code, expiresAt }
    } catch (error) {
      // Nobody has seen the code: somebody may ask again.
      await fallen.takeBack(id, operator, grant.at).catch(() => undefined)
      throw error
    }
  }
}

export type RevealCode = ReturnType<typeof createRevealCode>

/** The audit is kept for long, and what people write down may have the code in it. */
function without(code: string, reason: string): string {
  return reason.replaceAll(code, '[code]')
}

function refusalOf(grant: RevealGrant): ProblemError {
  switch (grant.kind) {
    case 'expired':
      return new ProblemError(410, 'code_expired', 'The deadline has passed: the code is erased.')
    case 'used':
      return new ProblemError(409, 'already_ended', `The code was used at ${isoTime(grant.at)}.`)
    case 'limited': {
      const retryAfterSeconds = Math.max(1, Math.ceil(grant.waitMs / 1000))
      const detail = 'You have revealed as many codes as one may in a minute.'
      return new ProblemError(429, 'operator_limited', detail, { retryAfterSeconds })
    }
    case 'revealed': {
      const detail = `The code was revealed to ${grant.by} at ${isoTime(grant.at)}. It is given once: have the app send another.`
      return new ProblemError(409, 'already_revealed', detail)
    }
    case 'unavailable':
      return unavailable()
    case 'granted':
    case 'none': {
      const detail = 'There is no such message in the fallback. Records are kept a day after the deadline.'
      return new ProblemError(404, 'not_found', detail)
    }
  }
}

function unavailable(): ProblemError {
  const detail =
    'There is no code of this message that Relais can read: the message has none, or it was sealed to the public keys of the ' +
    'operators (`fallback open` reads it from the record), or under a key that is gone.'
  return new ProblemError(409, 'reveal_unavailable', detail)
}
