/** Every command, by topic and by the words that call it. Help, completion and docs/cli.md are made from this. */
import { CALLBACKS } from './catalogue/callbacks.ts'
import { FALLBACK } from './catalogue/fallback.ts'
import { KEYS } from './catalogue/keys.ts'
import { LIMITS } from './catalogue/limits.ts'
import { MACHINE } from './catalogue/machine.ts'
import { MESSAGES } from './catalogue/messages.ts'
import { QUEUES } from './catalogue/queues.ts'
import { STATE } from './catalogue/state.ts'
import { TOKENS } from './catalogue/tokens.ts'
import type { Commands, Options } from './command.ts'

export const TOPICS: readonly { title: string; commands: Commands }[] = [
  { title: 'State', commands: STATE },
  { title: 'Messages', commands: MESSAGES },
  { title: 'Fallback', commands: FALLBACK },
  { title: 'Access token', commands: TOKENS },
  { title: 'Queues', commands: QUEUES },
  { title: 'Callbacks', commands: CALLBACKS },
  { title: 'Limits', commands: LIMITS },
  { title: 'Keys and audit', commands: KEYS },
  { title: 'Installation', commands: MACHINE },
]

export const COMMANDS: Commands = Object.assign({}, ...TOPICS.map(({ commands }) => commands)) as Commands

/** What every command takes. Not --env-file: node takes that for its own, wherever it stands. */
export const COMMON_OPTIONS: Options = {
  help: { type: 'boolean', short: 'h', about: 'what the command does and takes' },
  file: {
    type: 'string',
    value: 'PATH',
    isFile: true,
    about: 'the .env to read (and for setup to write); that of this folder unless given',
  },
}

/** The exit codes that every command may end with. */
export const COMMON_EXIT_CODES: Readonly<Record<number, string>> = {
  64: 'the command line makes no sense',
  70: 'a fault of the tool itself, or it is not built',
  78: 'settings are missing or faulty',
}

/** The commands that begin with this word, besides the one that is this word: `keys` gives `keys create` and others. */
export function familyOf(word: string): string[] {
  return Object.keys(COMMANDS).filter((name) => name.startsWith(`${word} `))
}
