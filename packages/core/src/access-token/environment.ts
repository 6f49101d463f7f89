/** The token that the environment names: the first one ever, and a last resort when the stored ones are dead. */
import type { Secret } from '../secret.ts'
import type { CredentialsOfApp } from './app-credentials.ts'
import { judgeToken, type TokenAuthority } from './token-authority.ts'
import { checked, outlives, tokenInUse, type StoredToken, type TokenRecord } from './token-state.ts'
import type { TokenFacts } from './token-fields.ts'
import type { TokenVault } from './vault.ts'

/** A token that would not do is asked about again after this, if nothing else lives. */
const ASK_AGAIN_MS = 60_000

/**
 * @param options.accessToken as configured; undefined: there is none, and nothing to do
 * @param options.onIgnored told, once for each token, why it is not taken over
 */
export function createEnvironmentToken(options: {
  vault: Pick<TokenVault, 'read' | 'bootstrap' | 'commit' | 'seenAt' | 'noteSeen'>
  authority: Pick<TokenAuthority, 'inspect' | 'phoneNumber'>
  app: CredentialsOfApp
  senderId: string
  accessToken: Secret | undefined
  now?: () => number
  onIgnored?: (accessToken: Secret, why: string) => void
}) {
  const { vault, authority, app, senderId, accessToken, now = Date.now } = options

  return {
    /**
     * Takes the token over if there is none, or if it was never stored, or nothing else lives, and Meta confirms that it is the
     * better one. True if it did.
     */
    async adopt(): Promise<boolean> {
      if (!accessToken) return false
      const record = await vault.read()
      if (!record) return vault.bootstrap({ accessToken, source: 'env', obtainedAt: now() })
      const isStored = record.tokens.some((token) => token.accessToken.reveal() === accessToken.reveal())
      if (isStored) return false
      const present = tokenInUse(record, now(), 0)
      const seenAt = await vault.seenAt(accessToken)
      const isToAsk = seenAt === undefined || (!present && now() - seenAt >= ASK_AGAIN_MS)
      return isToAsk && adoptOver(record, present, accessToken, seenAt === undefined)
    },
  }

  async function adoptOver(
    record: TokenRecord,
    present: StoredToken | undefined,
    candidate: Secret,
    isNews: boolean,
  ): Promise<boolean> {
    const credentials = app.of(record)
    const verdict = await judgeToken(authority, senderId, credentials, candidate)
    if (verdict.kind === 'unanswered') return false
    const why =
      verdict.kind === 'bad' ? verdict.reason : whyWorse(verdict.facts, present, credentials !== undefined)
    if (why !== undefined) {
      if ((await vault.noteSeen(record, candidate, now())) && isNews) options.onIgnored?.(candidate, why)
      return false
    }
    const at = now()
    const facts = verdict.kind === 'good' ? verdict.facts : {}
    return vault.commit(
      record,
      { accessToken: candidate, source: 'env', obtainedAt: at, ...facts },
      { lastCheck: checked(at) },
    )
  }

  function whyWorse(
    facts: TokenFacts,
    present: StoredToken | undefined,
    isKnown: boolean,
  ): string | undefined {
    if (!present) return undefined
    // Nobody can say which is better, and the stored one was chosen by an operator or is newer.
    if (!isKnown)
      return present.source === 'env' ? undefined : 'the one in use was brought by an operator, or renewed'
    if (facts.obtainedAt !== undefined && facts.obtainedAt <= present.obtainedAt)
      return 'it is older than the one in use'
    return outlives(facts, present, now()) ? undefined : 'it does not live longer than the one in use'
  }
}

export type EnvironmentToken = ReturnType<typeof createEnvironmentToken>
