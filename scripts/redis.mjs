import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './root.mjs'
import { fetchPackage, unpackedProgram } from './system-package.mjs'
import { runTool } from './tool.mjs'

const oldest = [6, 2]

const debian = {
  title: 'a Redis',
  name: 'redis-server',
  program: 'usr/bin/redis-server',
  // The program itself is in redis-tools, which apt leaves out where that is installed already.
  choose: (names) => [...new Set([...names, 'redis-tools'])],
}

/** What to say when there is no Redis of any kind. */
export const noRedis =
  'No Redis found: set REDIS_URL, or install redis-server (apt install / brew install redis), or start Docker.'

/**
 * Finds a Redis or Valkey server that can be started here: on the PATH, else Debian's package unpacked into
 * `cacheDir` (nothing is installed on the system), else a container engine.
 * @returns `{ kind: 'binary', command, ldLibraryPath? }`, `{ kind: 'container' }` or undefined.
 */
export async function findRedisServer({ cacheDir = join(root, '.cache/redis'), onProgress = () => {} } = {}) {
  return (
    (await onPath()) ??
    (await unpackedProgram(cacheDir, debian.program)) ??
    (await fetchPackage(cacheDir, debian, onProgress)) ??
    (await engine())
  )
}

/** The environment in which the tests find this server. */
export function testEnvironment(server) {
  if (server?.kind === 'container') return { RELAIS_TEST_REDIS: 'container' }
  if (server?.kind !== 'binary') return {}
  const libraries = server.ldLibraryPath ? { RELAIS_REDIS_LD_LIBRARY_PATH: server.ldLibraryPath } : {}
  return { RELAIS_REDIS_SERVER: server.command, ...libraries }
}

/** Major and minor of what `redis-server --version` or `valkey-server --version` prints, or undefined. */
export function serverVersion(text) {
  const match = /(?:Redis|Valkey) server v=(\d+)\.(\d+)/i.exec(text)
  return match ? [Number(match[1]), Number(match[2])] : undefined
}

/** Whether this server can run our queues. */
export function isRecentServer(version) {
  if (version === undefined) return false
  return version[0] > oldest[0] || (version[0] === oldest[0] && version[1] >= oldest[1])
}

async function onPath() {
  for (const command of ['redis-server', 'valkey-server']) {
    const { code, output } = await runTool(command, ['--version'], { timeoutMs: 5000 })
    if (code === 0 && isRecentServer(serverVersion(output))) return { kind: 'binary', command }
  }
  return undefined
}

/** A client without an engine is common, and some wait long for an engine that is not there. */
async function engine() {
  const { code } = await runTool('docker', ['info'], { timeoutMs: 5000 })
  return code === 0 ? { kind: 'container' } : undefined
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const server = await findRedisServer({ onProgress: (line) => console.error(line) })
  if (!server && !process.env.REDIS_URL) {
    console.error(`relais: ${noRedis}`)
    process.exitCode = 1
  }
  console.log(JSON.stringify(testEnvironment(server)))
}
