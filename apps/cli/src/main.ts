/** The operators' commands. Each answers an exit code; `--help` lists them. */
import { existsSync } from 'node:fs'
import { HELP, readArguments, USAGE, type Command } from './arguments.ts'
import { createPaint, wantsColour } from './paint.ts'

const EXIT_USAGE = 64
const EXIT_UNKNOWN = 3
const EXIT_SOFTWARE = 70

const paint = createPaint(wantsColour(process.stdout, process.env))
const print = (text: string) => void process.stdout.write(text)

// Somebody who closes the pipe early (head, less) has seen enough.
process.stdout.on('error', () => process.exit())

const command = readArguments(process.argv.slice(2))
try {
  process.exitCode = await run(command)
} catch (error) {
  // The kind of fault only: a message might quote what must not be seen.
  const { name, code } = error as { name?: string; code?: string }
  process.stderr.write(`This is a fault of the tool itself: ${[name, code].filter(Boolean).join(' ')}\n`)
  process.exitCode = command.name === 'status' ? EXIT_UNKNOWN : EXIT_SOFTWARE
}

/** What a command needs is loaded with it: a slip on the command line is told at once. */
async function run(asked: Command): Promise<number> {
  if ((asked.name === 'status' || asked.name === 'check') && asked.file && !existsSync(asked.file))
    return run({ name: 'usage', fault: '--file names no file' })
  switch (asked.name) {
    case 'help':
      print(HELP)
      return 0
    case 'usage':
      process.stderr.write(`${asked.fault}\n${USAGE}\n`)
      return EXIT_USAGE
    case 'status': {
      const { readEnvironment } = await import('./environment.ts')
      const { runStatus } = await import('./commands/status.ts')
      return runStatus({ ...asked, environment: readEnvironment(asked.file), paint, print })
    }
    case 'check': {
      const { readEnvironment } = await import('./environment.ts')
      const { runCheck } = await import('./commands/check.ts')
      return runCheck({ ...asked, environment: readEnvironment(asked.file), paint, print })
    }
    case 'setup':
      return setup(asked)
  }
}

async function setup(asked: Extract<Command, { name: 'setup' }>): Promise<number> {
  const { DEFAULT_ENV_FILE, readOwnEnvironment } = await import('./environment.ts')
  const { runSetup } = await import('./commands/setup.ts')
  const { createPrompt } = await import('./prompt.ts')
  const { createSay, languageOf } = await import('./texts.ts')
  const { file = DEFAULT_ENV_FILE } = asked
  const prompt = createPrompt({ input: process.stdin, output: process.stdout })
  try {
    const say = createSay(asked.language ?? languageOf(process.env))
    return await runSetup({ environment: readOwnEnvironment(file), envFile: file, prompt, say, paint, print })
  } finally {
    prompt.close()
  }
}
