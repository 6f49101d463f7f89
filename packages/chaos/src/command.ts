/** The command `npm run chaos`. */
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { readArguments, UsageError, type Arguments } from './arguments.ts'
import { drawPlan } from './plan.ts'
import { reportText } from './report.ts'
import { isKept, runChaos } from './run.ts'

const DELIVER_WITHIN_SECONDS = 30

/**
 * Runs what the command line asks for and prints it. A signal ends the load and the faults early; the rest is done as ever.
 * @returns the exit code: 0 kept, 1 broken, 64 a command line that makes no sense
 */
export async function runFromCommandLine(args: readonly string[]): Promise<number> {
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  let read: Arguments
  try {
    read = readArguments(args)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`chaos: ${error.message}\n`)
    return 64
  }
  const { minutes, withReplica, json, logs, ...run } = read
  const loadMs = minutes * 60_000
  const plan = drawPlan({ ...run, loadMs, withFailovers: withReplica })
  say(`seed ${run.seed}: ${plan.length} faults planned`)
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      process.once(signal, () => process.exit(130)) // who asks twice does not want to wait for the end of all messages
      stopping.abort()
    })
  }
  const report = await runChaos({
    ...run,
    loadMs,
    plan,
    deliverWithinSeconds: DELIVER_WITHIN_SECONDS,
    ...(logs !== undefined && { logs: resolve(logs) }),
    say,
    stopping: stopping.signal,
  })
  say(reportText(report))
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ ...report, plan }, undefined, 2)}\n`)
  return isKept(report) ? 0 : 1
}
