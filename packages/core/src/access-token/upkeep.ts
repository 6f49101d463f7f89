/**
 * One round of looking after the shared token. Safe to run anywhere, any number of times, at the same time.
 *
 *     lost? put it back ─► seal anew ─► better one in the environment? ─► ask Meta ─► renew if due ─► say what is wrong
 *
 * Three things ask for a round, so that no one of them has to work: the repeatable job, a use of the token that finds something to be
 * done, and the heartbeat of every process.
 */
import type { CredentialsOfApp } from './app-credentials.ts'
import type { EnvironmentToken } from './environment.ts'
import type { Renewal } from './renewal.ts'
import type { Review } from './review.ts'
import type { SharedToken } from './shared-token.ts'
import {
  lastAlarmAt,
  presentToken,
  renewsAt,
  tokenState,
  type StoredToken,
  type TokenRecord,
  type TokenState,
} from './token-state.ts'
import type { TokenVault } from './vault.ts'

const HOUR_MS = 3600_000

/** A renewal that is due is left so much time, of what is left to the token, before its end is said. */
const OVERDUE_SHARE = 0.1

/** What is said. Each once for all processes. */
export type UpkeepEvents = {
  onAdopted: (token: StoredToken) => void
  onRestored: (token: StoredToken) => void
  onExpiring: (token: StoredToken & { expiresAt: number }, why: string) => void
  onUnusable: (state: TokenState, token: StoredToken | undefined) => void
}

export function createUpkeep(
  options: {
    vault: Pick<TokenVault, 'read' | 'restore' | 'reseal' | 'claimWord' | 'claimMissing'>
    shared: Pick<SharedToken, 'refresh'>
    environment: EnvironmentToken
    review: Review
    renewal: Pick<Renewal, 'renewIfDue'>
    app: CredentialsOfApp
    renewBeforeMs: number | undefined
    now?: () => number
  } & UpkeepEvents,
) {
  const { vault, shared, environment, review, renewal, app, renewBeforeMs, now = Date.now } = options
  let running: Promise<void> | undefined

  /** Runs a round, or joins the one that is running in this process. Rejects when Redis does not answer. */
  return (): Promise<void> => {
    running ??= round().finally(() => (running = undefined))
    return running
  }

  async function round(): Promise<void> {
    const lost = await shared.refresh()
    if (lost && (await vault.restore(lost.remembered, { at: now(), over: lost.over })))
      tellOf(await vault.read(), options.onRestored)
    if (await environment.adopt()) tellOf(await vault.read(), options.onAdopted)
    const record = await vault.read()
    if (record?.hasOldSeal) await vault.reseal(record)
    if (record) await review(record)
    await renewal.renewIfDue()
    await alarm(await vault.read())
  }

  function tellOf(record: TokenRecord | undefined, tell: (token: StoredToken) => void): void {
    const token = presentToken(record, now())
    if (token) tell(token)
  }

  async function alarm(record: TokenRecord | undefined): Promise<void> {
    const token = presentToken(record, now())
    const state = tokenState(token, now(), renewBeforeMs)
    if (state === 'expiring' && record && token) return alarmOfEnd(record, token)
    if (state === 'valid' || state === 'expiring') return
    if (await isHourly(record)) options.onUnusable(state, token)
  }

  /** Said at fixed moments before the end, if the renewal that is due has not come. */
  async function alarmOfEnd(record: TokenRecord, token: StoredToken): Promise<void> {
    const { expiresAt } = token
    if (typeof expiresAt !== 'number') return
    const why = whyNotRenewed(record, token, expiresAt)
    const alarmAt = lastAlarmAt(expiresAt, now())
    if (why === undefined || alarmAt === undefined || isSaid(record.expiringSaidAt, alarmAt)) return
    if (await vault.claimWord(record, 'expiringSaidAt', now()))
      options.onExpiring({ ...token, expiresAt }, why)
  }

  function whyNotRenewed(record: TokenRecord, token: StoredToken, expiresAt: number): string | undefined {
    if (!app.of(record)) return 'without WHATSAPP_APP_ID and WHATSAPP_APP_SECRET it cannot be renewed'
    if (record.lastRenewal?.ok === false) return `its renewal failed: ${record.lastRenewal.error}`
    const due = renewsAt(token, renewBeforeMs) ?? expiresAt
    return now() - due > (expiresAt - due) * OVERDUE_SHARE ? 'its renewal is overdue' : undefined
  }

  async function isHourly(record: TokenRecord | undefined): Promise<boolean> {
    if (!record) return vault.claimMissing()
    return !isSaid(record.unusableSaidAt, now() - HOUR_MS) && vault.claimWord(record, 'unusableSaidAt', now())
  }

  /** Was it said since then? What was said in the future was said by a clock that ran ahead. */
  function isSaid(saidAt: number | undefined, since: number): boolean {
    return saidAt !== undefined && saidAt >= since && saidAt <= now() + HOUR_MS
  }
}

export type Upkeep = ReturnType<typeof createUpkeep>
