/**
 * One HTTP exchange with Meta, told as data. axios errors carry the whole request, with the token and the code in it: they
 * end here and never travel further.
 */
import { Axios, AxiosError } from 'axios'
import { createUndiciAdapter } from './undici-adapter.ts'

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
  const { origin, pathname } = new URL(options.baseUrl)
  const basePath = pathname.replace(/\/$/, '')
  const wire = createUndiciAdapter({
    origin,
    timeoutMs: options.timeoutMs,
    maxSockets: options.maxSockets,
    idleMs: IDLE_SOCKET_MS,
    maxAnswerBytes: MAX_ANSWER_BYTES,
  })
  // A bare one: what `axios.create` would set for a call is half of what axios costs.
  const client = new Axios({ adapter: wire.adapter, validateStatus: () => true })
  let isClosed = false

  return {
    async call({ method, path, bearer, query, body }: GraphRequest): Promise<GraphAnswer> {
      if (isClosed) return { kind: 'unsent', detail: CLOSED }
      try {
        const response = await client.request<string>({
          method,
          url: basePath + path + queryString(query),
          ...(body !== undefined && { data: JSON.stringify(body) }),
          headers: {
            Accept: 'application/json',
            'User-Agent': 'relais',
            ...(body !== undefined && { 'Content-Type': 'application/json' }),
            ...(bearer !== undefined && { Authorization: `Bearer ${bearer}` }),
          },
        })
        return readAnswer(response.status, response.data)
      } catch (error) {
        return readFault(error, options.timeoutMs)
      }
    },

    /** Ends the calls that are in flight, as if their connections had broken; no others begin. */
    close(): void {
      isClosed = true
      wire.close()
    },
  }
}

function queryString(query: Record<string, string> = {}): string {
  const text = new URLSearchParams(query).toString()
  return text && `?${text}`
}

function readAnswer(statusCode: number, text: string): GraphAnswer {
  try {
    return { kind: 'answer', statusCode, body: JSON.parse(text) as unknown }
  } catch {
    return { kind: 'unreadable', detail: `HTTP ${statusCode} without a JSON body` }
  }
}

/** The fault in our words: a code of Node's or axios', never a message, which could quote the request. */
function readFault(error: unknown, timeoutMs: number): GraphAnswer {
  if (!(error instanceof AxiosError)) return { kind: 'unreadable', detail: 'the call failed' }
  const isSent = error.request !== undefined
  return { kind: isSent ? 'unreadable' : 'unsent', detail: describeFault(error.code, isSent, timeoutMs) }
}

function describeFault(code: string | undefined, isSent: boolean, timeoutMs: number): string {
  switch (code) {
    case AxiosError.ERR_CANCELED:
      return CLOSED
    case AxiosError.ECONNABORTED:
      return `no ${isSent ? 'whole answer' : 'connection'} within ${timeoutMs} ms`
    case AxiosError.ERR_BAD_RESPONSE:
      return `the answer is not HTTP, or is over ${MAX_ANSWER_BYTES} bytes`
    default:
      return `the connection failed: ${code ?? 'unknown fault'}`
  }
}
