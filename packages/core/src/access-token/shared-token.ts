/**
 * How a process uses the shared token: `withAccessToken(use)` is the only door.
 *
 * The record is kept in the process. A change is pushed to it. In case the word was lost, a use begins a look at a record that is a second
 * old and does not wait for it, and a heartbeat looks every two seconds. So a token that an operator brought is in use everywhere within
 * a second. Only while no token is alive, or the last minutes of the one at hand have begun, a use waits for its look, at most every
 * `ANXIOUS_LOOK_MS`.
 *
 * If Redis loses the record, or goes back to an older one, the process goes on with the one it remembers, and says so: it can be put back.
 */
import type { Bearer } from '../graph/answers.ts'
import { keepLooking } from '../keep-looking.ts'
import type { CredentialsOfApp } from './app-credentials.ts'
import type { TokenChanges } from './token-changes.ts'
import {
  checkAfterRefusal,
  isCheckDue,
  isUsable,
  renewsAt,
  tokenInUse,
  type StoredToken,
  type TokenRecord,
} from './token-state.ts'
import type { TokenVault } from './vault.ts'

/** A use begins a look at a record that is older. */
const LOOK_MS = 1000
const ANXIOUS_LOOK_MS = 250

/** Without uses the record is looked at so often. */
const HEARTBEAT_MS = 2000
const ANXIOUS_HEARTBEAT_MS = 1000

/** A use goes through the tokens that are left, one after another; there are never more than the record keeps. */
const MOST_TOKENS_TRIED = 4

/** What `use` is given: the token in use with the secret of its app, and its version. */
export type TokenUse<T> = (bearer: Bearer, version: number) => Promise<T>

/** A record that Redis lost, as a process remembers it, and the worse one that took its place meanwhile. */
export type Lost = { remembered: TokenRecord; over?: TokenRecord }

/**
 * @param options.changes without it the record is looked at when it is used
 * @param options.useMarginMs a token is not used in its last moments if there is a better one
 * @param options.renewBeforeMs see `renewsAt`
 * @param options.elapsed a clock that nobody sets, in milliseconds
 * @param options.onConcern told when a use or the heartbeat finds something to be done: no token, a renewal or a check that is due, a record
 *   that Redis lost; may be called often
 * @param options.onRefused told once for all processes when Meta's refusal of a version is recorded, with Meta's words
 */
export function createSharedToken(options: {
  vault: Pick<TokenVault, 'read' | 'noteRefusal'>
  app: CredentialsOfApp
  changes?: TokenChanges
  useMarginMs: number
  renewBeforeMs: number | undefined
  now?: () => number
  elapsed?: () => number
  onConcern?: () => void
  onRefused?: (token: StoredToken, why: string) => void
}) {
  const { vault, app, changes, useMarginMs, renewBeforeMs } = options
  const { now = Date.now, elapsed = () => performance.now() } = options
  let held: TokenRecord | undefined
  let lost: Lost | undefined
  let readAt = -Infinity
  let reading: Promise<void> | undefined
  let isOutdated = false
  let heartbeat: { close: () => void } | undefined
  const waiting = new Set<() => void>()

  return {
    /** Listens for changes and begins the heartbeat. */
    start(): void {
      changes?.listen(() => {
        isOutdated = true
        read().catch(() => undefined)
      })
      heartbeat = keepLooking(
        beat,
        () => (isSound(now()) ? HEARTBEAT_MS : ANXIOUS_HEARTBEAT_MS),
        () => undefined,
      )
    },

    close(): void {
      heartbeat?.close()
      changes?.close()
    },

    /** The record as this process knows it: at most a second old, or what it remembers of one that Redis lost. */
    async record(): Promise<TokenRecord | undefined> {
      await look()
      return held
    },

    /** Reads the record anew. Answers what is to be put back, if Redis has lost the record that this process remembers and uses. */
    async refresh(): Promise<Lost | undefined> {
      await read()
      return lost
    },

    /** Is there a token to send with? */
    async isAvailable(): Promise<boolean> {
      return (await current()) !== undefined
    },

    /** Seconds of life that the token in use has left: 0 without one, infinite if it never expires, NaN if its life is not known. */
    async secondsLeft(): Promise<number> {
      const token = await current()
      if (!token) return 0
      if (token.expiresAt === undefined) return NaN
      return token.expiresAt === null ? Infinity : (token.expiresAt - now()) / 1000
    },

    /** Waits until there is a token to send with. False after `ms`, or when the signal is aborted. */
    async untilAvailable(ms: number, signal: AbortSignal): Promise<boolean> {
      if ((await current()) !== undefined) return true
      if (signal.aborted) return false
      return new Promise((resolve) => {
        const settle = (came: boolean) => {
          clearTimeout(timer)
          waiting.delete(wake)
          signal.removeEventListener('abort', stop)
          resolve(came)
        }
        const wake = () => settle(true)
        const stop = () => settle(false)
        const timer = setTimeout(stop, ms)
        waiting.add(wake)
        signal.addEventListener('abort', stop)
      })
    },

    /**
     * Runs `use` with the token. If Meta refuses it, that version is recorded as refused for all, and `use` runs at once with the
     * next best one, as long as there is one. `undefined`: there is no token to use.
     *
     * @param refusalOf reads from the answer of `use` whether Meta refused the token itself, and why
     */
    async withAccessToken<T>(
      use: TokenUse<T>,
      refusalOf: (answer: T) => string | undefined,
    ): Promise<T | undefined> {
      let answer: T | undefined
      for (let tried = 0; tried < MOST_TOKENS_TRIED; tried += 1) {
        const token = await current()
        const generation = held?.generation
        if (!token || generation === undefined) return answer
        answer = await use(bearerOf(token), token.version)
        const why = refusalOf(answer)
        if (why === undefined) return answer
        await refuse(generation, token, why)
      }
      return answer
    },
  }

  function bearerOf({ accessToken }: StoredToken): Bearer {
    const appSecret = app.inForce(held)
    return { accessToken, ...(appSecret && { appSecret }) }
  }

  /** The token to use now. The one at hand is still used when the record has no better one. */
  async function current(): Promise<StoredToken | undefined> {
    await look()
    return tokenInUse(held, now(), useMarginMs)
  }

  async function beat(): Promise<void> {
    await read()
    if (isConcerning(now())) options.onConcern?.()
  }

  /** Sees to it that what is held is fresh enough; says what it finds. */
  async function look(): Promise<void> {
    const at = now()
    const isAnxious = !isSound(at)
    if (elapsed() - readAt >= (isAnxious ? ANXIOUS_LOOK_MS : LOOK_MS)) {
      const looked = read()
      // A token that is good for all we know is used meanwhile.
      if (isAnxious) await looked
      else looked.catch(() => undefined)
    }
    if (isConcerning(at)) options.onConcern?.()
  }

  /** Is there a token that will do for the next minutes? */
  function isSound(at: number): boolean {
    const token = tokenInUse(held, at, useMarginMs)
    return token !== undefined && isUsable(token, at + useMarginMs)
  }

  function isConcerning(at: number): boolean {
    const newest = tokenInUse(held, at, 0)
    if (!newest || !held || lost) return true
    const due = renewsAt(newest, renewBeforeMs)
    return (due !== null && due <= at) || isCheckDue(held, at) || held.hasOldSeal === true
  }

  /** One read at a time, however many uses wait for it. Word of a change that comes meanwhile is worth another one. */
  function read(): Promise<void> {
    reading ??= readUntilSettled()
    return reading
  }

  /** From its last look at `isOutdated` to its end nothing else runs: who calls `read` gets one that begins later. */
  async function readUntilSettled(): Promise<void> {
    try {
      do {
        isOutdated = false
        await readVault()
      } while (isOutdated)
    } finally {
      readAt = elapsed()
      reading = undefined
    }
  }

  async function readVault(): Promise<void> {
    const record = await vault.read()
    lost = held && isWorse(record, held) ? { remembered: held, ...(record && { over: record }) } : undefined
    if (record && !lost) held = record
    if (tokenInUse(held, now(), useMarginMs)) for (const wake of waiting) wake()
  }

  /** Is this what came after Redis lost the record that we remember: nothing, an older state of it, or one begun anew with less? */
  function isWorse(record: TokenRecord | undefined, remembered: TokenRecord): boolean {
    if (!tokenInUse(remembered, now(), 0)) return false
    if (!record) return true
    if (record.generation === remembered.generation) return record.version < remembered.version
    // What an operator brought since then is newer, whatever its number is.
    if ((record.manualAt ?? 0) > (remembered.manualAt ?? 0)) return false
    if (record.version !== remembered.version) return record.version < remembered.version
    return (record.manualAt ?? 0) < (remembered.manualAt ?? 0)
  }

  async function refuse(generation: string, token: StoredToken, why: string): Promise<void> {
    const at = now()
    const name = { generation, version: token.version }
    const isFirst = await vault.noteRefusal(name, at, { why, check: checkAfterRefusal(token, at) })
    if (isFirst) options.onRefused?.(token, why)
    // One that is under way may have seen the record as it was before.
    isOutdated = true
    await read()
    // What is only remembered cannot be marked for all.
    if (lost && held)
      held = { ...held, tokens: held.tokens.filter(({ version }) => version !== token.version) }
    options.onConcern?.()
  }
}

export type SharedToken = ReturnType<typeof createSharedToken>
