/** The app a sender's tokens belong to, and its secret: that of the environment, or one that an operator brought with a token. */
import { createHash } from 'node:crypto'
import type { AppCredentials } from '../graph/answers.ts'
import type { Secret } from '../secret.ts'
import type { TokenRecord } from './token-state.ts'

/** @param environment.appId, appSecret as configured */
export function createAppCredentials(environment: {
  appId: string | undefined
  appSecret: Secret | undefined
}) {
  const { appId, appSecret } = environment
  const digest = createHash('sha256')
    .update(appSecret?.reveal() ?? '')
    .digest('base64url')

  return {
    appId,

    /** What to ask Meta with about a token. Undefined: it cannot be asked. */
    of(record: Pick<TokenRecord, 'appSecret'> | undefined): AppCredentials | undefined {
      const [secret] = secrets(record)
      return appId !== undefined && secret ? { appId, appSecret: secret } : undefined
    },

    secrets,

    /** A secret that an operator brought, as it is stored: in force until the environment names another than now. */
    brought: (secret: Secret) => ({ secret, replaces: digest }),
  }

  /** All secrets that a receipt may be signed with, the one in force first: Meta changes over in its own time. */
  function secrets(record: Pick<TokenRecord, 'appSecret'> | undefined): Secret[] {
    const stored = record?.appSecret
    if (!stored) return appSecret ? [appSecret] : []
    const isInForce = stored.replaces === digest
    const both = isInForce ? [stored.secret, appSecret] : [appSecret, stored.secret]
    return both.filter((secret) => secret !== undefined)
  }
}

export type CredentialsOfApp = ReturnType<typeof createAppCredentials>
