/**
 * Renewal: trading the live token for a new one while it still lives. An expired token cannot be exchanged (Meta, "Long-Lived
 * Access Tokens"), so a missed renewal needs a person.
 *
 *     due? ─► lease ─► read again, still the same? ─► exchange ─► confirm with debug_token ─► commit (lease and version)
 *
 * Any number of processes may ask at once: one exchange is made, the others see the new version. What was exchanged and could
 * not be confirmed or stored is kept in the process and finished by its next try, which then exchanges nothing. If the process dies
 * in between, the old token lives on, and another renews it.
 */
import type { AppCredentials, ExchangedToken, GraphFault, InspectedToken } from '../graph/answers.ts'
import type { CredentialsOfApp } from './app-credentials.ts'
import type { HeldLease, RenewalLease } from './lease.ts'
import { describeFault, reasonToReject, type FaultReport, type TokenAuthority } from './token-authority.ts'
import { checked, renewsAt, tokenInUse, type StoredToken, type TokenRecord } from './token-state.ts'
import type { NewToken } from './token-fields.ts'
import type { TokenVault } from './vault.ts'

/** A caller that finds a renewal under way looks this often for its result. */
const LOOK_AGAIN_MS = 50

/** Asked for again so soon after a renewal, that one is the answer. */
const JUST_RENEWED_MS = 1000

/** After a failure: a minute, doubling up to six hours, but at least ten tries in what is left of the token's life. */
const RETRY_FIRST_MS = 60_000
const RETRY_MOST_MS = 6 * 3600_000
const RETRY_LEAST_MS = 1000
const RETRY_SHARE_OF_LIFE = 0.1

/** Expiries told by the exchange and by debug_token differ by a moment; a new token that ends so much earlier is a shorter one. */
const SHORTER_BY_MS = 60_000

/** Tries to confirm a new token under one lease. */
const MOST_CONFIRMATIONS = 3

export type RenewalResult =
  | { kind: 'renewed'; token: StoredToken }
  | { kind: 'not-due' }
  /** It lives for ever: there is nothing to exchange. */
  | { kind: 'never-expires' }
  /** Without app id and secret nothing can be exchanged. */
  | { kind: 'not-configured' }
  /** Another process holds the lease and was not done in time. */
  | { kind: 'busy' }
  | ({ kind: 'failed' } & FaultReport)

/** A new token that Meta gave and that is not stored yet. */
type Unstored = {
  for: TokenRecord
  version: number
  exchanged: ExchangedToken
  startedAt: number
}

/**
 * @param options.callTimeoutMs the longest a question to Meta takes; no exchange begins without a lease that outlives it
 * @param options.onRenewed told by the process that made the exchange
 * @param options.onFailed told of each exchange that failed
 * @param options.random draws a number from 0 to 1
 */
export function createRenewal(options: {
  vault: Pick<TokenVault, 'read' | 'commit' | 'describe' | 'noteRenewal'>
  lease: Pick<RenewalLease, 'hold' | 'isClosed'>
  authority: TokenAuthority
  app: CredentialsOfApp
  renewBeforeMs: number | undefined
  callTimeoutMs: number
  now?: () => number
  random?: () => number
  onRenewed?: (token: StoredToken) => void
  onFailed?: (failure: FaultReport, token: StoredToken) => void
}) {
  const { vault, lease, authority, app, renewBeforeMs, now = Date.now, random = Math.random } = options
  let unstored: Unstored | undefined

  return {
    /** Renews if renewal is due, and not too soon after a failure. */
    async renewIfDue(): Promise<RenewalResult> {
      const record = await vault.read()
      recognise(record)
      return record && isDue(record) ? renew(record, isDue) : { kind: 'not-due' }
    },

    /**
     * Renews now, due or not. Callers at the same time, in any process, share one exchange and its result, good or bad;
     * so does one who asks again right after it.
     *
     * @param waitMs how long to wait for a renewal that another process is making
     */
    async renewNow(waitMs: number): Promise<RenewalResult> {
      const askedAt = now()
      for (;;) {
        const record = await vault.read()
        recognise(record)
        if (!app.of(record)) return { kind: 'not-configured' }
        const token = tokenInUse(record, now(), 0)
        if (!record || !token) return { kind: 'failed', error: 'there is no live token to renew' }
        if (token.expiresAt === null) return { kind: 'never-expires' }
        const shared = resultSince(record, token, askedAt)
        if (shared) return shared
        const result = await renew(record, () => true)
        if (result.kind !== 'busy' || now() - askedAt >= waitMs || lease.isClosed()) return result
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
      }
    },
  }

  /** Our own commit may have been done though its answer was lost. */
  function recognise(record: TokenRecord | undefined): void {
    const [newest] = record?.tokens ?? []
    if (!newest || newest.accessToken.reveal() !== unstored?.exchanged.accessToken.reveal()) return
    unstored = undefined
    options.onRenewed?.(newest)
  }

  /** What a renewal that others made at this time came to. */
  function resultSince(record: TokenRecord, token: StoredToken, askedAt: number): RenewalResult | undefined {
    const last = record.lastRenewal
    if (!last) return undefined
    if (last.ok) return last.at > askedAt - JUST_RENEWED_MS ? { kind: 'renewed', token } : undefined
    return last.at >= askedAt ? { kind: 'failed', error: last.error } : undefined
  }

  function isDue(record: TokenRecord): boolean {
    const token = tokenInUse(record, now(), 0)
    const due = token && renewsAt(token, renewBeforeMs)
    if (due === undefined || due === null || due > now() || !app.of(record)) return false
    if (record.lastRenewal?.ok !== false) return true
    const { retryAt } = record.lastRenewal
    // A moment further away than any we set was written by a clock that ran ahead.
    return retryAt <= now() || retryAt > now() + 2 * RETRY_MOST_MS
  }

  /** Exchanges the token of exactly this record; if it was changed meanwhile, what it became is the result. */
  async function renew(
    record: TokenRecord,
    stillWanted: (record: TokenRecord) => boolean,
  ): Promise<RenewalResult> {
    const result = await lease.hold(async (held): Promise<RenewalResult> => {
      const latest = await vault.read()
      const token = tokenInUse(latest, now(), 0)
      if (!latest || !token) return { kind: 'not-due' }
      if (!isSame(latest, record)) return { kind: 'renewed', token }
      if (!stillWanted(latest)) return { kind: 'not-due' }
      return exchange(latest, token, held)
    })
    return result ?? { kind: 'busy' }
  }

  async function exchange(record: TokenRecord, token: StoredToken, held: HeldLease): Promise<RenewalResult> {
    const credentials = app.of(record)
    if (!credentials) return { kind: 'not-configured' }
    if (held.leftMs() < 2 * options.callTimeoutMs) return { kind: 'busy' }
    if (!unstored || !isSame(unstored.for, record) || unstored.version !== token.version) {
      const startedAt = now()
      const forSystemUser = token.type !== 'USER'
      const exchanged = await authority.exchange(credentials, token.accessToken, { forSystemUser })
      if (exchanged.kind !== 'exchanged') return failed(record, token, describeFault(exchanged))
      unstored = { for: record, version: token.version, exchanged, startedAt }
    }
    return confirm(credentials, record, token, unstored, held)
  }

  /** Nothing becomes the token that Meta does not call valid, or that is worse than what it replaces. */
  async function confirm(
    credentials: AppCredentials,
    record: TokenRecord,
    token: StoredToken,
    { exchanged, startedAt }: Unstored,
    held: HeldLease,
  ): Promise<RenewalResult> {
    const inspected = await inspect(credentials, exchanged, held)
    if (inspected.kind !== 'inspected') return failed(record, token, describeFault(inspected))
    if (isSameToken(exchanged, token) && inspected.isValid)
      return prolong(record, token, inspected, startedAt)
    const renewed = newToken(exchanged, inspected, startedAt)
    const rejection = reasonToReject(inspected, credentials.appId) ?? reasonToKeep(token, renewed)
    if (rejection !== undefined) {
      unstored = undefined
      return failed(record, token, { error: `Meta gave a token that will not do: ${rejection}` })
    }
    return store(record, renewed, held)
  }

  /** Meta may give the same token back with a longer life. */
  async function prolong(
    record: TokenRecord,
    token: StoredToken,
    { expiresAt }: InspectedToken,
    startedAt: number,
  ): Promise<RenewalResult> {
    unstored = undefined
    const isLonger = expiresAt === null || (expiresAt ?? 0) > (token.expiresAt ?? Infinity) + SHORTER_BY_MS
    if (!isLonger || expiresAt === undefined)
      return failed(record, token, { error: 'Meta gave the token back that we have, with no longer life' })
    await vault.describe({ ...record, version: token.version }, { expiresAt, obtainedAt: startedAt })
    await vault.noteRenewal(record, { at: now(), ok: true })
    const prolonged = { ...token, expiresAt }
    options.onRenewed?.(prolonged)
    return { kind: 'renewed', token: prolonged }
  }

  /** A confirmation that got lost is asked for again, as long as the lease allows. */
  async function inspect(
    credentials: AppCredentials,
    { accessToken }: ExchangedToken,
    held: HeldLease,
  ): Promise<InspectedToken | GraphFault> {
    for (let asked = 1; ; asked += 1) {
      const answer = await authority.inspect(credentials, accessToken)
      const mayAskAgain = asked < MOST_CONFIRMATIONS && held.leftMs() > options.callTimeoutMs
      if (answer.kind === 'inspected' || !mayAskAgain) return answer
    }
  }

  async function store(record: TokenRecord, renewed: NewToken, held: HeldLease): Promise<RenewalResult> {
    const lastRenewal = { at: now(), ok: true } as const
    const how = { leaseOwner: held.owner, lastRenewal, lastCheck: checked(now()) }
    const isStored = await vault.commit(record, renewed, how)
    // Not stored: the lease was lost. The next try finishes it, unless the record was changed by then.
    if (!isStored) return { kind: 'busy' }
    unstored = undefined
    const token = { ...renewed, version: record.version + 1 }
    options.onRenewed?.(token)
    return { kind: 'renewed', token }
  }

  async function failed(
    record: TokenRecord,
    token: StoredToken,
    failure: FaultReport,
  ): Promise<RenewalResult> {
    const failures = record.lastRenewal?.ok === false ? record.lastRenewal.failures + 1 : 1
    const retryAt = now() + retryGapMs(failures, token)
    await vault.noteRenewal(record, { at: now(), ok: false, error: failure.error, failures, retryAt })
    options.onFailed?.(failure, token)
    return { kind: 'failed', ...failure }
  }

  function retryGapMs(failures: number, { expiresAt }: StoredToken): number {
    const growingMs = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** (failures - 1))
    const leftMs = typeof expiresAt === 'number' ? expiresAt - now() : Infinity
    const gapMs = Math.max(RETRY_LEAST_MS, Math.min(growingMs, leftMs * RETRY_SHARE_OF_LIFE))
    return Math.round(gapMs * (0.8 + 0.4 * random()))
  }
}

export type Renewal = ReturnType<typeof createRenewal>

function isSame(a: TokenRecord, b: TokenRecord): boolean {
  return a.generation === b.generation && a.version === b.version
}

/** Why the present token is the better one. */
function reasonToKeep(present: StoredToken, renewed: NewToken): string | undefined {
  if (typeof renewed.expiresAt !== 'number' || typeof present.expiresAt !== 'number') return undefined
  const isShorter = renewed.expiresAt < present.expiresAt - SHORTER_BY_MS
  return isShorter ? 'it ends before the one we have' : undefined
}

function isSameToken({ accessToken }: ExchangedToken, token: StoredToken): boolean {
  return accessToken.reveal() === token.accessToken.reveal()
}

/**
 * `expires_in` may be absent; then `debug_token` knows. If both tell, the earlier end counts. The life counts from before the request.
 */
function newToken(exchanged: ExchangedToken, inspected: InspectedToken, startedAt: number): NewToken {
  const { accessToken, expiresInSeconds } = exchanged
  const told = expiresInSeconds === undefined ? undefined : startedAt + expiresInSeconds * 1000
  const expiresAt =
    told !== undefined && typeof inspected.expiresAt === 'number'
      ? Math.min(told, inspected.expiresAt)
      : (told ?? inspected.expiresAt)
  return {
    accessToken,
    source: 'renewed',
    obtainedAt: startedAt,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(inspected.type !== undefined && { type: inspected.type }),
  }
}
