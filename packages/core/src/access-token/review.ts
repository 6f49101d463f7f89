/**
 * Asking Meta about tokens that are stored (`debug_token`): about one whose life is not known yet, about one that a send was refused
 * with, because one refused send locks everyone out, and once a day about the one in use, because nobody tells us when it is revoked.
 */
import type { CredentialsOfApp } from './app-credentials.ts'
import { factsOf, type TokenAuthority } from './token-authority.ts'
import { presentToken, type StoredToken, type TokenRecord } from './token-state.ts'
import type { TokenVault } from './vault.ts'

const CHECK_EVERY_MS = 24 * 3600_000

/** A daily check that got no answer is made again after this. */
const CHECK_AGAIN_MS = 10 * 60_000

/**
 * @param options.onConfirmed told when a token that was refused turns out to be valid
 * @param options.onDead told when Meta calls a token invalid that no send was refused with
 */
export function createReview(options: {
  vault: Pick<TokenVault, 'describe' | 'noteDeath' | 'clearRefusal' | 'claim'>
  authority: Pick<TokenAuthority, 'inspect'>
  app: CredentialsOfApp
  now?: () => number
  onConfirmed?: (token: StoredToken) => void
  onDead?: (token: StoredToken) => void
}) {
  const { vault, authority, app, now = Date.now } = options

  /** Asks about every token of the record that is in doubt, and notes the answers. */
  return async (record: TokenRecord): Promise<void> => {
    const claimedAt = await claimCheck(record)
    const present = presentToken(record, now())
    const doubted = record.tokens.filter(
      (token) => isInDoubt(token) || (token === present && (claimedAt !== undefined || isLifeUnknown(token))),
    )
    const answers = await Promise.all(doubted.map((token) => ask(record, token)))
    if (claimedAt !== undefined && answers.includes('unanswered')) {
      const claimed = { ...record, checkedAt: claimedAt }
      await vault.claim(claimed, 'checkedAt', claimedAt - CHECK_EVERY_MS + CHECK_AGAIN_MS)
    }
  }

  /** Is the daily check due, and ours to make? Answers its time. */
  async function claimCheck(record: TokenRecord): Promise<number | undefined> {
    const at = now()
    if (!app.of(record) || at - (record.checkedAt ?? -Infinity) < CHECK_EVERY_MS) return undefined
    return (await vault.claim(record, 'checkedAt', at)) ? at : undefined
  }

  async function ask(
    { generation, appSecret }: TokenRecord,
    token: StoredToken,
  ): Promise<'noted' | 'unanswered'> {
    const credentials = app.of({ ...(appSecret && { appSecret }) })
    if (!credentials) return 'noted'
    const inspected = await authority.inspect(credentials, token.accessToken)
    if (inspected.kind !== 'inspected') return 'unanswered'
    const name = { generation, version: token.version }
    if (inspected.isValid) {
      await vault.describe(name, factsOf(inspected))
      if (token.refusedAt !== undefined && (await vault.clearRefusal(name))) options.onConfirmed?.(token)
    } else if ((await vault.noteDeath(name, now())) && token.refusedAt === undefined) {
      options.onDead?.(token)
    }
    return 'noted'
  }
}

export type Review = ReturnType<typeof createReview>

function isLifeUnknown({ expiresAt, deadAt }: StoredToken): boolean {
  return expiresAt === undefined && deadAt === undefined
}

/** Refused by a send, and Meta was not asked yet. */
function isInDoubt({ refusedAt, deadAt }: StoredToken): boolean {
  return refusedAt !== undefined && deadAt === undefined
}
