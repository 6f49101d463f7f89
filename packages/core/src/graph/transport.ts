/**
 * One HTTP exchange with Meta, told as data. axios errors carry the whole request, with the token and the code in it: they
 * end here and never travel further.
 */
import http from 'node:http'
import https from 'node:https'
import axios from 'axios'

/** The largest answer that is read; Meta's are under 2 KB. */
const MAX_ANSWER_BYTES = 64 * 1024

/** An idle connection is dropped before the other side is likely to drop it under a request of ours. */
const IDLE_SOCKET_MS = 4000

const CLOSED = 'given up: this process was stopped'

export type GraphRequest = {
  method: 'GET' | 'POST'
  path: string
  bearer?: string
  query?: Record<string, string>
  body?: unknown
}

export type GraphAnswer =
  /** A whole answer whose body is JSON. */
  | { kind: 'answer'; statusCode: number; body: unknown }
  /** The request never left: no connection was made. */
  | { kind: 'unsent'; detail: string }
  /** The request left, or may have, and no readable answer came back. */
  | { kind: 'unreadable'; detail: string }

/**
 * @param options.timeoutMs the whole call, from connect to the last byte
 * @param options.maxSockets connections to keep at most; calls beyond it wait for one, within their time
 */
export function createTransport(options: { baseUrl: string; timeoutMs: number; maxSockets: number }) {
  const agentOptions = { keepAlive: true, maxSockets: options.maxSockets, timeout: IDLE_SOCKET_MS }
  const agents = { http: new http.Agent(agentOptions), https: new https.Agent(agentOptions) }
  const isSecure = options.baseUrl.startsWith('https:')
  let isClosed = false

  return {
    async call({ method, path, bearer, query, body }: GraphRequest): Promise<GraphAnswer> {
      const link = { isConnected: false }
      if (isClosed) return { kind: 'unsent', detail: CLOSED }
      try {
        const response = await axios.request<string>({
          method,
          url: options.baseUrl + path,
          ...(query && { params: query }),
          ...(body !== undefined && { data: JSON.stringify(body) }),
          headers: {
            ...(body !== undefined && { 'Content-Type': 'application/json' }),
            ...(bearer !== undefined && { Authorization: `Bearer ${bearer}` }),
          },
          signal: AbortSignal.timeout(options.timeoutMs),
          responseType: 'text',
          transformResponse: (text: string) => text,
          validateStatus: () => true,
          maxRedirects: 0,
          maxContentLength: MAX_ANSWER_BYTES,
          proxy: false,
          httpAgent: agents.http,
          httpsAgent: agents.https,
          transport: watchingTransport(isSecure, link),
        })
        return readAnswer(response.status, response.data)
      } catch (error) {
        const missing = link.isConnected ? 'whole answer' : 'connection'
        const fault = describeFault(error, `no ${missing} within ${options.timeoutMs} ms`)
        const detail = isClosed ? CLOSED : fault
        return { kind: link.isConnected ? 'unreadable' : 'unsent', detail }
      }
    },

    /** Ends the calls that are in flight, as if their connections had broken; no others begin. */
    close(): void {
      isClosed = true
      agents.http.destroy()
      agents.https.destroy()
    },
  }
}

/** Notes when the connection stands: before that nothing can have reached Meta, after it anything may have. */
function watchingTransport(isSecure: boolean, link: { isConnected: boolean }) {
  return {
    request(requestOptions: http.RequestOptions, onResponse: (response: http.IncomingMessage) => void) {
      const request = (isSecure ? https : http).request(requestOptions, onResponse)
      request.once('socket', (socket) => {
        // A request that waited for a socket of the pool gets one that is connected without being told so.
        if (request.reusedSocket || !socket.connecting) link.isConnected = true
        else socket.once(isSecure ? 'secureConnect' : 'connect', () => (link.isConnected = true))
      })
      return request
    },
  }
}

function readAnswer(statusCode: number, text: string): GraphAnswer {
  try {
    return { kind: 'answer', statusCode, body: JSON.parse(text) as unknown }
  } catch {
    return { kind: 'unreadable', detail: `HTTP ${statusCode} without a JSON body` }
  }
}

/** The fault in our words: a code of Node's or axios', never a message, which could quote the request. */
function describeFault(error: unknown, timedOut: string): string {
  if (!axios.isAxiosError(error)) return 'the call failed'
  switch (error.code) {
    case 'ERR_CANCELED':
      return timedOut
    case 'ERR_BAD_RESPONSE':
      return `the answer is not HTTP, or is over ${MAX_ANSWER_BYTES} bytes`
    default:
      return `the connection failed: ${error.code ?? 'unknown fault'}`
  }
}
