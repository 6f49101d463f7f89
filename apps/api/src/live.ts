/**
 * Keeps open status pages up to date, each by a stream of server-sent events. While nobody looks nothing is read. What is sent are the parts of the
 * page that have changed, as HTML: the page has one way to be written, and the script in it only puts parts where they belong.
 */
import type { ServerResponse } from 'node:http'
import type { Overview, ReadOverview } from './overview.ts'
import { statusParts } from './pages/status-parts.ts'

/** The page is read anew so often. */
const EVERY_MS = 500

/** Each holds a connection; one browser tab, one stream. */
const MOST_VIEWERS = 50

/** Proxies and our own bounds end silent connections after a minute or two. */
const HEARTBEAT_MS = 15_000

/** Who does not read what is sent is let go, and comes again. */
const MOST_UNREAD_BYTES = 1_000_000

const COME_AGAIN_MS = 1000
const COME_AGAIN_WHEN_FULL_MS = 10_000

export function createLive(deps: { read: ReadOverview; onError: (error: Error) => void }) {
  const viewers = new Map<ServerResponse, Map<string, string>>()
  let timer: NodeJS.Timeout | undefined
  let isReading = false
  let saidAt = 0
  let isClosed = false

  return {
    /** Takes over an answer whose headers are not sent yet. It ends when its reader leaves, or with the process. */
    add(response: ServerResponse): void {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
      if (viewers.size >= MOST_VIEWERS || isClosed) {
        response.end(`retry: ${COME_AGAIN_WHEN_FULL_MS}\n\n`)
        return
      }
      viewers.set(response, new Map())
      response.on('close', () => viewers.delete(response))
      response.write(`retry: ${COME_AGAIN_MS}\n\n`)
      if (!isReading) goOn()
    },

    close(): void {
      isClosed = true
      clearTimeout(timer)
      for (const viewer of viewers.keys()) viewer.end()
    },
  }

  function goOn(): void {
    clearTimeout(timer)
    isReading = true
    void tell().finally(() => {
      isReading = false
      if (viewers.size > 0 && !isClosed) timer = setTimeout(goOn, EVERY_MS).unref()
    })
  }

  async function tell(): Promise<void> {
    let overview: Overview
    try {
      overview = await deps.read()
    } catch (error) {
      deps.onError(error as Error)
      say('event: unknown\ndata: {}\n\n')
      return
    }
    const parts = Object.entries(statusParts(overview)).map(([id, part]) => [id, part.text] as const)
    for (const [viewer, shown] of viewers) {
      const changed = parts.filter(([id, text]) => shown.get(id) !== text)
      for (const [id, text] of changed) shown.set(id, text)
      if (changed.length > 0)
        send(viewer, `event: parts\ndata: ${JSON.stringify(Object.fromEntries(changed))}\n\n`)
    }
    if (performance.now() - saidAt > HEARTBEAT_MS) say(': still here\n\n')
  }

  function say(text: string): void {
    saidAt = performance.now()
    for (const viewer of viewers.keys()) send(viewer, text)
  }

  function send(viewer: ServerResponse, text: string): void {
    if (viewer.writableLength > MOST_UNREAD_BYTES) viewer.destroy()
    else viewer.write(text)
  }
}

export type Live = ReturnType<typeof createLive>
