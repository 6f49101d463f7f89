import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from './failure.mjs'
import { memberOf } from './family.mjs'
import { freePort } from './ports.mjs'
import { askRedis } from './resp.mjs'
import { step } from './step.mjs'
import { runTool } from './tool.mjs'

const readyWithinMs = 30_000
const images = [
  { image: 'valkey/valkey:8-alpine', program: 'valkey-server' },
  { image: 'redis:7.2-alpine', program: 'redis-server' },
]
// A code that was acknowledged must survive a power cut, and no key may be evicted.
const durable = [
  '--appendonly',
  'yes',
  '--appendfsync',
  'always',
  '--save',
  '',
  '--maxmemory-policy',
  'noeviction',
]

/**
 * Starts our own Redis on a free port of 127.0.0.1, with its file in `folder`.
 * @param deps `server` of findRedisServer, `claim` of claimRedisFolder, `adopt(member)` called at its birth.
 * @returns its URL, once it answers.
 */
export async function startOwnRedis({ server, folder, claim, adopt }) {
  const port = await freePort()
  const log = join(folder, 'server.log')
  const launch = server.kind === 'container' ? launchContainer : launchBinary
  const { member, state } = await launch({ server, folder, port, log })
  adopt(member)
  await claim.record({ port, ...state })
  await whenReady(port, member, log)
  return `redis://127.0.0.1:${port}`
}

function launchBinary({ server, folder, port, log }) {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...durable]
  const libraries = server.ldLibraryPath ? { LD_LIBRARY_PATH: server.ldLibraryPath } : {}
  const child = spawnWithLog(server.command, args, log, libraries)
  const member = outliveUsNot(memberOf('redis', child), ['kill', String(child.pid)])
  return { member, state: { pid: child.pid } }
}

async function launchContainer({ folder, port, log }) {
  const { image, program } = await pickImage()
  const name = `relais-redis-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`
  const user = process.getuid ? ['--user', `${process.getuid()}:${process.getgid()}`] : []
  const place = ['--publish', `127.0.0.1:${port}:6379`, '--volume', `${folder}:/data`]
  const server = [program, '--dir', '/data', '--protected-mode', 'no', ...durable]
  const child = spawnWithLog(
    'docker',
    ['run', '--rm', '--name', name, ...user, ...place, image, ...server],
    log,
  )
  const client = memberOf('redis', child)
  const member = {
    ...client,
    // The client's death would not end the container, so the engine is asked.
    async stop(graceMs) {
      await runTool('docker', ['stop', '-t', '1', name], { timeoutMs: graceMs + 1000 })
      await client.stop(500)
    },
    kill() {
      spawn('docker', ['kill', name], { stdio: 'ignore', detached: true }).unref()
      client.kill()
    },
  }
  return { member: outliveUsNot(member, ['docker', 'stop', '-t', '1', name]), state: { container: name } }
}

async function pickImage() {
  for (const candidate of images) {
    const { code } = await runTool('docker', ['image', 'inspect', candidate.image])
    if (code === 0) return candidate
  }
  return step('Pulling a Redis image', async () => {
    let output = ''
    for (const candidate of images) {
      const pull = await runTool('docker', ['pull', '-q', candidate.image])
      if (pull.code === 0) return candidate
      output += pull.output
    }
    throw new Failure('no Redis image could be pulled', { output })
  })
}

function spawnWithLog(command, args, log, env = {}) {
  const output = openSync(log, 'w', 0o600)
  // Its own process group: Ctrl-C in the terminal must not end it before the apps.
  const child = spawn(command, args, {
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  return child
}

/**
 * Ends the server some seconds after us if we are killed and cannot: a shell waits for the pipe from us to close.
 * The apps, which notice the same way, use those seconds to finish.
 */
function outliveUsNot(member, command) {
  const shell = spawn('sh', ['-c', 'read -r _; sleep 3; exec "$@"', 'sh', ...command], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.on('error', () => {}) // without a shell the next start shuts the server down
  shell.stdin.on('error', () => {})
  const dismiss = () => shell.kill('SIGKILL')
  member.exited.then(dismiss)
  return {
    ...member,
    kill() {
      member.kill()
      dismiss()
    },
  }
}

async function whenReady(port, member, log) {
  let hasExited = false
  member.exited.then(() => (hasExited = true))
  const deadline = Date.now() + readyWithinMs
  while ((await askRedis(port, ['PING']).catch(() => 'not yet')) !== 'PONG') {
    if (hasExited || Date.now() > deadline) {
      const output = (await readFile(log, 'utf8')).split('\n').slice(-15).join('\n')
      const what = hasExited ? 'ended at its start' : `did not answer within ${readyWithinMs / 1000} s`
      throw new Failure(`our Redis ${what}; its log is ${log}`, { output })
    }
    await sleep(20)
  }
}
