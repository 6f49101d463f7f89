/**
 * A sender: a phone-number id with its token and its pace. It is a value that is passed, never a global, so that there may be
 * several. Here the parts of its token are put together.
 */
import type { Redis } from 'ioredis'
import { createRenewalLease } from './access-token/lease.ts'
import { createRenewal, type TokenAuthority } from './access-token/renewal.ts'
import { createSharedToken } from './access-token/shared-token.ts'
import { createTokenVault } from './access-token/vault.ts'
import type { SharedSettings } from './config.ts'
import type { Events } from './events.ts'
import type { Keys } from './keys.ts'
import type { Sealer } from './sealer.ts'

/** What the lease lasts beyond the two calls made under it, an exchange and its confirmation. */
const LEASE_MARGIN_MS = 5000

/** Stands for a phone-number id that is not set. No token is ever stored for it, so nothing is sent from it. */
const NO_SENDER = 'unset'

export type Sender = ReturnType<typeof createSender>

/** @param options.onTokenConcern told when the token wants a look: missing, refused, or due for renewal; may be called often */
export function createSender(options: {
  settings: Pick<
    SharedSettings,
    | 'phoneNumberId'
    | 'sendTimeoutMs'
    | 'appId'
    | 'appSecret'
    | 'sendRatePerSecond'
    | 'renewBeforeSeconds'
    | 'useMarginSeconds'
  >
  redis: Redis
  keys: Keys
  sealer: Sealer
  authority: TokenAuthority
  events: Events
  onTokenConcern?: () => void
}) {
  const { settings, redis, keys, sealer, authority, events, onTokenConcern } = options
  const { appId, appSecret, renewBeforeSeconds } = settings
  const senderId = settings.phoneNumberId ?? NO_SENDER
  const renewBeforeMs = renewBeforeSeconds === undefined ? undefined : renewBeforeSeconds * 1000
  const vault = createTokenVault({ redis, keys, sealer, senderId })

  return {
    phoneNumberId: senderId,
    /** Messages a second, over all workers; 0 = no pacing. */
    ratePerSecond: settings.sendRatePerSecond,
    renewBeforeMs,
    vault,
    accessToken: createSharedToken({
      vault,
      useMarginMs: settings.useMarginSeconds * 1000,
      renewBeforeMs,
      onConcern: () => onTokenConcern?.(),
      onRefused(token) {
        events.tokenInvalidated(token)
        onTokenConcern?.()
      },
    }),
    renewal: createRenewal({
      vault,
      lease: createRenewalLease({
        redis,
        keys,
        senderId,
        leaseMs: 2 * settings.sendTimeoutMs + LEASE_MARGIN_MS,
      }),
      authority,
      appId,
      appSecret,
      renewBeforeMs,
      onRenewed: events.tokenRenewed,
      onFailed: events.tokenRenewalFailed,
      onConfirmed: events.tokenConfirmed,
    }),
  }
}
