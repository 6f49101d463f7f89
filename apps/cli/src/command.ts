/** What a command of the operators' tool is: what it takes, and what it does. */
import type { Environment } from '@relais/core'
import type { ParseArgsConfig } from 'node:util'
import type { Paint } from './paint.ts'

type Options = NonNullable<ParseArgsConfig['options']>

/** What a command is run with. */
export type CommandContext = {
  /** Its options as they were given, by name. */
  values: Readonly<Record<string, string | boolean | undefined>>
  /** What stands on the command line besides. */
  positionals: readonly string[]
  /** The settings: the environment, the `.env`, and what `npm start` made for itself. */
  environment: () => Environment
  paint: Paint
  print: (text: string) => void
}

export type Command = {
  /** The rest of its line in the help: what it takes. */
  takes: string
  /** What it does, for the help. */
  about: string
  options: Options
  /** How many names or ids it takes besides; none unless given. */
  mostPositionals?: number
  /** Answers the exit code. Loads what it needs: a slip on the command line is told at once. */
  run: (context: CommandContext) => Promise<number>
}

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
