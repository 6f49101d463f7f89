import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { killWithUs } from './undertaker.ts'

export interface NodeProcessOptions {
  /** Arguments of the script. */
  args?: string[]
  /** Arguments of node itself, before the script. */
  nodeArgs?: string[]
  cwd?: string
  /** Gives the process a `Date` that the test can set ahead. */
  hasMovableClock?: boolean
  /** Lets the test bring the process into trouble; not together with a movable clock. */
  canBeTroubled?: boolean
  /** How long `stop` waits before it kills. Default 10 s. */
  stopWithinMs?: number
  /** A file that stdout is appended to; it is then not in `lines()`. For processes that write much. */
  stdoutTo?: string
}

/** What can befall a process from inside. `secret` is put where an error must not be printed. */
export type Trouble =
  /** Its event loop does nothing else for so long. */
  { kind: 'blocked'; ms: number } | { kind: 'unhandledRejection' | 'uncaughtException'; secret: string }

/** The built modules: a process of a test runs what is built. */
const MOVABLE_CLOCK = new URL('../dist/movable-clock.js', import.meta.url).href
const TROUBLE_MAKER = new URL('../dist/trouble-maker.js', import.meta.url).href

/** How a process ended: one of the two is null. */
export interface Ending {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A real process that runs one of our scripts. */
export interface NodeProcess {
  readonly pid: number
  readonly exited: Promise<Ending>
  /** All lines of stdout and stderr so far, in order of arrival. */
  lines(): string[]
  /** Those lines that are JSON objects. */
  jsonLines(): Record<string, unknown>[]
  /**
   * The first line for which `predicate` holds, of those already written and those to come.
   * @throws Error with the last lines when the process ends first, or after `timeoutMs` (default 10 s).
   */
  waitForLine(predicate: (line: string) => boolean, timeoutMs?: number): Promise<string>
  /**
   * Sends the signal, waits for the end and returns the exit code, or null if the signal itself ended it.
   * @throws Error when it had to be killed, because it did not end within `stopWithinMs`.
   */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** Sets its `Date` ahead of the real time. @throws Error without a movable clock */
  setAhead(aheadMs: number): Promise<void>
  /** Stops all of it where it stands (SIGSTOP): its connections stay open, and it does nothing. */
  freeze(): void
  thaw(): void
  /** Brings it into trouble. @throws Error without a trouble maker */
  bring(trouble: Trouble): void
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts `node scriptPath` with this environment and PATH, and nothing else of ours. It ends with the test process at the latest. */
export function startNode(
  scriptPath: string,
  env: Record<string, string> = {},
  {
    args = [],
    nodeArgs = [],
    cwd,
    hasMovableClock = false,
    canBeTroubled = false,
    stopWithinMs = 10_000,
    stdoutTo,
  }: NodeProcessOptions = {},
): NodeProcess {
  const preloaded = [...(hasMovableClock ? [MOVABLE_CLOCK] : []), ...(canBeTroubled ? [TROUBLE_MAKER] : [])]
  const preload = preloaded.flatMap((module) => ['--import', module])
  const stdout = stdoutTo === undefined ? 'pipe' : openSync(stdoutTo, 'a')
  const child = spawn(process.execPath, [...preload, ...nodeArgs, scriptPath, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', stdout, 'pipe', ...(preloaded.length > 0 ? (['ipc'] as const) : [])],
    ...(cwd === undefined ? {} : { cwd }),
  })
  if (typeof stdout === 'number') closeSync(stdout)
  const output = collectLines(child)
  // 'close' rather than 'exit': by then every line has arrived.
  const exited = once(child, 'close').then(([code, signal]) => ({ code, signal }) as Ending)
  if (child.pid === undefined) throw new Error(`${process.execPath} could not be started`)
  const grave = killWithUs(child.pid)
  void exited.then(() => grave.release())

  async function setAhead(aheadMs: number): Promise<void> {
    if (!hasMovableClock) throw new Error(`${scriptPath} was started without a movable clock`)
    const isSet = once(child, 'message')
    child.send({ aheadMs })
    await isSet
  }

  function bring(trouble: Trouble): void {
    if (!canBeTroubled) throw new Error(`${scriptPath} was started without a trouble maker`)
    child.send({ trouble })
  }

  async function kill(): Promise<void> {
    child.kill('SIGKILL')
    await exited
  }

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    child.kill(signal)
    let isLate = false
    const timer = setTimeout(() => (isLate = child.kill('SIGKILL')), stopWithinMs)
    const { code } = await exited
    clearTimeout(timer)
    if (isLate) throw new Error(`${scriptPath} did not end within ${stopWithinMs} ms of ${signal}`)
    return code
  }

  function waitForLine(predicate: (line: string) => boolean, timeoutMs = 10_000): Promise<string> {
    const written = output.lines.find(predicate)
    if (written !== undefined) return Promise.resolve(written)
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        clearTimeout(timer)
        output.listeners.delete(look)
        finish()
      }
      const look = (line: string) => {
        if (predicate(line)) settle(() => resolve(line))
      }
      const give = (why: string) =>
        settle(() => reject(new Error(`${scriptPath} ${why}; its last lines:\n${tail(output.lines)}`)))
      const timer = setTimeout(() => give(`did not write the line within ${timeoutMs} ms`), timeoutMs)
      output.listeners.add(look)
      void exited.then(({ code, signal }) => give(`ended (${code ?? signal}) before the line`))
    })
  }

  return {
    pid: child.pid,
    exited,
    lines: () => [...output.lines],
    jsonLines: () => output.lines.flatMap(parseObject),
    waitForLine,
    stop,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    bring,
    setAhead,
    kill,
    [Symbol.asyncDispose]: kill,
  }
}

function collectLines(child: ChildProcess): { lines: string[]; listeners: Set<(line: string) => void> } {
  const lines: string[] = []
  const listeners = new Set<(line: string) => void>()
  const take = (line: string) => {
    lines.push(line)
    for (const listen of listeners) listen(line)
  }
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', take)
  }
  return { lines, listeners }
}

function parseObject(line: string): Record<string, unknown>[] {
  if (!line.startsWith('{')) return []
  try {
    return [JSON.parse(line) as Record<string, unknown>]
  } catch {
    return []
  }
}

function tail(lines: string[]): string {
  return lines.slice(-20).join('\n')
}
