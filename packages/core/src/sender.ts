/**
 * A sender: a phone-number id with its token and its pace. It is a value that is passed, never a global, so that there may be
 * several. Here the parts of its token are put together.
 */
import { createAppCredentials } from './access-token/app-credentials.ts'
import { createEnvironmentToken } from './access-token/environment.ts'
import { createRenewalLease } from './access-token/lease.ts'
import { createRenewal } from './access-token/renewal.ts'
import { createReview } from './access-token/review.ts'
import { createSharedToken } from './access-token/shared-token.ts'
import type { TokenAuthority } from './access-token/token-authority.ts'
import { createTokenChanges } from './access-token/token-changes.ts'
import { createUpkeep } from './access-token/upkeep.ts'
import { createTokenVault } from './access-token/vault.ts'
import type { SharedSettings } from './config.ts'
import type { Events } from './events.ts'
import type { Keys } from './keys.ts'
import type { Sealer } from './sealer.ts'
import type { RedisClient } from './redis.ts'

/** What the lease lasts beyond the two calls made under it, an exchange and its confirmation. */
const LEASE_MARGIN_MS = 5000

/** A use that finds the token refused, or its renewal due, has it looked after; not more often than this. */
const LOOK_AFTER_EVERY_MS = 1000

/** Stands for a phone-number id that is not set. No token is ever stored for it, so nothing is sent from it. */
const NO_SENDER = 'unset'

export type Sender = ReturnType<typeof createSender>

/** @param options.onError told of faults of Redis that nobody waits for */
export function createSender(options: {
  settings: Pick<
    SharedSettings,
    | 'phoneNumberId'
    | 'sendTimeoutMs'
    | 'accessToken'
    | 'appId'
    | 'appSecret'
    | 'sendRatePerSecond'
    | 'renewBeforeSeconds'
    | 'useMarginSeconds'
  >
  redis: RedisClient
  keys: Keys
  sealer: Sealer
  authority: TokenAuthority
  events: Events
  onError: (error: Error) => void
}) {
  const { settings, redis, keys, sealer, authority, events, onError } = options
  const senderId = settings.phoneNumberId ?? NO_SENDER
  const renewBeforeMs =
    settings.renewBeforeSeconds === undefined ? undefined : settings.renewBeforeSeconds * 1000
  const callTimeoutMs = settings.sendTimeoutMs
  const vault = createTokenVault({ redis, keys, sealer, senderId })
  const app = createAppCredentials(settings)
  const common = { vault, authority, app, senderId, renewBeforeMs }

  const shared = createSharedToken({
    vault,
    app,
    changes: createTokenChanges({ redis, keys, senderId, onError }),
    useMarginMs: settings.useMarginSeconds * 1000,
    renewBeforeMs,
    onConcern: atMostEvery(LOOK_AFTER_EVERY_MS, () => void lookAfterToken().catch(onError)),
    onRefused: events.tokenInvalidated,
  })
  const lease = createRenewalLease({ redis, keys, senderId, leaseMs: 2 * callTimeoutMs + LEASE_MARGIN_MS })
  const renewal = createRenewal({
    ...common,
    lease,
    callTimeoutMs,
    onRenewed: events.tokenRenewed,
    onFailed: events.tokenRenewalFailed,
  })
  const lookAfterToken = createUpkeep({
    ...common,
    shared,
    renewal,
    environment: createEnvironmentToken({
      ...common,
      accessToken: settings.phoneNumberId === undefined ? undefined : settings.accessToken,
      onIgnored: events.tokenIgnored,
    }),
    review: createReview({
      ...common,
      onConfirmed: events.tokenConfirmed,
      onDead: events.tokenInvalidated,
      onCheckFailed: events.tokenCheckFailed,
    }),
    onAdopted: events.tokenUpdated,
    onRestored: events.tokenRestored,
    onExpiring: events.tokenExpiring,
    onUnusable: events.tokenUnusable,
  })

  return {
    phoneNumberId: senderId,
    /** Messages a second, over all workers; 0 = no pacing. */
    ratePerSecond: settings.sendRatePerSecond,
    renewBeforeMs,
    app,
    vault,
    accessToken: shared,
    renewal,
    lookAfterToken,

    /** Begins no renewal any more. Resolves when one that is under way is done, and the lease free for others. */
    async close(): Promise<void> {
      shared.close()
      await lease.close()
    },
  }
}

function atMostEvery(ms: number, act: () => void): () => void {
  let lastAt = -Infinity
  return () => {
    if (performance.now() - lastAt < ms) return
    lastAt = performance.now()
    act()
  }
}
