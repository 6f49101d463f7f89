/** What becomes of a process in which something was thrown that nobody caught. */
import { createLogger } from './logger.ts'
import { endSoon } from './stop.ts'

/**
 * To be called before anything else. Says such an error in one line without its fields, which Node would print all, secrets included.
 *
 * A rejection that nobody handled is a slip in one piece of work: the rest is finished, and the process stops as if it was asked to, with
 * exit code 1. After an exception nothing in the process can be trusted: it ends at once, with 1, and what it had in hand comes back
 * by itself.
 *
 * @returns resolves at the first unhandled rejection, when the process is to stop
 */
export function watchFatalErrors(name: string): Promise<'unhandledRejection'> {
  const logger = createLogger({ name, level: 'fatal', isPretty: process.stdout.isTTY })
  process.on('uncaughtException', (err: unknown) => {
    try {
      logger.fatal({ event: 'process.failed', cause: 'uncaughtException', err }, 'ending at once')
    } finally {
      process.exit(1)
    }
  })
  return new Promise((resolve) => {
    process.on('unhandledRejection', (err: unknown) => {
      logger.fatal({ event: 'process.failed', cause: 'unhandledRejection', err }, 'stopping')
      endSoon()
      resolve('unhandledRejection')
    })
  })
}
