/** The command line, read. */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { MUTANT_NAMES, type Mutant } from './mutants/mutants.ts'
import { MOST_MESSAGES } from './recipients.ts'

export type Arguments = {
  minutes: number
  seed: number
  ratePerSecond: number
  workers: number
  apis: number
  withReplica: boolean
  without: Mutant[]
  json?: string
  logs?: string
}

/** What is wrong with the command line, in one line. */
export class UsageError extends Error {
  override name = 'UsageError'
}

const OPTIONS = {
  minutes: { type: 'string', default: '3' },
  seed: { type: 'string' },
  rate: { type: 'string', default: '50' },
  workers: { type: 'string', default: '3' },
  apis: { type: 'string', default: '2' },
  'no-replica': { type: 'boolean', default: false },
  without: { type: 'string', multiple: true },
  json: { type: 'string' },
  logs: { type: 'string' },
} as const

/** Throws a `UsageError`. @param args without node and the script */
export function readArguments(args: readonly string[]): Arguments {
  const values = parse(args)
  const read: Arguments = {
    minutes: number('minutes', values.minutes, { min: 0.5, max: 24 * 60 }),
    seed: whole('seed', values.seed ?? String(randomInt(2 ** 32)), { min: 0, max: 2 ** 32 - 1 }),
    ratePerSecond: number('rate', values.rate, { min: 0.1, max: 500 }),
    workers: whole('workers', values.workers, { min: 1, max: 20 }),
    apis: whole('apis', values.apis, { min: 1, max: 20 }),
    withReplica: !values['no-replica'],
    without: (values.without ?? []).flatMap((names) => names.split(',')).map(mutant),
    ...(values.json !== undefined && { json: values.json }),
    ...(values.logs !== undefined && { logs: values.logs }),
  }
  if (read.minutes * 60 * read.ratePerSecond > MOST_MESSAGES) {
    throw new UsageError(`--minutes and --rate make more than ${MOST_MESSAGES} messages`)
  }
  return read
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values
  } catch (error) {
    throw new UsageError((error as Error).message.split('\n')[0])
  }
}

type Bounds = { min: number; max: number }

function number(name: string, text: string, { min, max }: Bounds): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new UsageError(`--${name} must be a number from ${min} to ${max}`)
}

function whole(name: string, text: string, bounds: Bounds): number {
  if (/^\d+$/.test(text)) return number(name, text, bounds)
  throw new UsageError(`--${name} must be a whole number from ${bounds.min} to ${bounds.max}`)
}

function mutant(name: string): Mutant {
  const known = MUTANT_NAMES.find((each) => each === name)
  if (known) return known
  throw new UsageError(`--without must be one of ${MUTANT_NAMES.join(', ')}`)
}
