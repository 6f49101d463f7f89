/** The token that the environment names: the first one ever, and a last resort when the stored ones are dead. */
import type { Secret } from '../secret.ts'
import type { CredentialsOfApp } from './app-credentials.ts'
import { factsOf, reasonToReject, type TokenAuthority } from './token-authority.ts'
import { outlives, tokenInUse, type TokenRecord } from './token-state.ts'
import type { TokenFacts, TokenVault } from './vault.ts'

/** A token that would not do is asked about again after this, if nothing else lives. */
const ASK_AGAIN_MS = 60_000

/** @param options.accessToken as configured; undefined: there is none, and nothing to do */
export function createEnvironmentToken(options: {
  vault: Pick<TokenVault, 'read' | 'bootstrap' | 'commit' | 'seenAt' | 'noteSeen'>
  authority: Pick<TokenAuthority, 'inspect'>
  app: CredentialsOfApp
  accessToken: Secret | undefined
  now?: () => number
}) {
  const { vault, authority, app, accessToken, now = Date.now } = options

  return {
    /**
     * Takes the token over if there is none, or if it was never stored, or nothing else lives, and Meta confirms that it is the
     * better one. True if it did.
     */
    async adopt(): Promise<boolean> {
      if (!accessToken) return false
      const record = await vault.read()
      if (record) return (await isCandidate(record, accessToken)) && adoptOver(record, accessToken)
      return vault.bootstrap({ accessToken, source: 'env', obtainedAt: now() })
    },
  }

  async function isCandidate(record: TokenRecord, candidate: Secret): Promise<boolean> {
    const isStored = record.tokens.some((token) => token.accessToken.reveal() === candidate.reveal())
    if (isStored) return false
    const seenAt = await vault.seenAt(candidate)
    if (seenAt === undefined) return true
    return !tokenInUse(record, now(), 0) && now() - seenAt >= ASK_AGAIN_MS
  }

  async function adoptOver(record: TokenRecord, candidate: Secret): Promise<boolean> {
    const present = tokenInUse(record, now(), 0)
    const credentials = app.of(record)
    // Nobody can say which is better, and the stored one was chosen by an operator or is newer.
    if (!credentials && present && present.source !== 'env') return false
    const facts = credentials ? await ask() : {}
    if (facts === undefined) return false
    return vault.commit(
      record,
      { accessToken: candidate, source: 'env', obtainedAt: now(), ...facts },
      credentials && { checkedAt: now() },
    )

    /** What Meta says of it. Undefined: it is no better, or Meta cannot say. */
    async function ask(): Promise<TokenFacts | undefined> {
      const inspected = credentials && (await authority.inspect(credentials, candidate))
      if (inspected?.kind !== 'inspected') return undefined
      const isOlder = present && (inspected.issuedAt ?? Infinity) <= present.obtainedAt
      const isBetter =
        !isOlder &&
        reasonToReject(inspected, app.appId ?? '') === undefined &&
        outlives(inspected, present, now())
      if (isBetter) return factsOf(inspected)
      await vault.noteSeen(record, candidate, now())
      return undefined
    }
  }
}

export type EnvironmentToken = ReturnType<typeof createEnvironmentToken>
