/** The command line, read. Secrets never stand on it: they would be seen in the process list and kept in the shell's history. */
import { parseArgs, type ParseArgsConfig } from 'node:util'

export type Language = 'en' | 'fr'

export type Command =
  | { name: 'help' }
  | { name: 'status'; isJson: boolean; file?: string }
  | { name: 'check'; isJson: boolean; mayExchange: boolean; file?: string }
  | { name: 'setup'; language?: Language; file?: string }
  /** The command line makes no sense: what is wrong with it. */
  | { name: 'usage'; fault: string }

type Options = NonNullable<ParseArgsConfig['options']>

const OPTIONS = {
  status: { json: { type: 'boolean' } },
  check: { json: { type: 'boolean' }, exchange: { type: 'boolean' } },
  setup: { language: { type: 'string' } },
} satisfies Record<string, Options>

// Not --env-file: node takes that for its own, wherever it stands.
const COMMON: Options = { help: { type: 'boolean', short: 'h' }, file: { type: 'string' } }

const NAMES = Object.keys(OPTIONS).join(', ')

export const USAGE = `usage: node apps/cli/dist/main.js status|check|setup [options]; --help says more`

export const HELP = `Relais, for operators.

  status              one screen: mode, token, number, queues. scripts/whatsapp-status.sh
  check               every check there is, and the next step for what is wrong. scripts/test-auto-token.js
  setup               a guide that collects Meta's values and writes .env. scripts/get-whatsapp-tokens.sh

Options
  --json              status, check: the same as JSON
  --exchange          check: renew the token for real, through the API
  --language en|fr    setup: the language of the guide; LANG decides unless it is given
  --file PATH         the .env to read and write; the one of this folder unless given
  --help              this text

Exit codes
  status              0 connected, 1 degraded, 2 fallback, 3 the state cannot be told
  check               0 all is well, 1 warnings only, 2 something is wrong, 78 faulty settings
  setup               0 written, 1 nothing written
  64                  this command line makes no sense

Where the API is and how it is asked: RELAIS_URL (http://127.0.0.1:PORT unless set) and RELAIS_OPS_KEY (the first plain key of
OPS_KEYS unless set), from the environment or .env. Secrets are read from there or asked for, never taken as arguments.
`

/** @param args without node and the script */
export function readArguments(args: readonly string[]): Command {
  const [name, ...rest] = args
  if (name === undefined) return { name: 'usage', fault: `a command is missing: ${NAMES}` }
  if (['--help', '-h', 'help'].includes(name)) return { name: 'help' }
  if (!isCommand(name)) return { name: 'usage', fault: `there is no such command; the commands are ${NAMES}` }
  try {
    const options: Options = { ...COMMON, ...OPTIONS[name] }
    const { values } = parseArgs({ args: rest, options })
    return values['help'] ? { name: 'help' } : commandOf(name, values)
  } catch (error) {
    return { name: 'usage', fault: faultOf(error, name) }
  }
}

function commandOf(name: keyof typeof OPTIONS, values: Record<string, unknown>): Command {
  const { json, exchange, language, file } = values
  const common = typeof file === 'string' ? { file } : {}
  switch (name) {
    case 'status':
      return { name, isJson: json === true, ...common }
    case 'check':
      return { name, isJson: json === true, mayExchange: exchange === true, ...common }
    case 'setup':
      if (language === undefined) return { name, ...common }
      if (language !== 'en' && language !== 'fr')
        return { name: 'usage', fault: '--language must be en or fr' }
      return { name, language, ...common }
  }
}

function isCommand(name: string): name is keyof typeof OPTIONS {
  return Object.hasOwn(OPTIONS, name)
}

/** Never the argument itself: somebody may have put a secret there. */
function faultOf(error: unknown, name: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION':
      return `${name} has no such option`
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL':
      return `${name} takes options only. If a secret stood there, remove it from the history of this shell`
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE':
      return 'an option lacks its value, or has one it does not take'
    default:
      throw error
  }
}
