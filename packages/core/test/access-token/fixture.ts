/** The parts of a sender's token on a real Redis, with a Meta and a clock that the test holds. */
import { randomBytes } from 'node:crypto'
import {
  createAppCredentials,
  createEnvironmentToken,
  createRenewal,
  createRenewalLease,
  createReview,
  createSealer,
  createSharedToken,
  createTokenChanges,
  createTokenVault,
  createUpkeep,
  Secret,
  tokenState,
  type GraphFault,
  type NewToken,
  type StoredToken,
  type TokenAuthority,
  type TokenRecord,
  type TokenVault,
} from '@relais/core'
import { onTestFinished } from 'vitest'
import { redisFixture } from '../redis-fixture.ts'

export const senderId = '106540352242922'
export const appId = '138483919580948'
export const HOUR = 3600_000
export const DAY = 24 * HOUR

/** Meta's side: issues tokens that live an hour, calls all of them valid, and counts. */
function authorityOf(over: Partial<TokenAuthority>, now: () => number) {
  const asked = { exchanges: 0, inspections: 0, reads: 0, forSystemUser: [] as boolean[] }
  const authority: TokenAuthority = {
    async exchange(app, token, how) {
      asked.exchanges += 1
      asked.forSystemUser.push(how.forSystemUser)
      await new Promise((resolve) => setImmediate(resolve))
      if (over.exchange) return over.exchange(app, token, how)
      return {
        kind: 'exchanged',
        accessToken: new Secret(`renewed-${asked.exchanges}`),
        expiresInSeconds: 3600,
      }
    },
    async inspect(app, token) {
      asked.inspections += 1
      if (over.inspect) return over.inspect(app, token)
      return { kind: 'inspected', isValid: true, appId, expiresAt: now() + HOUR }
    },
    async phoneNumber(id, bearer) {
      asked.reads += 1
      return over.phoneNumber ? over.phoneNumber(id, bearer) : { kind: 'phone-number' }
    },
  }
  return { asked, authority }
}

/** @param options.env the token of the environment @param options.appSecret `null`: none is configured */
export function tokenFixture(
  options: {
    meta?: Partial<TokenAuthority>
    env?: string
    appSecret?: string | null
    renewBeforeMs?: number
    leaseMs?: number
  } = {},
) {
  const { redis, keys } = redisFixture()
  const clock = { aheadMs: 0 }
  const now = () => Date.now() + clock.aheadMs
  const sealer = createSealer([{ id: 'k1', key: new Secret(randomBytes(32).toString('base64')) }])
  const vault = createTokenVault({ redis, keys, sealer, senderId })
  const { asked, authority } = authorityOf(options.meta ?? {}, now)
  const told: string[] = []
  const appSecret = options.appSecret === undefined ? 'app secret' : options.appSecret
  const app = createAppCredentials({
    appId,
    appSecret: appSecret === null ? undefined : new Secret(appSecret),
    now,
  })
  const common = { authority, app, senderId, renewBeforeMs: options.renewBeforeMs, now, elapsed: now }

  /** The parts of one process. */
  function newProcess(over: { env?: string; commit?: TokenVault['commit'] } = {}) {
    const { env = options.env, commit } = over
    const vaultOfIts = { ...createTokenVault({ redis, keys, sealer, senderId }), ...(commit && { commit }) }
    const parts = { ...common, vault: vaultOfIts }
    const changes = createTokenChanges({ redis, keys, senderId, onError: () => undefined })
    const shared = createSharedToken({
      ...parts,
      changes,
      useMarginMs: 0,
      onConcern: () => told.push('concern'),
      onRefused: ({ version }, why) => told.push(`refused ${version}: ${why}`),
    })
    onTestFinished(() => shared.close())
    const renewal = createRenewal({
      ...parts,
      lease: createRenewalLease({ redis, keys, senderId, leaseMs: options.leaseMs ?? 30_000 }),
      callTimeoutMs: 5000,
      random: () => 0.5,
      onRenewed: ({ version }) => told.push(`renewed ${version}`),
      onFailed: ({ error }) => told.push(error),
    })
    const lookAfter = createUpkeep({
      ...parts,
      shared,
      renewal,
      environment: createEnvironmentToken({
        ...parts,
        accessToken: env === undefined ? undefined : new Secret(env),
        onIgnored: (_token, why) => told.push(`ignored: ${why}`),
      }),
      review: createReview({
        ...parts,
        onConfirmed: ({ version }) => told.push(`confirmed ${version}`),
        onDead: ({ version }) => told.push(`dead ${version}`),
        onCheckFailed: ({ error }, failures) => told.push(`unanswered ${failures}: ${error}`),
      }),
      onAdopted: ({ source }) => told.push(`adopted ${source}`),
      onRestored: ({ version }) => told.push(`restored ${version}`),
      onExpiring: (_token, why) => told.push(`expiring: ${why}`),
      onUnusable: (state) => told.push(`unusable: ${state}`),
    })
    return { shared, renewal, lookAfter }
  }

  return {
    redis,
    keys,
    sealer,
    vault,
    app,
    asked,
    told,
    clock,
    now,
    newProcess,
    lease: createRenewalLease({ redis, keys, senderId, leaseMs: options.leaseMs ?? 30_000 }),
    /** What was told, and forgets it. `concern`s are left out. */
    toldSince: () => told.splice(0).filter((what) => what !== 'concern'),

    async record(): Promise<TokenRecord> {
      const present = await vault.read()
      if (!present) throw new Error('no token is stored')
      return present
    },

    async newest(): Promise<StoredToken> {
      const present = await vault.read()
      if (!present?.tokens[0]) throw new Error('no token is stored')
      return present.tokens[0]
    },

    async state(): Promise<string> {
      return tokenState((await vault.read())?.tokens[0], now(), options.renewBeforeMs)
    },

    /** Commits one more token. */
    async commit(token: NewToken): Promise<boolean> {
      const present = await vault.read()
      return present ? vault.commit(present, token) : vault.bootstrap(token)
    },
  }
}

/** A token that was obtained an hour ago. */
export function token(text: string, over: Partial<NewToken> = {}): NewToken {
  return { accessToken: new Secret(text), source: 'env', obtainedAt: Date.now() - HOUR, ...over }
}

/** A token whose renewal is due. */
export const dueToken = (text = 'first') => token(text, { expiresAt: Date.now() + 60_000 })

/** A token that is good for an hour. */
export const goodToken = (text = 'first') =>
  token(text, { obtainedAt: Date.now(), expiresAt: Date.now() + HOUR })

export const unreachable: GraphFault = { kind: 'unreachable', detail: 'no whole answer within 5000 ms' }

export const refusedByMeta: GraphFault = {
  kind: 'refused',
  error: { statusCode: 400, graphCode: 190, subcode: 463, message: 'Session has expired', fbtraceId: 'Abc' },
}
