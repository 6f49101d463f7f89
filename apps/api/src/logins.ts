/** What is said of logins: in the log, and in the audit, where one entry stands for those that follow within a quarter of an hour. */
import type { Audit, Caller, Events } from '@relais/core'

const SAID_FOR_MS = 15 * 60_000

/** So many are remembered. */
const MOST_SAID = 10_000

export type Login =
  | { kind: 'succeeded'; address: string; caller: Caller }
  /** `keyId`: of a key that is known and did not open. `failures`: from this address, lately. */
  | { kind: 'failed'; address: string; failures: number; why: string; keyId?: string }

export function createLogins(deps: {
  audit: Pick<Audit, 'note'>
  events: Pick<Events, 'loginFailed'>
  now?: () => number
}) {
  const { audit, events, now = Date.now } = deps
  const saidAt = new Map<string, number>()

  return (login: Login): void => {
    const { address } = login
    if (login.kind === 'succeeded') {
      const { name, keyId } = login.caller
      if (!isNews(`${name} ${keyId} ${address}`)) return
      const entry = { actor: `operator:${name}`, action: 'login.succeeded', subject: keyId } as const
      audit.note({ ...entry, detail: { address } })
      return
    }
    const { failures, why, keyId } = login
    events.loginFailed({ address, failures, why, ...(keyId !== undefined && { keyId }) })
    if (!isNews(`${address} ${keyId ?? ''}`)) return
    const subject = keyId === undefined ? {} : { subject: keyId }
    audit.note({ actor: 'unknown', action: 'login.failed', ...subject, detail: { address, why } })
  }

  function isNews(what: string): boolean {
    if (now() - (saidAt.get(what) ?? -Infinity) < SAID_FOR_MS) return false
    if (saidAt.size >= MOST_SAID) saidAt.clear()
    saidAt.set(what, now())
    return true
  }
}

export type Logins = ReturnType<typeof createLogins>
