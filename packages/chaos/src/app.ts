/** One place for a process of the product: what runs there may be killed, stopped and frozen, and another put in its place. */
import { startNode, type NodeProcess } from '@relais/testing'

/** A process that was asked to stop has to be gone by then. */
const STOPS_WITHIN_MS = 10_000

export type App = ReturnType<typeof createApp>

/**
 * @param options.name `worker 2`
 * @param options.cwd where no `.env` of a developer is found
 * @param options.onFault told of what a process must not do: end unasked, or not end when asked
 * @param options.onEnd given all lines of a process that has ended
 */
export function createApp(options: {
  name: string
  script: string
  env: Record<string, string>
  nodeArgs: string[]
  cwd: string
  onFault: (fault: string) => void
  onEnd: (lines: string[]) => void
}) {
  const { name, onFault } = options
  let running: NodeProcess | undefined
  let isClosed = false

  /** An end that nobody asked for is a fault, and the process is started anew, as a supervisor would. */
  function start(): void {
    if (isClosed) return
    const child = startNode(options.script, options.env, {
      nodeArgs: options.nodeArgs,
      cwd: options.cwd,
      stopWithinMs: STOPS_WITHIN_MS,
    })
    running = child
    void child.exited.then(({ code, signal }) => {
      options.onEnd(child.lines())
      if (running !== child) return
      running = undefined
      const said = child.lines().slice(-3).join(' | ')
      onFault(`${name} ended unasked (${code ?? signal}): ${said}`)
      setTimeout(start, 1000).unref()
    })
  }

  function take(): NodeProcess | undefined {
    const child = running
    running = undefined
    return child
  }

  return {
    name,
    start,
    pid: () => running?.pid,
    kill: async () => take()?.kill(),
    /** SIGTERM. */
    stop: async () =>
      void (await take()
        ?.stop()
        .catch((error: Error) => onFault(`${name}: ${error.message}`))),
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async close(): Promise<void> {
      isClosed = true
      await take()?.kill()
    },
  }

  function signal(which: NodeJS.Signals): void {
    if (running) process.kill(running.pid, which)
  }
}
