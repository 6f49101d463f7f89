/** Use case: the repeatable job that looks after the shared token. Safe to run anywhere, any number of times, at the same time. */
import { tokenState, type Events, type Renewal, type Secret, type TokenVault } from '@relais/core'

/** A token near its end that is not renewed is said once an hour by each process. */
const SAY_AGAIN_MS = 3600_000

/** @param deps.environmentToken the token the environment names, if any */
export function createRenewToken(deps: {
  vault: TokenVault
  renewal: Renewal
  events: Events
  environmentToken: Secret | undefined
  renewBeforeMs: number | undefined
  now?: () => number
}) {
  const { vault, renewal, events, environmentToken, now = Date.now } = deps
  let saidAt = -Infinity

  return async (): Promise<void> => {
    if (environmentToken) {
      const adopted = await renewal.adoptFromEnvironment(environmentToken)
      if (adopted) events.tokenUpdated(adopted)
    }
    await renewal.renewIfDue()
    await sayIfEnding()
  }

  async function sayIfEnding(): Promise<void> {
    const token = await vault.read()
    const state = tokenState(token, now(), deps.renewBeforeMs)
    if (state !== 'expiring' || !token?.expiresAt || now() - saidAt < SAY_AGAIN_MS) return
    saidAt = now()
    events.tokenExpiring({ version: token.version, expiresAt: token.expiresAt })
  }
}

export type RenewToken = ReturnType<typeof createRenewToken>
