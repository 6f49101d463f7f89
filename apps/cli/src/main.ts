/** The operators' commands. Each answers an exit code; `help` lists them. */
import { SettingsError } from '@relais/core'
import { existsSync } from 'node:fs'
import { readArguments, type Asked } from './arguments.ts'
import { UsageError } from './command.ts'
import { readEnvironment, withUrl } from './environment.ts'
import { helpOf, usageOf } from './help.ts'
import { createPaint, wantsColour } from './paint.ts'

const EXIT_USAGE = 64
const EXIT_UNKNOWN = 3
const EXIT_SOFTWARE = 70
const EXIT_CONFIG = 78

const paint = createPaint(wantsColour(process.stdout, process.env))
const print = (text: string) => void process.stdout.write(text)

// Somebody who closes the pipe early (head, less) has seen enough.
process.stdout.on('error', () => process.exit())

const asked = readArguments(process.argv.slice(2))
try {
  process.exitCode = await run(asked)
} catch (error) {
  process.exitCode = failed(error)
}

async function run(what: Asked): Promise<number> {
  switch (what.kind) {
    case 'help':
      print(helpOf(what.of))
      return 0
    case 'usage':
      throw new UsageError(what.fault)
    case 'command': {
      const { name, command, values, positionals } = what
      const file = typeof values['file'] === 'string' ? values['file'] : undefined
      if (file && name !== 'setup' && !existsSync(file)) throw new UsageError('--file names no file')
      const environment = () => withUrl(readEnvironment(file), values['url'])
      return command.run({ values, positionals, environment, paint, print })
    }
  }
}

function failed(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n${usageOf(asked.kind === 'command' ? asked.name : undefined)}\n`)
    return EXIT_USAGE
  }
  if (error instanceof SettingsError) {
    process.stderr.write(`${error.lines.join('\n')}\n`)
    return EXIT_CONFIG
  }
  // The kind of fault only: a message might quote what must not be seen.
  const { name, code } = error as { name?: string; code?: string }
  process.stderr.write(`This is a fault of the tool itself: ${[name, code].filter(Boolean).join(' ')}\n`)
  return asked.kind === 'command' && asked.name === 'status' ? EXIT_UNKNOWN : EXIT_SOFTWARE
}
