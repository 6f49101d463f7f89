import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { audit } from './audit.mjs'
import { endWithNpm } from './built-app.mjs'
import { Failure } from './failure.mjs'
import { findRedisServer, noRedis, testEnvironment } from './redis.mjs'
import { root } from './root.mjs'
import { writeSbom } from './sbom.mjs'
import { screenshots } from './screenshots.mjs'
import { setUp } from './setup.mjs'
import { start } from './start.mjs'
import { fuzz, openapi, test } from './test.mjs'
import { stopToolsOnSignals } from './tool.mjs'

const commands = { start, test, build, audit, simulator, chaos, fuzz, openapi, bench, screenshots }

/** Runs the named command, and turns what it throws into one line and an exit code. */
export async function runFromCommandLine([name, ...args]) {
  // A closed terminal must not turn our last words into a crash.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  try {
    if (!Object.hasOwn(commands, name ?? '')) {
      throw new Failure(`usage: node scripts/dev.mjs ${Object.keys(commands).join('|')}`, { exitCode: 64 })
    }
    const ignoreSignals = stopToolsOnSignals()
    const exitCode = await commands[name](args, ignoreSignals)
    // What still waits for an answer of processes that have been stopped must not keep us.
    if (exitCode !== undefined) process.exit(exitCode)
  } catch (error) {
    process.exit(report(error))
  }
}

function report(error) {
  if (!(error instanceof Failure)) {
    console.error(error)
    return 1
  }
  if (error.output) console.error(error.output)
  for (const line of error.message.split('\n')) console.error(`relais: ${line}`)
  return error.exitCode
}

async function build() {
  await setUp()
  await writeSbom()
}

async function simulator(_args, ignoreSignals) {
  await setUp()
  ignoreSignals() // from here on the simulator has its own
  endWithNpm()
  await import(pathToFileURL(join(root, 'packages/simulator/dist/main.js')).href)
}

/** It kills its Redis and makes it a replica of another: only a server of its own will do. */
async function chaos(args, ignoreSignals) {
  await setUp()
  await useOwnRedis('chaos')
  ignoreSignals() // from here on it has its own
  const { runFromCommandLine: run } = await import(
    pathToFileURL(join(root, 'packages/chaos/dist/index.js')).href
  )
  return run(args)
}

async function bench(args) {
  await setUp()
  await useOwnRedis('bench')
  const { runFromCommandLine: run } = await import('../bench/index.mjs')
  return run(args)
}

async function useOwnRedis(who) {
  const server = await findRedisServer({ onProgress: (line) => console.log(line) })
  if (!server) throw new Failure(noRedis)
  if (server.kind !== 'binary') throw new Failure(`${who} needs a redis-server that it can start by itself`)
  Object.assign(process.env, testEnvironment(server))
}
