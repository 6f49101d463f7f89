/** The command `npm run bench`: see docs/performance.md. */
import { mkdir, writeFile } from 'node:fs/promises'
import { badBounds, brokenBounds, readBounds } from './bounds.mjs'
import { openBench } from './bench.mjs'
import { describeRun } from './machine.mjs'
import { readOptions, USAGE, UsageError } from './options.mjs'
import { headerText, workloadText } from './report.mjs'
import { workloads } from './workloads/index.mjs'

const RESULTS = new URL('./results/', import.meta.url)

const say = (text) => void process.stdout.write(`${text}\n`)

/**
 * Measures what the command line asks for, prints it and writes it down.
 * @returns the exit code: 0, 1 a bound is broken or something could not be measured, 64 a command line that makes no sense
 */
export async function runFromCommandLine(args) {
  let options
  try {
    options = readOptions(args)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`bench: ${error.message}\n${USAGE}\n`)
    return 64
  }
  if (options.help) {
    say(USAGE)
    return 0
  }
  const { header, cases, failed } = await measure(options)
  say(headerText(header))
  await write({ header, cases }, options)
  for (const line of failed) say(`FAILED: ${line}`)
  const broken = options.check ? await check(cases, options.names) : []
  return failed.length + broken.length > 0 ? 1 : 0
}

/** One workload after another; one that fails does not keep the others from being measured. */
async function measure(options) {
  const bench = await openBench(options)
  const describe = await describeRun(bench, options)
  const cases = []
  const failed = []
  const seconds = {}
  try {
    for (const name of options.names) {
      process.stderr.write(`${name} ...\n`)
      const beganAt = performance.now()
      const measured = await workloads[name].run(bench).catch((error) => {
        failed.push(`${name}: ${error.message}${error.cause ? ` (${error.cause.message})` : ''}`)
        return bench.endSystems().then(() => [])
      })
      seconds[name] = Math.round((performance.now() - beganAt) / 1000)
      cases.push(...measured.map((each) => ({ workload: name, ...each })))
      if (measured.length > 0) say(workloadText(name, workloads[name].about, measured))
    }
  } finally {
    await bench.close()
  }
  return { header: describe(seconds), cases, failed }
}

async function check(cases, ran) {
  const bounds = await readBounds()
  const broken = [...badBounds(bounds), ...brokenBounds(bounds, cases, ran)]
  for (const line of broken) say(`BROKEN: ${line}`)
  if (broken.length === 0) say('All bounds of these workloads are kept.')
  return broken
}

async function write(results, { save }) {
  await mkdir(RESULTS, { recursive: true })
  const text = `${JSON.stringify(results, undefined, 2)}\n`
  const name = `${results.header.at.replaceAll(':', '-')}.json`
  await writeFile(new URL(name, RESULTS), text)
  if (save) await writeFile(new URL('last.json', RESULTS), text)
}
