/**
 * How a process uses the shared token: `withAccessToken(use)` is the only door.
 *
 * The record is kept in the process. A change is pushed to it; behind that a heartbeat looks at the record by itself, every
 * `LIVE_LOOK_MS` while the push works and every `LOOK_MS` while it does not. So a use costs no call to Redis, and a token that an operator
 * brought is in use everywhere within a second. Only while no token is alive, or the last minutes of the one at hand have begun, a
 * use looks at the record itself, at most every `ANXIOUS_LOOK_MS`.
 *
 * If Redis loses the record, the process goes on with the one it remembers, and says so: it can be put back.
 */
import type { Bearer } from '../graph/answers.ts'
import { UnsealError } from '../sealer.ts'
import type { CredentialsOfApp } from './app-credentials.ts'
import type { TokenChanges } from './token-changes.ts'
import { isUsable, renewsAt, tokenInUse, type StoredToken, type TokenRecord } from './token-state.ts'
import type { TokenVault } from './vault.ts'

const HEARTBEAT_MS = 1000
const LIVE_LOOK_MS = 10_000
const LOOK_MS = 1000
const ANXIOUS_LOOK_MS = 250

/** A use goes through the tokens that are left, one after another; there are never more than the record keeps. */
const MOST_TOKENS_TRIED = 4

/** What `use` is given: the token in use, and the secret of its app. */
export type TokenUse<T> = (bearer: Bearer) => Promise<T>

/**
 * @param options.changes without it the record is looked at when it is used
 * @param options.useMarginMs a token is not used in its last moments if there is a better one
 * @param options.renewBeforeMs see `renewsAt`
 * @param options.onConcern told when a use or the heartbeat finds no token, or that renewal is due, or that Redis lost the
 *   record; may be called often
 * @param options.onRefused told once for all processes when Meta's refusal of a version is recorded
 */
export function createSharedToken(options: {
  vault: Pick<TokenVault, 'read' | 'noteRefusal'>
  app: CredentialsOfApp
  changes?: TokenChanges
  useMarginMs: number
  renewBeforeMs: number | undefined
  now?: () => number
  onConcern?: () => void
  onRefused?: (token: StoredToken) => void
}) {
  const { vault, app, changes, useMarginMs, renewBeforeMs, now = Date.now } = options
  let held: TokenRecord | undefined
  let lost: Lost | undefined
  let readAt = -Infinity
  let reading: Promise<void> | undefined
  let heartbeat: NodeJS.Timeout | undefined
  const waiting = new Set<() => void>()

  return {
    /** Listens for changes and begins the heartbeat. */
    start(): void {
      const beat = () => void look().catch(() => undefined)
      changes?.listen(() => {
        readAt = -Infinity
        beat()
      })
      heartbeat = setInterval(beat, HEARTBEAT_MS).unref()
      beat()
    },

    close(): void {
      clearInterval(heartbeat)
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

    /** Seconds of life that the token in use has left: 0 without one, infinite if it never expires or its life is not known. */
    async secondsLeft(): Promise<number> {
      const token = await current()
      if (!token) return 0
      return typeof token.expiresAt === 'number' ? (token.expiresAt - now()) / 1000 : Infinity
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
     * @param wasRefused reads from the answer of `use` whether Meta refused the token itself
     */
    async withAccessToken<T>(use: TokenUse<T>, wasRefused: (answer: T) => boolean): Promise<T | undefined> {
      let answer: T | undefined
      for (let tried = 0; tried < MOST_TOKENS_TRIED; tried += 1) {
        const token = await current()
        const generation = held?.generation
        if (!token || generation === undefined) return answer
        answer = await use(bearerOf(token))
        if (!wasRefused(answer)) return answer
        await refuse(generation, token)
      }
      return answer
    },
  }

  function bearerOf({ accessToken }: StoredToken): Bearer {
    const [appSecret] = app.secrets(held)
    return { accessToken, ...(appSecret && { appSecret }) }
  }

  /** The token to use now. The one at hand is still used when the record has no better one. */
  async function current(): Promise<StoredToken | undefined> {
    await look()
    return tokenInUse(held, now(), useMarginMs)
  }

  /** Sees to it that what is held is fresh enough; says what it finds. */
  async function look(): Promise<void> {
    const at = now()
    const isAnxious = !isSound(at)
    const lookMs = isAnxious ? ANXIOUS_LOOK_MS : changes?.isLive() ? LIVE_LOOK_MS : LOOK_MS
    if (at - readAt >= lookMs) {
      const looked = read()
      // A token that is good for all we know is used meanwhile.
      if (isAnxious) await looked
      else looked.catch(() => undefined)
    }
    const newest = tokenInUse(held, at, 0)
    if (!newest || lost || isDue(newest, at)) options.onConcern?.()
  }

  /** Is there a token that will do for the next minutes? */
  function isSound(at: number): boolean {
    const token = tokenInUse(held, at, useMarginMs)
    return token !== undefined && isUsable(token, at + useMarginMs)
  }

  function isDue(token: StoredToken, at: number): boolean {
    const due = renewsAt(token, renewBeforeMs)
    return due !== null && due <= at
  }

  /** One read at a time, however many uses wait for it. */
  function read(): Promise<void> {
    reading ??= readVault().finally(() => {
      readAt = now()
      reading = undefined
    })
    return reading
  }

  async function readVault(): Promise<void> {
    const record = await vault.read().catch((error: unknown) => {
      // A token sealed under a key that is not in the ring is no token; the start of a process says so.
      if (error instanceof UnsealError) return undefined
      throw error
    })
    lost = held && isWorse(record, held) ? { remembered: held, ...(record && { over: record }) } : undefined
    if (record && !lost) held = record
    if (tokenInUse(held, now(), useMarginMs)) for (const wake of waiting) wake()
  }

  /** Is this what came after Redis lost the record that we remember: nothing, or one begun anew with less? */
  function isWorse(record: TokenRecord | undefined, remembered: TokenRecord): boolean {
    if (!tokenInUse(remembered, now(), 0)) return false
    if (!record) return true
    const isAnew = record.generation !== remembered.generation && record.version < remembered.version
    return isAnew && record.tokens[0]?.source !== 'manual'
  }

  async function refuse(generation: string, token: StoredToken): Promise<void> {
    if (await vault.noteRefusal({ generation, version: token.version }, now())) options.onRefused?.(token)
    await read()
    // What is only remembered cannot be marked for all.
    if (lost && held)
      held = { ...held, tokens: held.tokens.filter(({ version }) => version !== token.version) }
  }
}

export type SharedToken = ReturnType<typeof createSharedToken>

/** A record that Redis lost, as a process remembers it, and the worse one that took its place meanwhile. */
export type Lost = { remembered: TokenRecord; over?: TokenRecord }
