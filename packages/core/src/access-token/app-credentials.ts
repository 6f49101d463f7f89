/** The app a sender's tokens belong to, and its secret: that of the environment, or one that an operator brought with a token. */
import { createHash } from 'node:crypto'
import type { AppCredentials } from '../graph/answers.ts'
import type { Secret } from '../secret.ts'
import type { TokenRecord } from './token-state.ts'

/** Meta changes over to a new app secret in its own time; so long the other one is still taken on receipts. */
const BOTH_COUNT_MS = 24 * 3600_000

type Stored = Pick<TokenRecord, 'appSecret'> | undefined

/** @param environment.appId, appSecret as configured */
export function createAppCredentials(environment: {
  appId: string | undefined
  appSecret: Secret | undefined
  now?: () => number
}) {
  const { appId, appSecret, now = Date.now } = environment
  const startedAt = now()
  const digest = createHash('sha256')
    .update(appSecret?.reveal() ?? '')
    .digest('base64url')

  return {
    appId,

    /** What to ask Meta with about a token. Undefined: it cannot be asked. */
    of(record: Stored): AppCredentials | undefined {
      const secret = inForce(record)
      return appId !== undefined && secret ? { appId, appSecret: secret } : undefined
    },

    inForce,

    /** All secrets that a receipt may be signed with, the one in force first: for a day after a change there are two. */
    forReceipts(record: Stored): Secret[] {
      const stored = record?.appSecret
      const changedAt = isStoredInForce(stored) ? (stored?.at ?? 0) : startedAt
      const other = isStoredInForce(stored) ? appSecret : stored?.secret
      const secrets = [inForce(record), now() - changedAt < BOTH_COUNT_MS ? other : undefined]
      return secrets.filter((secret) => secret !== undefined)
    },

    /** A secret that an operator brought, as it is stored: in force until the environment names another than now. */
    brought: (secret: Secret) => ({ secret, replaces: digest, at: now() }),
  }

  function inForce(record: Stored): Secret | undefined {
    const stored = record?.appSecret
    return isStoredInForce(stored) ? stored?.secret : appSecret
  }

  function isStoredInForce(stored: TokenRecord['appSecret']): boolean {
    return stored !== undefined && (stored.replaces === digest || appSecret === undefined)
  }
}

export type CredentialsOfApp = ReturnType<typeof createAppCredentials>
