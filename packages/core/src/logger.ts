import pino, { type Logger } from 'pino'
import pretty from 'pino-pretty'

export type { Logger }

/**
 * The logger of a process: JSON lines on standard output, or lines for people.
 *
 * Errors are written by an allow-list: type, message, code, stack. Their other fields hold what the library was doing at the
 * time, which with Redis and HTTP clients means tokens, codes and passwords.
 */
export function createLogger(options: { name: string; level: string; isPretty: boolean }): Logger {
  const { name, level, isPretty } = options
  const destination = isPretty
    ? pretty({ sync: true, ignore: 'pid,hostname', messageKey: 'msg', translateTime: 'SYS:HH:MM:ss.l' })
    : pino.destination({ dest: 1, sync: true })
  return pino({ name, level, base: { name }, serializers: { err: describeError } }, destination)
}

/** What may be said of an error. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: 'something that is not an Error was thrown' }
  const { name, message, stack } = error
  const code = 'code' in error ? error.code : undefined
  return { type: name, message, ...(code !== undefined && { code }), stack }
}
