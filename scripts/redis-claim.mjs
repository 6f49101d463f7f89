import { readFileSync, realpathSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from './failure.mjs'
import { makePrivateFolder, readJson, writePrivateJson } from './private-file.mjs'
import { askRedis } from './resp.mjs'
import { runTool } from './tool.mjs'

/**
 * Makes us the only user of the folder in which our Redis keeps its file. Promise: two servers never share it.
 *
 * `server.json` names the `npm start` that holds the folder and, once known, its server. If that `npm start` lives,
 * we give up. If it was killed and its server was left behind, that server is shut down first; one that cannot be
 * shown to be ours is not touched, and we give up.
 * Known gap: of two that find the same dead owner within the same millisecond both may go on, until they meet at
 * the ports.
 * @returns `{ record(server), release() }`
 */
export async function claimRedisFolder(folder) {
  const file = join(folder, 'server.json')
  await makePrivateFolder(folder)
  const earlier = await readJson(file)
  if (earlier && isRunningStart(earlier.owner)) throw new Failure(alreadyRuns(earlier.owner))
  if (earlier?.container)
    await runTool('docker', ['stop', '-t', '3', earlier.container], { timeoutMs: 10_000 })
  if (earlier?.port) await stopLeftover(earlier, folder)
  await rm(file, { force: true })
  await writeFile(file, JSON.stringify({ owner: process.pid }), { flag: 'wx', mode: 0o600 }).catch(
    (error) => {
      throw error.code === 'EEXIST' ? new Failure(alreadyRuns()) : error
    },
  )
  return {
    record: (server) => writePrivateJson(file, { owner: process.pid, ...server }),
    release: () => rm(file, { force: true }),
  }
}

function alreadyRuns(pid) {
  return `another \`npm start\`${pid ? ` (process ${pid})` : ''} runs from this folder: stop it first`
}

async function stopLeftover({ pid, port }, folder) {
  const itsFolder = await askRedis(port, ['CONFIG', 'GET', 'dir']).then(
    (reply) => (Array.isArray(reply) ? reply[1] : undefined),
    () => undefined,
  )
  const isOurs = itsFolder !== undefined && realPath(itsFolder) === realPath(folder)
  if (isOurs) {
    await askRedis(port, ['SHUTDOWN']).catch(() => {}) // its answer is a closed connection
    for (let waited = 0; isRunningServer(pid) && waited < 5000; waited += 50) await sleep(50)
  }
  if (isRunningServer(pid)) {
    throw new Failure(
      `the Redis of an earlier run (process ${pid}) does not answer and may use ${folder}: end it first`,
    )
  }
}

/** Process ids are used again, in containers soon: where we can look, the command must be ours too. */
function isRunningStart(pid) {
  return pid !== process.pid && isRunning(pid) && (commandOf(pid)?.includes('dev.mjs') ?? true)
}

function isRunningServer(pid) {
  return isRunning(pid) && /(redis|valkey)-/.test(commandOf(pid) ?? 'redis-server')
}

function isRunning(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** The command line of a process, where the system shows it in /proc; a zombie has an empty one. */
function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return undefined
  }
}

function realPath(path) {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
