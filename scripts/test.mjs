import { mkdir, readFile, rm } from 'node:fs/promises'
import { randomInt } from 'node:crypto'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { browserEnvironment, findBrowser } from './browser.mjs'
import { Failure } from './failure.mjs'
import { findJsonnet } from './jsonnet.mjs'
import { findPrometheus, prometheusEnvironment } from './prometheus.mjs'
import { findRedisServer, noRedis, testEnvironment } from './redis.mjs'
import { root } from './root.mjs'
import { setUp } from './setup.mjs'
import { step } from './step.mjs'
import { runTool, packageProgram } from './tool.mjs'

const reportFile = join(root, '.cache/test-report.json')

const mostSkippedNames = 100

const formatOptions = ['--check', '--log-level', 'warn', '--cache', '--cache-location', '.cache/prettier']

const checks = [
  {
    name: 'format',
    hint: 'npm run format',
    args: [packageProgram('prettier', 'bin/prettier.cjs'), ...formatOptions, '.'],
  },
  { name: 'lint', args: [packageProgram('oxlint', 'bin/oxlint'), '--type-aware'] },
  { name: 'types', args: [packageProgram('typescript', 'bin/tsc'), '-p', 'tsconfig.tests.json'] },
  { name: 'dead code', args: [packageProgram('knip', 'bin/knip.js')] },
]

/**
 * All that must hold: format, lint, types, dead code, and the tests against real processes. Everything is run even
 * when something has failed, so that one run shows it all.
 * @param args for vitest: paths or options.
 * @returns the exit code; the last line printed holds the totals.
 */
export async function test(args) {
  await setUp()
  const found = { ...(await findRedis()), ...browserEnvironment(await findBrowser()) }
  const onProgress = (line) => console.log(line)
  const [failed, prometheus, jsonnet] = await Promise.all([
    step('Checking format, lint, types and dead code', runChecks),
    findPrometheus({ onProgress }),
    findJsonnet({ onProgress }),
  ])
  const programs = { ...prometheusEnvironment(prometheus), RELAIS_JSONNET: jsonnet ?? '' }
  const exitCode = await runVitest(args, { ...found, ...programs })
  const totals = await readTotals()
  for (const line of skippedLines(totals)) console.log(line)
  if (failed.length > 0) console.log(`Failed before the tests: ${failed.join(', ')} (see above)`)
  console.log(totalsLine(totals))
  return failed.length > 0 ? 1 : exitCode
}

/**
 * The long run of the requests made from the OpenAPI document. Time and memory are looked at as well, so the machine should do nothing else.
 * @param args `--requests N`, `--seed N`
 */
export async function fuzz(args) {
  const options = { requests: { type: 'string', default: '20000' }, seed: { type: 'string' } }
  const { values } = readArguments(args, options)
  const seed = values.seed ?? String(randomInt(1_000_000))
  await setUp()
  const env = { FUZZ_REQUESTS: values.requests, FUZZ_SEED: seed, FUZZ_SLOWEST_MS: '2000' }
  return runVitest(['e2e/fuzz.test.ts'], { ...(await findRedis()), ...env })
}

/** Writes down what the API says of itself, `docs/openapi.json`, and then what is made from it: the types of the client. */
export async function openapi() {
  await setUp()
  const found = await findRedis()
  for (const file of ['apps/api/test/openapi.test.ts', 'packages/client/test/api-types.test.ts']) {
    const code = await runVitest([file, '--update'], found)
    if (code !== 0) return code
  }
  return 0
}

function readArguments(args, options) {
  try {
    return parseArgs({ args, options })
  } catch (error) {
    throw new Failure(`${error.message}\nusage: npm run fuzz -- [--requests N] [--seed N]`, { exitCode: 64 })
  }
}

/** The last line, from the totals of the runner's report. A file that failed without any of its tests is a failure too: it could not be loaded, or set up. */
export function totalsLine({
  numPassedTests = 0,
  numFailedTests = 0,
  numPendingTests = 0,
  testResults = [],
}) {
  const unloaded = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every(({ status }) => status !== 'failed'),
  )
  const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''
  return `${numPassedTests} passed, ${numFailedTests + unloaded.length} failed${skipped}`
}

/** A line for each test that was left out, by its file and its name; whoever asks for a part of the tests does not want to read of all others. */
export function skippedLines({ testResults = [] }) {
  const names = testResults.flatMap((file) =>
    file.assertionResults
      .filter(({ status }) => status === 'skipped' || status === 'pending')
      .map(({ fullName }) => `Skipped: ${relative(root, file.name)} › ${fullName}`),
  )
  const left = names.length - mostSkippedNames
  return left > 0 ? [...names.slice(0, mostSkippedNames), `Skipped: ${left} more`] : names
}

async function findRedis() {
  if (process.env.RELAIS_TEST_REDIS === 'container') return {}
  const server = await findRedisServer({ onProgress: (line) => console.log(line) })
  if (!server && !process.env.REDIS_URL) throw new Failure(noRedis)
  return testEnvironment(server)
}

/** Two at a time, one for each core of a small machine; what they print is kept until they fail. */
async function runChecks() {
  const waiting = [...checks]
  const failed = []
  const lane = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      const { code, output } = await runTool(process.execPath, check.args)
      if (code === 0) continue
      failed.push(check.name)
      console.log(
        `${output.trimEnd()}\n${check.name}: failed${check.hint ? `; mend it with: ${check.hint}` : ''}`,
      )
    }
  }
  await Promise.all([lane(), lane()])
  return failed
}

async function runVitest(args, env) {
  await mkdir(join(root, '.cache'), { recursive: true })
  await rm(reportFile, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
  const vitest = [packageProgram('vitest', 'vitest.mjs'), 'run', ...reporters, ...args]
  const { code } = await runTool(process.execPath, vitest, { env, inherit: true })
  return code
}

async function readTotals() {
  try {
    return JSON.parse(await readFile(reportFile, 'utf8'))
  } catch {
    throw new Failure('the test runner left no report')
  }
}
