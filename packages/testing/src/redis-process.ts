import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { whenReady } from './redis-ready.ts'
import { killWithUs } from './undertaker.ts'
import type { RedisOptions, RedisServer } from './redis-server.ts'

/** Starts `command` (a redis-server or valkey-server) as a child of this process. */
export async function startRedisProcess(command: string, options: RedisOptions): Promise<RedisServer> {
  const ownDir = options.dir === undefined ? await mkdtemp(join(tmpdir(), 'relais-redis-')) : undefined
  const dir = options.dir ?? ownDir ?? ''
  const start = (port: number) => launch(command, serverArguments({ ...options, dir, port }), port)

  let running: ChildProcess | undefined
  let port = options.port ?? 0
  // Between asking for a free port and using it another process may take it: then ask again.
  for (let attempt = 1; running === undefined; attempt += 1) {
    port = options.port ?? (await freePort())
    running = await start(port).catch((error: unknown) => {
      if (attempt === 3 || options.port !== undefined) throw error
      return undefined
    })
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const child = running
    running = undefined
    if (child) await endProcess(child, signal)
  }

  async function stop(): Promise<void> {
    await end(options.persistent ? 'SIGTERM' : 'SIGKILL')
    if (ownDir) await rm(ownDir, { recursive: true, force: true })
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    stop,
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM')
      running = await start(port)
    },
    async freeze() {
      running?.kill('SIGSTOP')
    },
    async thaw() {
      running?.kill('SIGCONT')
    },
    [Symbol.asyncDispose]: stop,
  }
}

function serverArguments({ persistent, dir, port, args = [] }: RedisOptions): string[] {
  const durability = persistent ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir ?? '']
  const memory = ['--maxmemory-policy', 'noeviction', '--save', '']
  return [...place, ...memory, ...durability, '--loglevel', 'warning', ...args]
}

/** Starts a server and waits until it answers on this port. It ends with the test process at the latest. */
export async function launch(command: string, args: string[], port: number): Promise<ChildProcess> {
  const child = spawn(command, args, { env: serverEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said = (said + chunk).slice(-2000)))
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk).slice(-2000)))
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`Redis on port ${port} did not start: ${said.trim()}`)))
  })
  failed.catch(() => {}) // after the race below nobody listens any more, and a later exit is no error

  if (child.pid !== undefined) {
    const grave = killWithUs(child.pid)
    child.once('exit', () => grave.release())
  }
  try {
    await Promise.race([whenReady(`redis://127.0.0.1:${port}`), failed])
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return child
}

/** Ends it and waits for the exit; a server that is frozen or ignores the signal is killed after 5 s. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  child.kill('SIGCONT') // a frozen server would not see SIGTERM
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await exited
  clearTimeout(timer)
}

/** A server unpacked from a package finds its libraries through this variable; ours must not reach others. */
function serverEnvironment(): NodeJS.ProcessEnv {
  const libraries = process.env['RELAIS_REDIS_LD_LIBRARY_PATH']
  return libraries ? { ...process.env, LD_LIBRARY_PATH: libraries } : process.env
}
