/**
 * How a process uses the shared token: `withAccessToken(use)` is the only door.
 *
 * The token is kept in the process, and looked at in the vault again by the first use after `REREAD_MS`: a token that an
 * operator brought is in use everywhere within a second, and ten or a thousand uses a second cost one Redis call. As long as
 * there may be a better one (it was refused, its renewal is due, its last minutes have begun, its life is not known yet) it
 * is looked at every `RETRY_READ_MS`.
 */
import { UnsealError } from '../sealer.ts'
import type { Secret } from '../secret.ts'
import { isUsable, renewsAt, tokenState } from './token-state.ts'
import type { StoredToken, TokenVault } from './vault.ts'

/** While there may be a better token than the one at hand, Redis is asked for it at most this often. */
const RETRY_READ_MS = 250

/** A token that is good for all we know is looked at again after this. */
const REREAD_MS = 1000

/** What `use` is given: the token, and a way to say that Meta refused this very version. */
export type TokenUse<T> = (accessToken: Secret) => Promise<T>

/**
 * @param options.useMarginMs a token is not used from memory in its last moments if the vault has a better one
 * @param options.renewBeforeMs see `renewsAt`
 * @param options.onConcern told when a use finds no token, or that renewal is due; may be called often
 * @param options.onRefused told once when Meta's refusal of a version is recorded
 */
export function createSharedToken(options: {
  vault: TokenVault
  useMarginMs: number
  renewBeforeMs: number | undefined
  now?: () => number
  onConcern?: () => void
  onRefused?: (token: StoredToken) => void
}) {
  const { vault, useMarginMs, renewBeforeMs, now = Date.now } = options
  let held: StoredToken | undefined
  let readAt = -Infinity
  let reading: Promise<StoredToken | undefined> | undefined

  return {
    /** Is there a token to send with? */
    async isAvailable(): Promise<boolean> {
      return (await current()) !== undefined
    },

    /**
     * Runs `use` with the token. If Meta refuses it, that version is recorded as refused, and if the vault has another,
     * `use` runs once more with that one, at once. `undefined`: there is no token to use.
     *
     * @param wasRefused reads from the answer of `use` whether Meta refused the token itself
     */
    async withAccessToken<T>(use: TokenUse<T>, wasRefused: (answer: T) => boolean): Promise<T | undefined> {
      const first = await current()
      if (!first) return undefined
      const answer = await use(first.accessToken)
      if (!wasRefused(answer)) return answer
      await refuse(first)
      const second = await current()
      if (!second || isSame(first, second)) return answer
      const secondAnswer = await use(second.accessToken)
      if (wasRefused(secondAnswer)) await refuse(second)
      return secondAnswer
    },
  }

  /** The token to use now. The one at hand is still used when the vault has no better one. */
  async function current(): Promise<StoredToken | undefined> {
    const at = now()
    const rereadMs = mayBeBettered(held, at) ? RETRY_READ_MS : REREAD_MS
    if (at - readAt >= rereadMs) held = await read()
    const isHeldUsable = held !== undefined && isUsable(tokenState(held, at, renewBeforeMs))
    if (!isHeldUsable || (held && isDue(held, at))) options.onConcern?.()
    return isHeldUsable ? held : undefined
  }

  function mayBeBettered(token: StoredToken | undefined, at: number): boolean {
    if (token?.expiresAt === undefined || token.refusedAt !== undefined) return true
    return isDue(token, at) || (token.expiresAt !== null && token.expiresAt - at < useMarginMs)
  }

  function isDue(token: StoredToken, at: number): boolean {
    const due = renewsAt(token, renewBeforeMs)
    return due !== null && due <= at
  }

  /** One read at a time, however many uses wait for it. */
  async function read(): Promise<StoredToken | undefined> {
    reading ??= readVault().finally(() => {
      readAt = now()
      reading = undefined
    })
    return reading
  }

  /** A token sealed under a key that is not in the ring is no token; the start of a process says so. */
  async function readVault(): Promise<StoredToken | undefined> {
    try {
      return await vault.read()
    } catch (error) {
      if (error instanceof UnsealError) return undefined
      throw error
    }
  }

  async function refuse(token: StoredToken): Promise<void> {
    if (await vault.noteRefusal(token, now())) options.onRefused?.(token)
    held = await read()
  }

  function isSame(a: StoredToken, b: StoredToken): boolean {
    return a.generation === b.generation && a.version === b.version
  }
}

export type SharedToken = ReturnType<typeof createSharedToken>
