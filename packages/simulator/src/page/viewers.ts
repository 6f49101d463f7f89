import type { ServerResponse } from 'node:http'
import { pageHeaders } from './answer.ts'

const VIEWER_CAP = 50
const HEARTBEAT_MS = 15_000
const BACKLOG_BYTES = 1_000_000
const RETRY_MS = 1000
const RETRY_WHEN_FULL_MS = 10_000

/**
 * The open pages, at most 50, each a stream of server-sent events. `onFirst` runs when the first one comes, `onNone`
 * when the last has left.
 */
export function createViewers(deps: { onFirst: () => void; onNone: () => void }) {
  const viewers = new Set<ServerResponse>()
  let heartbeat: NodeJS.Timeout | undefined

  function write(text: string, to: Iterable<ServerResponse>): void {
    for (const viewer of to) {
      // A viewer that stopped reading would grow in memory; its browser connects again.
      if (viewer.writableLength > BACKLOG_BYTES) viewer.destroy()
      else viewer.write(text)
    }
  }

  function leave(viewer: ServerResponse): void {
    if (!viewers.delete(viewer) || viewers.size > 0) return
    clearInterval(heartbeat)
    deps.onNone()
  }

  return {
    any: () => viewers.size > 0,
    /** Takes one more; it hears `greeting` first. A viewer too many is told so and sent away. */
    add(viewer: ServerResponse, greeting: () => string): void {
      viewer.writeHead(200, { ...pageHeaders, 'content-type': 'text/event-stream; charset=utf-8' })
      if (viewers.size >= VIEWER_CAP) {
        viewer.end(`retry: ${RETRY_WHEN_FULL_MS}\n${eventOf('full', { cap: VIEWER_CAP })}`)
        return
      }
      viewer.on('close', () => leave(viewer))
      viewers.add(viewer)
      if (viewers.size === 1) {
        heartbeat = setInterval(() => write(': still here\n\n', viewers), HEARTBEAT_MS)
        deps.onFirst()
      }
      write(`retry: ${RETRY_MS}\n${greeting()}`, [viewer])
    },
    tell: (name: string, data: unknown) => write(eventOf(name, data), viewers),
    close(): void {
      for (const viewer of viewers) viewer.destroy()
    },
  }
}

/** One server-sent event. */
export function eventOf(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}
