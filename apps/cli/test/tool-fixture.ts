/** The tool as on the command line, with settings of the test's own. */
import { randomBytes } from 'node:crypto'
import type { Environment } from '@relais/core'
import { sharedRedisUrl, uniquePrefix } from '@relais/testing'
import { readArguments } from '../src/arguments.ts'
import { UsageError } from '../src/command.ts'
import { withUrl } from '../src/environment.ts'
import { createPaint } from '../src/paint.ts'

export function toolFixture(more: Environment = {}) {
  const environment: Environment = {
    REDIS_URL: sharedRedisUrl(),
    QUEUE_PREFIX: uniquePrefix(),
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    RELAIS_OPERATOR: 'awa',
    ...more,
  }
  /** What a command is run with, and what it has printed. */
  const prepare = (...args: string[]) => {
    const asked = readArguments(args)
    if (asked.kind !== 'command') throw new UsageError(asked.kind)
    const printed: string[] = []
    const print = (text: string) => void printed.push(text)
    const context = {
      ...asked,
      environment: () => withUrl(environment, asked.values['url']),
      paint: createPaint(false),
      print,
    }
    return { context, printed: () => printed.join('') }
  }
  const run = async (...args: string[]) => {
    const { context, printed } = prepare(...args)
    return { code: await context.command.run(context), output: printed() }
  }
  return {
    environment,
    prepare,
    run,
    async json(...args: string[]) {
      const { code, output } = await run(...args, '--json')
      return {
        code,
        body: JSON.parse(output) as Record<string, unknown> & { keys: Record<string, unknown>[] },
      }
    },
  }
}
