/**
 * How a process uses the shared token: `withAccessToken(use)` is the only door.
 *
 * The token is kept in the process and read again from the vault when its last minutes begin, when Meta refuses it, and at
 * most every `RETRY_READ_MS` while there is none to use. In the steady state a use costs no Redis call.
 */
import type { Secret } from '../secret.ts'
import { isUsable, renewsAt, tokenState } from './token-state.ts'
import type { StoredToken, TokenVault } from './vault.ts'

/** With no usable token at hand, Redis is asked for a better one at most this often. */
const RETRY_READ_MS = 250

/** What `use` is given: the token, and a way to say that Meta refused this very version. */
export type TokenUse<T> = (accessToken: Secret) => Promise<T>

/**
 * @param options.useMarginMs a token is not used from memory in its last moments if the vault has a better one
 * @param options.renewBeforeMs see `renewsAt`
 * @param options.onRenewalDue told when a use finds that renewal is due; may be called often
 * @param options.onRefused told once when Meta's refusal of a version is recorded
 */
export function createSharedToken(options: {
  vault: TokenVault
  useMarginMs: number
  renewBeforeMs: number | undefined
  now?: () => number
  onRenewalDue?: (token: StoredToken) => void
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

  /** The token to use now. A token in its last moments is still used when the vault has no better one. */
  async function current(): Promise<StoredToken | undefined> {
    const at = now()
    if (!held || needsRead(held, at)) {
      if (at - readAt >= RETRY_READ_MS || reading) held = await read()
    }
    if (!held || !isUsable(tokenState(held, at, renewBeforeMs))) return undefined
    const due = renewsAt(held, renewBeforeMs)
    if (due !== null && due <= at) options.onRenewalDue?.(held)
    return held
  }

  function needsRead(token: StoredToken, at: number): boolean {
    if (token.refusedAt !== undefined) return true
    if (typeof token.expiresAt === 'number') return token.expiresAt - at < useMarginMs
    return false
  }

  /** One read at a time, however many uses wait for it. */
  async function read(): Promise<StoredToken | undefined> {
    reading ??= vault.read().finally(() => {
      readAt = now()
      reading = undefined
    })
    return reading
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
