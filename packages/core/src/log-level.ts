/**
 * The level of the logs, as operators set it for all processes for a while. It stands in Redis with an expiry; each process looks, and goes
 * back to its own `LOG_LEVEL` at the moment that was named, whether it can see Redis then or not.
 *
 * Warnings and faults cannot be turned off from here. What is logged at `debug` and `trace` is as free of secrets as the rest.
 */
import type { Events } from './events.ts'
import { fieldOf } from './graph/wire.ts'
import { keepLooking } from './keep-looking.ts'
import type { Keys } from './keys.ts'
import type { Logger } from './logger.ts'
import type { RedisClient } from './redis.ts'

/** The levels that can be set. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

/** For a day at most. */
export const MOST_LEVEL_MINUTES = 24 * 60

const LOOK_EVERY_MS = 2000

/** What operators have set. `until`: milliseconds since 1970. */
type SetLevel = { level: LogLevel; until: number }

/** `level`: that of this process now. `usual`: its `LOG_LEVEL`. `until`: absent while nobody has set another. */
export type LogLevelState = { level: string; usual: string; until?: number }

/**
 * @param options.logger the logger whose level it is; the one it has now is its usual one
 * @param options.now the clock of messages
 */
export function createLogLevel(options: {
  redis: Pick<RedisClient, 'get' | 'set'>
  keys: Pick<Keys, 'logLevel'>
  logger: Pick<Logger, 'level'>
  events: Pick<Events, 'logLevelChanged'>
  onError: (error: Error) => void
  now?: () => number
}) {
  const { redis, keys, logger, events, onError, now = Date.now } = options
  const usual = logger.level
  let present: SetLevel | undefined
  let ending: NodeJS.Timeout | undefined
  let looking: { close: () => void } | undefined

  return {
    start(): void {
      looking = keepLooking(look, () => LOOK_EVERY_MS, onError)
    },

    close(): void {
      looking?.close()
      clearTimeout(ending)
    },

    /** What all processes are told now. Rejects as Redis does. */
    async read(): Promise<LogLevelState> {
      await look()
      return state()
    },

    /** For all processes: the others follow within two seconds. Rejects as Redis does. */
    async set(level: LogLevel, minutes: number): Promise<LogLevelState> {
      const forMs = minutes * 60_000
      const wanted: SetLevel = { level, until: now() + forMs }
      await redis.set(keys.logLevel(), JSON.stringify(wanted), 'PX', forMs)
      take(wanted)
      return state()
    },
  }

  function state(): LogLevelState {
    return { level: logger.level, usual, ...(present && { until: present.until }) }
  }

  async function look(): Promise<void> {
    const text = await redis.get(keys.logLevel())
    const found = text === null ? undefined : readLevel(text)
    const latest = now() + MOST_LEVEL_MINUTES * 60_000
    const isOn = found && found.until > now() && found.until <= latest
    take(isOn ? found : undefined)
  }

  function take(wanted: SetLevel | undefined): void {
    clearTimeout(ending)
    present = wanted
    if (wanted) ending = setTimeout(() => take(undefined), wanted.until - now()).unref()
    const level = wanted?.level ?? usual
    if (level === logger.level) return
    const from = logger.level
    logger.level = level
    events.logLevelChanged({ from, to: level, until: wanted?.until })
  }
}

export type LogLevelControl = ReturnType<typeof createLogLevel>

/** Undefined for what is none: another version may have written it. */
function readLevel(text: string): SetLevel | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const level = LOG_LEVELS.find((each) => each === fieldOf(value, 'level'))
    const until = fieldOf(value, 'until')
    return level && typeof until === 'number' ? { level, until } : undefined
  } catch {
    return undefined
  }
}
