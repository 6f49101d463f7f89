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
    : (linesOut ??= writingByTurns(pino.destination({ dest: 1, sync: true })))
  return pino({ name, level, base: { name }, serializers: { err: describeError } }, destination)
}

/** Where the lines of all loggers of the process go. */
let linesOut: { write: (line: string) => void } | undefined

/**
 * The lines of one turn of the event loop are written together: a busy process would spend more time in writing them than in making them.
 * Whatever ends the process, short of a kill in the middle of that turn, they are written before.
 */
function writingByTurns(destination: { write: (text: string) => unknown }) {
  let lines = ''
  const flush = () => {
    if (lines === '') return
    const text = lines
    lines = ''
    destination.write(text)
  }
  process.on('exit', flush)
  return {
    write(line: string): void {
      if (lines === '') setImmediate(flush)
      lines += line
    },
  }
}

/** What may be said of an error. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: 'something that is not an Error was thrown' }
  const { name, message, stack } = error
  const code = 'code' in error ? error.code : undefined
  return { type: name, message, ...(code !== undefined && { code }), stack }
}
