/**
 * Asking Meta about the tokens that are stored: once a day, because nobody tells us when one is revoked; at once about one that a send was
 * refused with, because one refused send locks everyone out; and until its life is known. While Meta does not answer, and while no token
 * lives, it is asked again in growing gaps, by one process for all.
 */
import type { CredentialsOfApp } from './app-credentials.ts'
import { judgeToken, type FaultReport, type TokenAuthority, type Verdict } from './token-authority.ts'
import {
  checked,
  isCheckDue,
  isInDoubt,
  isUsable,
  NOT_ANSWERED_YET,
  presentToken,
  type LastCheck,
  type StoredToken,
  type TokenRecord,
} from './token-state.ts'
import type { TokenVault } from './vault.ts'

/** While no token lives: a permission may come back, or an app be switched on again. */
const CHECK_DEAD_EVERY_MS = 10 * 60_000

const ASK_AGAIN_FIRST_MS = 1000
const ASK_AGAIN_MOST_MS = 10 * 60_000

/**
 * @param options.onConfirmed told when a token that was refused turns out to be valid
 * @param options.onDead told when Meta calls a token invalid that no send was refused with, and why
 * @param options.onCheckFailed told when Meta did not answer, with how often that was so in a row
 */
export function createReview(options: {
  vault: Pick<TokenVault, 'describe' | 'noteDeath' | 'clearRefusal' | 'claimCheck'>
  authority: Pick<TokenAuthority, 'inspect' | 'phoneNumber'>
  app: CredentialsOfApp
  senderId: string
  now?: () => number
  onConfirmed?: (token: StoredToken) => void
  onDead?: (token: StoredToken, why: string) => void
  onCheckFailed?: (fault: FaultReport, failures: number) => void
}) {
  const { vault, authority, app, senderId, now = Date.now } = options

  /** Asks about the tokens of the record, if that is due and nobody else does, and notes the answers. */
  return async (record: TokenRecord): Promise<void> => {
    const at = now()
    if (!isCheckDue(record, at)) return
    const failures = record.lastCheck?.ok === false ? record.lastCheck.failures + 1 : 1
    const gapMs = Math.min(ASK_AGAIN_MOST_MS, ASK_AGAIN_FIRST_MS * 2 ** (failures - 1))
    const begun: LastCheck = { at, ok: false, error: NOT_ANSWERED_YET, failures, nextAt: at + gapMs }
    if (!(await vault.claimCheck(record, begun))) return
    const verdicts = await Promise.all(tokensToAsk(record, at).map((token) => ask(record, token)))
    const fault = verdicts.find((verdict) => verdict.kind === 'unanswered')
    const isAlive = verdicts.some(({ kind }) => kind === 'good')
    const answered = isAlive ? checked(at) : { ...checked(at), nextAt: at + CHECK_DEAD_EVERY_MS }
    const done: LastCheck = fault ? { ...begun, error: fault.error } : answered
    await vault.claimCheck({ ...record, lastCheck: begun }, done)
    if (!fault) return
    const { kind: _kind, ...told } = fault
    options.onCheckFailed?.(told, failures)
  }

  /** The one in use and those in doubt; all of them while none lives. */
  function tokensToAsk(record: TokenRecord, at: number): StoredToken[] {
    const present = presentToken(record, at)
    const isAnyAlive = record.tokens.some((token) => isUsable(token, at))
    return record.tokens.filter((token) => token === present || isInDoubt(token) || !isAnyAlive)
  }

  async function ask(record: TokenRecord, token: StoredToken): Promise<Verdict> {
    const name = { generation: record.generation, version: token.version }
    const verdict = await judgeToken(authority, senderId, app.of(record), token.accessToken)
    if (verdict.kind === 'good') {
      await vault.describe(name, verdict.facts)
      if (token.refusedAt !== undefined && (await vault.clearRefusal(name, now())))
        options.onConfirmed?.(token)
    }
    if (verdict.kind === 'bad' && (await vault.noteDeath(name, now(), verdict.reason)))
      options.onDead?.(token, verdict.reason)
    return verdict
  }
}

export type Review = ReturnType<typeof createReview>
