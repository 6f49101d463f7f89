/** The help, made from the table of commands. Pure. */
import type { Command, Option, Options, Word } from './command.ts'
import { COMMANDS, COMMON_EXIT_CODES, COMMON_OPTIONS, familyOf, TOPICS } from './commands.ts'
import { wrapped } from './paint.ts'

/** How the tool is called in the workspace. */
const CALL = 'npx relais'

const WIDTH = 100

/** What is said to a command line that makes no sense. */
export function usageOf(name: string | undefined): string {
  const command = name === undefined ? undefined : COMMANDS[name]
  const line = command && name !== undefined ? `${name} ${takesOf(command)}`.trimEnd() : 'COMMAND [options]'
  return `usage: ${CALL} ${line}; \`${CALL} help${command ? ` ${name}` : ''}\` says more`
}

/** @param of a command, or the first word of several; one screen about all of them without */
export function helpOf(of?: string): string {
  if (of === undefined) return OVERVIEW
  const command = COMMANDS[of]
  return command ? helpOfCommand(of, command) : `${rowsOf(familyOf(of)).join('\n')}\n`
}

const NAME_WIDTH = 18

const OVERVIEW = `Relais, for operators.  ${CALL} COMMAND [options]; ${CALL} help COMMAND says more

${TOPICS.map(({ title, commands }) => [title, ...rowsOf(Object.keys(commands))].join('\n')).join('\n')}

Every command takes --json, --file PATH (the .env to read) and --help, and its exit code says what came of it: docs/cli.md.
RELAIS_URL says where the API is (http://127.0.0.1:PORT unless set), RELAIS_OPS_KEY the key to ask it with (the first plain
key of OPS_KEYS unless set), RELAIS_OPERATOR who you are in the audit. Secrets are read from there or asked for, never taken
as arguments.
`

function helpOfCommand(name: string, command: Command): string {
  const { about, more, words = [], options, examples } = command
  const others = familyOf(name)
  return [
    `${CALL} ${name} ${takesOf(command)}`.trimEnd(),
    '',
    ...wrapped(sentence(about), WIDTH),
    ...(more === undefined ? [] : wrapped(more, WIDTH)),
    ...section('Words', columns(words.map((word) => [word.name, wordText(word)]))),
    ...section('Options', columns(optionRows({ ...options, ...COMMON_OPTIONS }))),
    ...section(
      'Examples',
      examples.flatMap(({ line, about: what }) => [`  ${CALL} ${line}`, `      ${what}`]),
    ),
    ...section('Exit codes', columns(exitRows(command))),
    ...section('See also', rowsOf(others)),
    '',
  ].join('\n')
}

/** What a command takes: `NAME --why TEXT [--url URL]`. The options that all commands have are left out. */
export function takesOf({ words = [], options }: Pick<Command, 'words' | 'options'>): string {
  const isShown = ([name]: [string, Option]) => !['json', 'url'].includes(name)
  const asked = Object.entries(options).filter(isShown)
  const needed = asked
    .filter(([, { isNeeded }]) => isNeeded)
    .map(([name, option]) => optionText(name, option))
  const others = asked
    .filter(([, { isNeeded }]) => !isNeeded)
    .map(([name, option]) => `[${optionText(name, option)}]`)
  return [
    ...words.map(({ name, isOptional }) => (isOptional ? `[${name}]` : name)),
    ...needed,
    ...others,
  ].join(' ')
}

/** An option as it is typed: `--mode live|team|test`. */
export function optionText(name: string, { type, value, values, short }: Option): string {
  const said = type === 'boolean' ? '' : ` ${value ?? values?.join('|') ?? 'TEXT'}`
  return `${short === undefined ? '' : `-${short}, `}--${name}${said}`
}

/** What an option means, with the values it takes where the option itself does not show them. */
export function meaningOf({ about, isList, values }: Option): string {
  return isList && values ? `${about}. Some of ${values.join(', ')}` : about
}

/** The exit codes of a command, its own first: code and meaning. */
function exitRows({ exitCodes }: Pick<Command, 'exitCodes'>): [string, string][] {
  return Object.entries({ ...COMMON_EXIT_CODES, ...exitCodes })
}

function wordText({ about, values }: Word): string {
  return values && values.length > 1 ? `${about}: ${values.join(', ')}` : about
}

function optionRows(options: Options): [string, string][] {
  return Object.entries(options).map(([name, option]) => [optionText(name, option), meaningOf(option)])
}

function rowsOf(names: readonly string[]): string[] {
  return names.map((name) => `  ${name.padEnd(NAME_WIDTH)}${COMMANDS[name]?.about ?? ''}`)
}

/** Two columns, the second broken into lines. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const first = Math.max(0, ...rows.map(([name]) => name.length)) + 4
  return rows.flatMap(([name, text]) =>
    wrapped(text, WIDTH - first).map((line, i) => `  ${(i === 0 ? name : '').padEnd(first - 2)}${line}`),
  )
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines]
}

function sentence(text: string): string {
  const end = /[.?]$/.test(text) ? '' : '.'
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${end}`
}
