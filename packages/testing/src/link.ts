import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'

/** What becomes of bytes on their way to the server. */
export type Passage =
  | 'pass'
  /** These and all that follow on this connection never get there. */
  | 'stop here'
  /** They get there, and no answer comes back on this connection any more. */
  | 'stop the answer'

/** Told of the bytes a client sends, piece by piece. `connection` counts from 1. */
export type Watch = (bytes: Buffer, connection: number) => Passage

/** Made anew for each connection: cuts what its client sends into pieces, and keeps what is not whole yet for the next call. */
export type Split = () => (bytes: Buffer) => Buffer[]

/** A TCP link between one client and one server, for a test to treat badly. The client connects to `port`. */
export interface Link {
  readonly port: number
  /** How many connections are open now. */
  connections(): number
  /** How many there have been. */
  total(): number
  /** Every piece of data is late by so much, in both directions; 0 = as fast as it comes. */
  delay(ms: number): void
  /** Ends all connections with a reset; new ones are let through. */
  reset(): void
  /** Ends all connections, and resets new ones, until `restore`. */
  cut(): void
  /** Ends all connections, and nobody listens, until `restore`: new ones are refused. */
  refuse(): void
  /** Connections stay open, new ones are accepted, and nothing passes in either direction until `restore`. */
  silence(): void
  /** Delay, cut, refusal and silence are over. What was held back is passed on, as a network would that has only been slow. */
  restore(): void
  /** New connections go to this port from now on; those that are open are reset. */
  retarget(port: number): void
  /** Looks at what clients send; `undefined` looks at nothing. */
  watch(watch: Watch | undefined): void
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Pieces on their way in one direction of a connection. */
type Lane = { queue: { bytes: Buffer; at: number }[]; isStopped: boolean; timer?: NodeJS.Timeout }

/** More than this is not kept for a side that does not read; its other side is told to wait. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024

/**
 * Opens a link to a port of 127.0.0.1.
 *
 * @param options.split what counts as a piece; without it, whatever arrives together
 */
export async function openLink(targetPort: number, options: { split?: Split } = {}): Promise<Link> {
  const { split = () => (bytes) => [bytes] } = options
  let target = targetPort
  let delayMs = 0
  let state: 'open' | 'cut' | 'refusing' | 'silent' = 'open'
  let look: Watch | undefined
  let total = 0
  const open = new Set<{ end: () => void; flush: () => void }>()

  const server = createServer((client) => {
    total += 1
    client.on('error', () => undefined)
    if (state === 'cut') return void client.resetAndDestroy()
    join(client, total)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  function join(client: Socket, number: number): void {
    const upstream = connect({ port: target, host: '127.0.0.1', noDelay: true })
    client.setNoDelay(true)
    const up: Lane = { queue: [], isStopped: false }
    const down: Lane = { queue: [], isStopped: false }
    const pair = {
      end() {
        open.delete(pair)
        for (const lane of [up, down]) clearTimeout(lane.timer)
        client.resetAndDestroy()
        upstream.resetAndDestroy()
      },
      flush() {
        drain(up, client, upstream)
        drain(down, upstream, client)
      },
    }
    open.add(pair)
    upstream.on('error', pair.end)
    for (const side of [client, upstream]) side.on('close', () => setImmediate(pair.end))
    const cut = split()
    client.on('data', (bytes) => {
      for (const piece of cut(bytes)) {
        const passage = look?.(piece, number) ?? 'pass'
        if (passage === 'stop here') up.isStopped = true
        if (passage === 'stop the answer') down.isStopped = true
        carry(piece, up, client, upstream)
      }
    })
    upstream.on('data', (bytes) => carry(bytes, down, upstream, client))
    client.on('end', () => upstream.end())
    upstream.on('end', () => client.end())
  }

  function carry(bytes: Buffer, lane: Lane, from: Socket, to: Socket): void {
    if (lane.isStopped) return
    lane.queue.push({ bytes, at: performance.now() + delayMs })
    if (lane.queue.reduce((sum, piece) => sum + piece.bytes.length, 0) > MOST_WAITING_BYTES) from.pause()
    drain(lane, from, to)
  }

  function drain(lane: Lane, from: Socket, to: Socket): void {
    clearTimeout(lane.timer)
    if (state !== 'open') return
    for (let first = lane.queue[0]; first; first = lane.queue[0]) {
      const leftMs = delayMs === 0 ? 0 : first.at - performance.now()
      if (leftMs > 0) {
        lane.timer = setTimeout(() => drain(lane, from, to), leftMs)
        return
      }
      lane.queue.shift()
      if (!lane.isStopped && to.writable) to.write(first.bytes)
    }
    from.resume()
  }

  function endAll(): void {
    for (const pair of open) pair.end()
  }

  const { port } = server.address() as AddressInfo

  const close = async () => {
    endAll()
    server.close()
    if (server.listening) await once(server, 'close')
  }

  return {
    port,
    connections: () => open.size,
    total: () => total,
    delay: (ms) => void (delayMs = ms),
    reset: endAll,
    cut() {
      state = 'cut'
      endAll()
    },
    refuse() {
      if (state !== 'refusing') server.close()
      state = 'refusing'
      endAll()
    },
    silence: () => void (state = 'silent'),
    restore() {
      if (state === 'refusing') server.listen(port, '127.0.0.1')
      state = 'open'
      delayMs = 0
      for (const pair of open) pair.flush()
    },
    retarget(port) {
      target = port
      endAll()
    },
    watch: (watch) => void (look = watch),
    close,
    [Symbol.asyncDispose]: close,
  }
}
