/** What a command of the operators' tool is: what it takes, what it does, and what its exit codes mean. */
import type { Environment } from '@relais/core'
import type { Paint } from './paint.ts'

/** What a command is run with. */
export type CommandContext = {
  /** Its options as they were given, by name. */
  values: Readonly<Record<string, string | boolean | undefined>>
  /** What stands on the command line besides. */
  positionals: readonly string[]
  /** The settings: the command line, the environment, the `.env`, and what `npm start` made for itself. */
  environment: () => Environment
  paint: Paint
  print: (text: string) => void
}

/** An option. Its kind is what `parseArgs` calls `type`. */
export type Option = {
  type: 'string' | 'boolean'
  /** What it means, for help, completion and docs/cli.md. */
  about: string
  /** What stands for its value in the help; `TEXT` unless given. */
  value?: string
  /** The values it takes, where they can be named. */
  values?: readonly string[]
  /** It takes several of them, with commas. */
  isList?: true
  /** It takes the path of a file. */
  isFile?: true
  /** The command does not run without. */
  isNeeded?: true
  short?: string
}

export type Options = Readonly<Record<string, Option>>

/** A word that stands behind the name of a command. */
export type Word = {
  /** What stands for it in the help: `PREFIX`. */
  name: string
  about: string
  values?: readonly string[]
  isFile?: true
  isOptional?: true
}

export type Command = {
  /** What it does, in one line of the help. */
  about: string
  /** What else is to be known, in whole sentences. */
  more?: string
  words?: readonly Word[]
  options: Options
  /** Lines to copy, without `npx relais`, and what each is for. */
  examples: readonly { line: string; about: string }[]
  /** Its exit codes besides those that all have. */
  exitCodes: Readonly<Record<number, string>>
  /** Answers the exit code. Loads what it needs: a slip on the command line is told at once. */
  run: (context: CommandContext) => Promise<number>
}

/** Commands by the words that call them. */
export type Commands = Readonly<Record<string, Command>>

/** The command line makes no sense to the command. `message` says why, and repeats nothing of it: it may hold a secret. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** The text of an option, if it was given. */
export function textOf({ values }: Pick<CommandContext, 'values'>, name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

/** A whole number in an option. Throws a `UsageError`. */
export function numberOf(
  { values }: Pick<CommandContext, 'values'>,
  name: string,
  range: { min: number; max: number; fallback: number },
): number {
  const text = values[name]
  if (text === undefined) return range.fallback
  const value = typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : NaN
  if (value >= range.min && value <= range.max) return value
  throw new UsageError(`--${name} must be a whole number from ${range.min} to ${range.max}`)
}
