/**
 * Renewal: trading the live token for a new one while it still lives. An expired token cannot be exchanged (Meta, "Long-Lived
 * Access Tokens"), so a missed renewal needs a person.
 *
 *     due? ─► lease ─► read again, still due? ─► exchange ─► confirm with debug_token ─► commit (lease and version)
 *
 * Any number of processes may ask at once: one exchange is made, the others see the new version. If the process dies after
 * the exchange, the new token is lost but the old one lives on, and the next check renews again.
 */
import type { AppCredentials, ExchangedToken, GraphFault, InspectedToken } from '../graph/answers.ts'
import type { Secret } from '../secret.ts'
import type { RenewalLease } from './lease.ts'
import { isUsable, renewsAt, tokenState } from './token-state.ts'
import type { NewToken, StoredToken, TokenVault } from './vault.ts'

/** A caller that finds a renewal under way looks this often for its result. */
const LOOK_AGAIN_MS = 50

/** Asked for again so soon after a renewal, that one is the answer. */
const JUST_RENEWED_MS = 1000

export type RenewalResult =
  | { kind: 'renewed'; token: StoredToken }
  | { kind: 'not-due' }
  /** Without app id and secret nothing can be exchanged. */
  | { kind: 'not-configured' }
  /** Another process holds the lease and was not done in time. */
  | { kind: 'busy' }
  | { kind: 'failed'; error: string; graphCode?: number; fbtraceId?: string }

/** The two questions renewal has for Meta. */
export type TokenAuthority = {
  exchange(app: AppCredentials, accessToken: Secret): Promise<ExchangedToken | GraphFault>
  inspect(app: AppCredentials, accessToken: Secret): Promise<InspectedToken | GraphFault>
}

/**
 * @param options.appId, appSecret as configured; a stored app secret takes the place of the configured one
 * @param options.onRenewed told by the process that made the exchange
 * @param options.onFailed told of each exchange that failed
 * @param options.onConfirmed told when a token that was refused turns out to be valid
 */
export function createRenewal(options: {
  vault: TokenVault
  lease: RenewalLease
  authority: TokenAuthority
  appId: string | undefined
  appSecret: Secret | undefined
  renewBeforeMs: number | undefined
  now?: () => number
  onRenewed?: (token: StoredToken) => void
  onFailed?: (failure: { error: string; graphCode?: number; fbtraceId?: string }) => void
  onConfirmed?: (token: StoredToken) => void
}) {
  const { vault, lease, authority, renewBeforeMs, now = Date.now } = options

  return {
    /** Renews if renewal is due; learns the life of a token that came without one; asks about one that was refused. */
    async renewIfDue(): Promise<RenewalResult> {
      const token = await review(await vault.read())
      if (!token || !isDue(token) || isTooSoonAfterFailure(token)) return { kind: 'not-due' }
      return renewVersion(token)
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
        const token = await vault.read()
        if (!options.appId || !(token?.appSecret ?? options.appSecret)) return { kind: 'not-configured' }
        if (!token) return { kind: 'failed', error: 'there is no token to renew' }
        const shared = resultSince(token, askedAt)
        if (shared) return shared
        const result = await renewVersion(token)
        if (result.kind !== 'busy' || now() - askedAt >= waitMs) return result
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
      }
    },

    /** Takes over a token that the environment names and that was never stored, if Meta confirms that it is the better one. */
    async adoptFromEnvironment(accessToken: Secret): Promise<StoredToken | undefined> {
      const stored = await vault.read()
      if (!stored) {
        const isFirst = await vault.bootstrap({ accessToken, source: 'env', obtainedAt: now() })
        return isFirst ? vault.read() : undefined
      }
      const isDead = !isUsable(tokenState(stored, now(), renewBeforeMs))
      if (stored.accessToken.reveal() === accessToken.reveal()) return undefined
      if (!isDead && (await vault.hasSeen(accessToken))) return undefined
      return adopt(stored, accessToken)
    },
  }

  /** What a renewal that others made at this time came to. */
  function resultSince(token: StoredToken, askedAt: number): RenewalResult | undefined {
    const last = token.lastRenewal
    if (!last) return undefined
    if (last.ok) return last.at > askedAt - JUST_RENEWED_MS ? { kind: 'renewed', token } : undefined
    return last.at >= askedAt ? { kind: 'failed', error: last.error ?? 'the renewal failed' } : undefined
  }

  /** Exchanges exactly this version; if it was replaced meanwhile, the newer one is the result. */
  async function renewVersion(token: StoredToken): Promise<RenewalResult> {
    const app = credentials(token)
    if (!app) return { kind: 'not-configured' }
    const result = await lease.hold(async (owner) => {
      const latest = await vault.read()
      if (latest && latest.version !== token.version) return { kind: 'renewed' as const, token: latest }
      return exchange(app, token, owner)
    })
    return result ?? { kind: 'busy' }
  }

  async function exchange(app: AppCredentials, token: StoredToken, owner: string): Promise<RenewalResult> {
    const startedAt = now()
    const exchanged = await authority.exchange(app, token.accessToken)
    if (exchanged.kind !== 'exchanged') return failed(token, exchanged)
    const inspected = await authority.inspect(app, exchanged.accessToken)
    if (inspected.kind === 'inspected' && !inspected.isValid) {
      return failed(token, { kind: 'unreachable', detail: 'Meta calls the token it just issued invalid' })
    }
    const renewed = { ...newToken(exchanged, inspected, startedAt), lastRenewal: { at: now(), ok: true } }
    if (!(await vault.commit(token, renewed, owner))) return { kind: 'busy' }
    const stored = await vault.read()
    if (!stored) return { kind: 'failed', error: 'the token store was emptied meanwhile' }
    options.onRenewed?.(stored)
    return { kind: 'renewed', token: stored }
  }

  async function failed(token: StoredToken, fault: GraphFault): Promise<RenewalResult> {
    const failure = describeFault(fault)
    await vault.noteRenewal(token, { at: now(), ok: false, error: failure.error })
    options.onFailed?.(failure)
    return { kind: 'failed', ...failure }
  }

  /**
   * Asks Meta about a token that is in doubt: one from the environment comes without its life, and one refused send locks
   * everyone out, so it is asked whether the token is really dead.
   */
  async function review(token: StoredToken | undefined): Promise<StoredToken | undefined> {
    const app = token && credentials(token)
    const isInDoubt = token?.expiresAt === undefined || token.refusedAt !== undefined
    if (!app || !isInDoubt) return token
    const inspected = await authority.inspect(app, token.accessToken)
    if (inspected.kind !== 'inspected') return token
    if (token.expiresAt === undefined) await vault.describe(token, lifeOf(inspected))
    if (!inspected.isValid) await vault.noteRefusal(token, now())
    else if (token.refusedAt !== undefined && (await vault.clearRefusal(token))) options.onConfirmed?.(token)
    return vault.read()
  }

  async function adopt(stored: StoredToken, accessToken: Secret): Promise<StoredToken | undefined> {
    const app = credentials(stored)
    // Nobody can say which is better, and the stored one was chosen by an operator or is newer.
    if (!app && stored.source !== 'env' && isUsable(tokenState(stored, now(), renewBeforeMs)))
      return undefined
    const inspected = app && (await authority.inspect(app, accessToken))
    if (inspected && inspected.kind !== 'inspected') return undefined
    if (inspected && !(inspected.isValid && outlives(inspected.expiresAt, stored))) {
      await vault.noteSeen(stored, accessToken)
      return undefined
    }
    const life = inspected && lifeOf(inspected)
    const done = await vault.commit(stored, { accessToken, source: 'env', obtainedAt: now(), ...life })
    return done ? vault.read() : undefined
  }

  /** A failed renewal is tried again after a tenth of what is left, a minute at most. */
  function isTooSoonAfterFailure({ lastRenewal, expiresAt }: StoredToken): boolean {
    if (!lastRenewal || lastRenewal.ok || typeof expiresAt !== 'number') return false
    const gapMs = Math.min(60_000, Math.max(1000, (expiresAt - lastRenewal.at) / 10))
    return now() - lastRenewal.at < gapMs
  }

  function isDue(token: StoredToken): boolean {
    const due = renewsAt(token, renewBeforeMs)
    return due !== null && due <= now() && isUsable(tokenState(token, now(), renewBeforeMs))
  }

  function outlives(expiresAt: number | null | undefined, stored: StoredToken): boolean {
    if (!isUsable(tokenState(stored, now(), renewBeforeMs))) return true
    if (expiresAt === undefined) return false
    if (stored.expiresAt === undefined || expiresAt === null) return true
    return stored.expiresAt !== null && expiresAt > stored.expiresAt
  }

  function credentials(token: StoredToken): AppCredentials | undefined {
    const appSecret = token.appSecret ?? options.appSecret
    return options.appId && appSecret ? { appId: options.appId, appSecret } : undefined
  }
}

export type Renewal = ReturnType<typeof createRenewal>

/** A fault of Meta's in one line: code and words. */
export function describeFault(fault: GraphFault): { error: string; graphCode?: number; fbtraceId?: string } {
  if (fault.kind === 'unreachable') return { error: fault.detail }
  const { graphCode, subcode, message, statusCode, fbtraceId } = fault.error
  const code = graphCode ?? `HTTP ${statusCode}`
  return {
    error: `${code}${subcode === undefined ? '' : `/${subcode}`} ${message}`,
    ...(graphCode !== undefined && { graphCode }),
    ...(fbtraceId !== undefined && { fbtraceId }),
  }
}

function lifeOf({
  expiresAt,
  issuedAt,
}: InspectedToken): Partial<Pick<NewToken, 'expiresAt' | 'obtainedAt'>> {
  return {
    ...(expiresAt !== undefined && { expiresAt }),
    ...(issuedAt !== undefined && { obtainedAt: issuedAt }),
  }
}

/** `expires_in` may be absent; then `debug_token` knows. The life counts from before the request. */
function newToken(
  exchanged: ExchangedToken,
  inspected: InspectedToken | GraphFault,
  startedAt: number,
): NewToken {
  const { accessToken, expiresInSeconds } = exchanged
  const known = inspected.kind === 'inspected' ? inspected.expiresAt : undefined
  const expiresAt = expiresInSeconds === undefined ? known : startedAt + expiresInSeconds * 1000
  return {
    accessToken,
    source: 'renewed',
    obtainedAt: startedAt,
    ...(expiresAt !== undefined && { expiresAt }),
  }
}
