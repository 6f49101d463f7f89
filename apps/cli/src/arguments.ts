/** The command line, read. Secrets never stand on it: they would be seen in the process list and kept in the shell's history. */
import { parseArgs } from 'node:util'
import type { Command, CommandContext } from './command.ts'
import { COMMANDS, COMMON_OPTIONS, familyOf } from './commands.ts'

export type Asked =
  /** @property of the command, or the first word of several; all of them without */
  | { kind: 'help'; of?: string }
  | ({ kind: 'command'; name: string; command: Command } & Pick<CommandContext, 'values' | 'positionals'>)
  /** The command line makes no sense: what is wrong with it. */
  | { kind: 'usage'; fault: string }

const HELP = ['help', '--help', '-h']

/** @param args without node and the script */
export function readArguments(args: readonly string[]): Asked {
  const [first, ...rest] = args
  if (first === undefined) return { kind: 'usage', fault: `a command is missing: ${NAMES}` }
  if (HELP.includes(first)) return readHelp(rest)
  const name = nameIn(args)
  if (name === undefined) return noCommand(first, rest)
  const command = COMMANDS[name] as Command
  return readCommand(name, command, args.slice(name.split(' ').length))
}

function readCommand(name: string, command: Command, args: readonly string[]): Asked {
  const { words = [], options } = command
  const known = { ...COMMON_OPTIONS, ...options }
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: known,
      allowPositionals: words.length > 0,
    })
    if (values['help']) return { kind: 'help', of: name }
    if (positionals.length > words.length) return { kind: 'usage', fault: `${name} takes fewer words` }
    for (const [option, { values: possible, isList }] of Object.entries(known)) {
      const value = values[option]
      if (!possible || isList || typeof value !== 'string' || possible.includes(value)) continue
      return { kind: 'usage', fault: `--${option} must be one of ${possible.join(', ')}` }
    }
    // None of them may be given more than once, so none is a list.
    return { kind: 'command', name, command, values: values as CommandContext['values'], positionals }
  } catch (error) {
    return { kind: 'usage', fault: faultOf(error, name) }
  }
}

/** `help`, `help keys`, `help keys create`. */
function readHelp(args: readonly string[]): Asked {
  const [first] = args
  if (first === undefined) return { kind: 'help' }
  const name = nameIn(args)
  if (name !== undefined) return { kind: 'help', of: name }
  return familyOf(first).length > 0 ? { kind: 'help', of: first } : noCommand(first, [])
}

/** The command whose name begins the arguments: of two words if there is one, else of one. */
function nameIn([first = '', second = '']: readonly string[]): string | undefined {
  return [`${first} ${second}`, first].find((name) => Object.hasOwn(COMMANDS, name))
}

function noCommand(first: string, rest: readonly string[]): Asked {
  const family = familyOf(first)
  if (family.length === 0)
    return { kind: 'usage', fault: `there is no such command; the commands are ${NAMES}` }
  if (rest.some((arg) => HELP.includes(arg))) return { kind: 'help', of: first }
  return { kind: 'usage', fault: `one of these is meant: ${family.join(', ')}` }
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
