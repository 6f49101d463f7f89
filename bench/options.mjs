/** The command line, read. */
import { parseArgs } from 'node:util'
import { workloads } from './workloads/index.mjs'

/** What is wrong with the command line, in one line. */
export class UsageError extends Error {
  name = 'UsageError'
}

export const USAGE = `usage: npm run bench -- [--only NAME,NAME] [--rounds N] [--short | --long] [--quiet] [--check] [--save] [--profile FOLDER]
  names: ${Object.keys(workloads).join(', ')}
  --short     one small round of fewer cases: for trying things out
  --long      larger backlogs, up to a million
  --quiet     measures again what other programs disturbed, up to four times
  --check     compares what is measured with bench/bounds.json; exit code 1 if a bound is broken
  --save      writes the results to bench/results/last.json as well, the one file that is committed
  --profile   writes a CPU profile of each process of Relais there; read them with node bench/top.mjs`

/** @throws UsageError */
export function readOptions(args) {
  const values = parse(args)
  const rounds = Number(values.rounds ?? (values.short ? 1 : 5))
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100)
    throw new UsageError('--rounds must be 1 to 100')
  if (values.short && values.long) throw new UsageError('--short and --long contradict one another')
  const only = values.only?.split(',')
  for (const name of only ?? []) {
    if (!Object.hasOwn(workloads, name)) throw new UsageError(`--only: there is no workload ${name}`)
  }
  const names = only ?? Object.keys(workloads)
  return { ...values, names, rounds, size: values.short ? 'short' : values.long ? 'long' : 'usual' }
}

function parse(args) {
  const flag = { type: 'boolean', default: false }
  const text = { type: 'string' }
  const options = {
    only: text,
    rounds: text,
    profile: text,
    short: flag,
    long: flag,
    quiet: flag,
    check: flag,
    save: flag,
    help: flag,
  }
  try {
    return parseArgs({ args, options }).values
  } catch (error) {
    throw new UsageError(error.message.split('\n')[0])
  }
}
