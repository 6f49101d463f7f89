/** The command line, read. Secrets never stand on it: they would be seen in the process list and kept in the shell's history. */
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { type Command, type CommandContext } from './command.ts'
import { COMMANDS } from './commands.ts'

export type Language = 'en' | 'fr'

export type Asked =
  | { kind: 'help' }
  | ({ kind: 'command'; name: string; command: Command } & Pick<CommandContext, 'values' | 'positionals'>)
  /** The command line makes no sense: what is wrong with it. */
  | { kind: 'usage'; fault: string }

// Not --env-file: node takes that for its own, wherever it stands.
const COMMON: NonNullable<ParseArgsConfig['options']> = {
  help: { type: 'boolean', short: 'h' },
  file: { type: 'string' },
}

export const USAGE = `usage: node apps/cli/dist/main.js COMMAND [options]; --help says more`

const LINES = Object.entries(COMMANDS).map(
  ([name, { takes, about }]) => `  ${`${name} ${takes}`.trimEnd()}\n      ${about}`,
)

export const HELP = `Relais, for operators.

${LINES.join('\n')}

Options
  --json              the same as JSON, where a command prints something
  --exchange          check: renew the token for real, through the API
  --file PATH         the .env to read, and for setup to write; the one of this folder unless given
  --help              this text

Exit codes
  status              0 connected, 1 degraded, 2 fallback, 3 the state cannot be told
  check               0 all is well, 1 warnings only, 2 something is wrong, 78 faulty settings
  setup               0 written, 1 nothing written
  others              0 done, 1 not done or something found, 78 faulty settings
  64                  this command line makes no sense

Where the API is and how it is asked: RELAIS_URL (http://127.0.0.1:PORT unless set) and RELAIS_OPS_KEY (the first plain key of
OPS_KEYS unless set), from the environment or .env. Secrets are read from there or asked for, never taken as arguments. Keys, audit and
limits are looked at and changed in Redis itself, by whoever has its settings; RELAIS_OPERATOR says who that is in the audit (the
user of this machine unless set).
`

/** @param args without node and the script */
export function readArguments(args: readonly string[]): Asked {
  const [first, second] = args
  if (first === undefined) return { kind: 'usage', fault: `a command is missing: ${NAMES}` }
  if (['--help', '-h', 'help'].includes(first)) return { kind: 'help' }
  const both = `${first} ${second ?? ''}`
  const name = Object.hasOwn(COMMANDS, both) ? both : first
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!command) return { kind: 'usage', fault: `there is no such command; the commands are ${NAMES}` }
  try {
    const { values, positionals } = parseArgs({
      args: args.slice(name.split(' ').length),
      options: { ...COMMON, ...command.options },
      allowPositionals: (command.mostPositionals ?? 0) > 0,
    })
    if (values['help']) return { kind: 'help' }
    if (positionals.length > (command.mostPositionals ?? 0))
      return { kind: 'usage', fault: `${name} takes fewer words` }
    // None of them may be given more than once, so none is a list.
    return { kind: 'command', name, command, values: values as CommandContext['values'], positionals }
  } catch (error) {
    return { kind: 'usage', fault: faultOf(error, name) }
  }
}

const NAMES = Object.keys(COMMANDS).join(', ')

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
