/**
 * What axios calls with, cheaper than what it brings along: undici's clients, one connection each.
 *
 * A call has a connection to itself from its beginning to its end. One that ends without a whole answer takes its connection
 * with it, whatever that was doing; so nothing of it can be written later. Nothing is ever written twice.
 */
import type { Socket } from 'node:net'
import { brotliDecompressSync, unzipSync } from 'node:zlib'
import { AxiosError, type AxiosAdapter } from 'axios'
import { buildConnector, Client, errors, type Dispatcher } from 'undici'

const NOT_HTTP = [
  errors.HTTPParserError,
  errors.HeadersOverflowError,
  errors.ResponseContentLengthMismatchError,
]

type Connection = { client: Client; end: () => void }

/**
 * Of a config it goes by `method`, `url`, `headers` and `data` (a string). Redirects are answers. The headers of an answer are
 * not handed on: to read them costs axios more than all the rest.
 *
 * It fails with an `AxiosError`, whose `request` is there only if there was a connection to write the request to. Its code is
 * `ECONNABORTED` (over `timeoutMs`), `ERR_CANCELED` (`close`), `ERR_BAD_RESPONSE` (not HTTP, or too large), `ECONNRESET` (closed
 * without an answer) or that of the fault.
 *
 * @param options.origin the server; the `url` of a call is a path there
 * @param options.timeoutMs the whole call, from the wait for a connection to the last byte
 * @param options.maxSockets calls beyond it wait for a connection
 * @param options.idleMs how long a connection without a call is kept
 * @param options.maxAnswerBytes the largest body that is read, packed and unpacked
 */
export function createUndiciAdapter(options: {
  origin: string
  timeoutMs: number
  maxSockets: number
  idleMs: number
  maxAnswerBytes: number
}) {
  // One for all: it keeps the TLS sessions.
  const dial = buildConnector({ timeout: 0 })
  const idle: Connection[] = []
  const open = new Set<Connection>()
  const waiting = new Set<(connection: Connection) => void>()
  const calls = new Set<(code: string) => void>()

  function connect(): Connection {
    let socket: Socket | undefined
    const client = new Client(options.origin, {
      keepAliveTimeout: options.idleMs,
      // The server may ask for less, not for more.
      keepAliveMaxTimeout: options.idleMs,
      // A call has one limit, and that is ours.
      headersTimeout: 0,
      bodyTimeout: 0,
      // It answers the socket, though its type does not say so: there is no other way to call off a connection that is being made.
      connect: (target, callback) => void (socket = dial(target, callback) as unknown as Socket),
    })
    const end = () => {
      void client.destroy()
      socket?.destroy()
    }
    const connection = { client, end }
    open.add(connection)
    return connection
  }

  function serve(): void {
    for (const begin of waiting) {
      const connection = idle.pop() ?? (open.size < options.maxSockets ? connect() : undefined)
      if (!connection) return
      waiting.delete(begin)
      begin(connection)
    }
  }

  const adapter: AxiosAdapter = (config) =>
    new Promise((resolve, reject) => {
      let isOver = false
      let connection: Connection | undefined
      let request: Dispatcher.DispatchController | undefined
      let status = 0
      let encoding: string | string[] | undefined
      let bytes = 0
      const chunks: Buffer[] = []
      const timer = setTimeout(fail, options.timeoutMs, AxiosError.ECONNABORTED)
      calls.add(fail)
      waiting.add(begin)
      serve()

      function begin(given: Connection): void {
        connection = given
        given.client.dispatch(
          {
            method: (config.method ?? 'get').toUpperCase(),
            path: config.url ?? '/',
            headers: { 'Accept-Encoding': 'identity', ...(config.headers as object) },
            body: (config.data as string | undefined) ?? null,
          },
          {
            // Called with a connection that stands, just before the request is written to it. A second time is a repeat.
            onRequestStart(controller) {
              if (isOver || request) controller.abort(new Error('not to be written'))
              else request = controller
            },
            onResponseStart(_, statusCode, headers) {
              status = statusCode
              encoding = headers['content-encoding']
            },
            onResponseData(_, chunk) {
              bytes += chunk.length
              if (bytes > options.maxAnswerBytes) fail(AxiosError.ERR_BAD_RESPONSE)
              else chunks.push(chunk)
            },
            onResponseEnd: finish,
            onResponseError: (_, error) => fail(codeOf(error)),
          },
        )
      }

      function finish(): void {
        let data: string
        try {
          data = unpack(Buffer.concat(chunks), encoding, options.maxAnswerBytes)
        } catch {
          return fail(AxiosError.ERR_BAD_RESPONSE)
        }
        if (!end()) return
        if (connection) idle.push(connection)
        serve()
        resolve({ status, statusText: '', headers: {}, data, config, request })
      }

      function fail(code: string): void {
        if (!end()) return
        if (connection) {
          open.delete(connection)
          connection.end()
        }
        serve()
        reject(new AxiosError('the call failed', code, config, request))
      }

      /** False if it had ended before. */
      function end(): boolean {
        if (isOver) return false
        isOver = true
        clearTimeout(timer)
        calls.delete(fail)
        waiting.delete(begin)
        return true
      }
    })

  return {
    adapter,

    /** Ends the calls that are open, and all connections. None may begin afterwards. */
    close(): void {
      waiting.clear()
      for (const fail of calls) fail(AxiosError.ERR_CANCELED)
      for (const connection of open) connection.end()
    },
  }
}

/** Nothing is asked to come packed; what does all the same is read. */
function unpack(bytes: Buffer, encoding: string | string[] | undefined, maxBytes: number): string {
  if (encoding === undefined || encoding === 'identity' || bytes.length === 0) return bytes.toString()
  const limit = { maxOutputLength: maxBytes }
  return (encoding === 'br' ? brotliDecompressSync(bytes, limit) : unzipSync(bytes, limit)).toString()
}

/** undici's faults in words of axios and Node. */
function codeOf(error: Error & { code?: string }): string {
  if (error instanceof errors.SocketError) return 'ECONNRESET'
  const isNotHttp = NOT_HTTP.some((kind) => error instanceof kind)
  return isNotHttp ? AxiosError.ERR_BAD_RESPONSE : (error.code ?? 'ERR_UNKNOWN')
}
