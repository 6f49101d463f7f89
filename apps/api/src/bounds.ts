/**
 * What a request may cost before anybody knows who sends it: bytes, headers, time, connections. A request that is beyond is answered
 * with a problem where that can be done at all, and its connection is closed.
 */
import type { FastifyInstance } from 'fastify'
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { SECURITY_HEADERS } from './plugins/headers.ts'
import { PROBLEM_TYPE, ProblemError } from './problem.ts'
import { newRequestId, requestIdOf } from './request-id.ts'

export type Bounds = {
  /** Of a body, unless its route takes more: see there. */
  bodyBytes: number
  /** The URL and all headers together. */
  headerBytes: number
  headers: number
  urlLength: number
  /** From the first byte, or the opening of the connection, to the last of the headers, and of the body. */
  requestMs: number
  /** Slow requests are looked for so often: at most so much later they are ended. */
  checkEveryMs: number
  /** A connection without a sign of life on either side. */
  silentMs: number
  keepAliveMs: number
  connections: number
}

export const BOUNDS: Bounds = {
  bodyBytes: 64 * 1024,
  headerBytes: 16 * 1024,
  headers: 100,
  urlLength: 8000,
  requestMs: 10_000,
  checkEveryMs: 2000,
  // Longer than the longest answer: a renewal that waits for another, and two calls to Meta.
  silentMs: 90_000,
  keepAliveMs: 30_000,
  connections: 10_000,
}

/**
 * The bounds that the server keeps by itself. How many requests a connection may carry is not among them: Node would answer those beyond with a
 * 503 to clients that have sent them already.
 */
export function serverOptions(bounds: Bounds) {
  return {
    bodyLimit: bounds.bodyBytes,
    requestTimeout: bounds.requestMs,
    connectionTimeout: bounds.silentMs,
    keepAliveTimeout: bounds.keepAliveMs,
    http: {
      maxHeaderSize: bounds.headerBytes,
      headersTimeout: bounds.requestMs,
      requestTimeout: bounds.requestMs,
      connectionsCheckingInterval: bounds.checkEveryMs,
      // Refused below, with a problem.
      requireHostHeader: false,
    },
    clientErrorHandler: answerClientError,
  }
}

/** The others. Register before anything that looks closer at a request. */
export function registerBounds(app: FastifyInstance, bounds: Bounds): void {
  app.server.maxConnections = bounds.connections
  app.server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const problem = new ProblemError(417, 'bad_request', 'The only Expect is 100-continue.')
    const { head, body } = inWords(problem, requestIdOf(request))
    response.writeHead(417, { ...head, connection: 'close' }).end(body)
  })
  app.addHook('onRequest', async ({ raw }, reply) => {
    // Nothing is upgraded. But Node's parser may take what follows such a request for another protocol, and wait for it in vain.
    if (raw.headers.upgrade !== undefined) reply.raw.setHeader('connection', 'close')
    if ((raw.url?.length ?? 0) > bounds.urlLength) {
      throw new ProblemError(414, 'bad_request', `The URL is longer than ${bounds.urlLength} characters.`)
    }
    if (raw.rawHeaders.length > bounds.headers * 2) {
      throw new ProblemError(431, 'bad_request', `There are more than ${bounds.headers} headers.`)
    }
    if (raw.headers.host === undefined && raw.httpVersion === '1.1') {
      throw new ProblemError(400, 'bad_request', 'The header Host is missing.')
    }
  })
  app.addHook('onSend', async (_request, reply) => {
    // Fastify would close the connection on a body it does not read, and the client never see why. Node reads on and forgets. What
    // stands in the raw answer is the drain's wish.
    const isRefusal = reply.getHeader('connection') === 'close' && !reply.raw.hasHeader('connection')
    if (isRefusal && reply.raw.shouldKeepAlive) reply.header('connection', 'keep-alive')
  })
  app.addHook('onResponse', async ({ raw }) => {
    if (raw.complete) return
    answered.add(raw.socket)
    raw.once('close', () => answered.delete(raw.socket))
  })
}

/** Connections whose last request was answered before it was all there. What is wrong with its rest needs no answer more. */
const answered = new WeakSet<Socket>()

/** So long what a client sends is ignored, when it has had its last answer. */
const LINGER_MS = 1000

const CLIENT_ERRORS: Record<string, { statusCode: number; detail: string }> = {
  HPE_HEADER_OVERFLOW: { statusCode: 431, detail: 'URL and headers are too large.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { statusCode: 413, detail: 'The chunk extensions are too large.' },
  ERR_HTTP_REQUEST_TIMEOUT: { statusCode: 408, detail: 'The request did not come in time.' },
}

/** What is no request, or not in time: answered by hand, there is nothing to reply to yet. */
function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  // Nor must anything get into an answer that is being written.
  const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse }
  if (error.code === 'ECONNRESET' || answer?.headersSent || answered.has(socket)) {
    socket.destroy()
    return
  }
  if (!socket.writable) return
  const known = CLIENT_ERRORS[error.code ?? '']
  const { statusCode, detail } = known ?? { statusCode: 400, detail: 'The request is not HTTP.' }
  const { head, body } = inWords(new ProblemError(statusCode, 'bad_request', detail))
  const lines = Object.entries({ ...head, connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  socket.end(`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\n${lines.join('')}\r\n${body}`)
  // Closed with bytes unread, the connection would be reset and the answer lost.
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}

function inWords(problem: ProblemError, requestId = newRequestId()) {
  const body = JSON.stringify(problem.toBody())
  const head = {
    ...SECURITY_HEADERS,
    'content-type': PROBLEM_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': requestId,
  }
  return { head, body }
}
