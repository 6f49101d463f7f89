/** The HTTP edge, put together from its parts. It does not listen: that is `main.ts`. */
import type { Audit, Logger, ReceiptsJob, Renewal, Secret, RedisClient } from '@relais/core'
import type { Queue } from 'bullmq'
import Fastify, { type FastifyInstance } from 'fastify'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { AcceptMessages } from './accept-messages.ts'
import type { EndByApp } from './end-by-app.ts'
import type { Callers } from './callers.ts'
import type { ListFallbacks } from './list-fallbacks.ts'
import type { LoginGuard } from './login-guard.ts'
import type { Logins } from './logins.ts'
import { registerAuth } from './plugins/auth.ts'
import { registerBoard } from './plugins/board.ts'
import { registerOpenApi } from './plugins/openapi.ts'
import { registerProblems, sendProblem } from './plugins/problems.ts'
import { PROBLEM_TYPE, ProblemError } from './problem.ts'
import type { RevealCode } from './reveal-code.ts'
import { fallbackRoutes } from './routes/fallback.ts'
import { healthRoutes } from './routes/health.ts'
import { messageRoutes } from './routes/message.ts'
import { messagesRoutes } from './routes/messages.ts'
import { walletRoutes } from './routes/wallet.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import type { UpdateAccessToken } from './update-access-token.ts'
import type { WhatsappStatus } from './whatsapp-status.ts'

const BODY_LIMIT_BYTES = 64 * 1024

export type AppDeps = {
  version: string
  logger: Logger
  callers: Pick<Callers, 'identify'>
  loginGuard: LoginGuard
  onLogin: Logins
  audit: Pick<Audit, 'append' | 'note'>
  acceptMessages: AcceptMessages
  endByApp: EndByApp
  listFallbacks: ListFallbacks
  revealCode: RevealCode
  whatsappStatus: () => Promise<WhatsappStatus>
  renewNow: Renewal['renewNow']
  updateAccessToken: UpdateAccessToken
  webhooks: {
    verifyToken: Secret | undefined
    appSecrets: () => Promise<Secret[]>
    queue: Queue<ReceiptsJob>
    redis: RedisClient
    lastReceiptKey: string
  }
  boardQueues: Queue[]
  isReady: () => Promise<boolean>
}

/** Builds the app; requests can be injected into it, or it can be told to listen. */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const app = Fastify({
    // Our own line per request names the route, not the URL: Meta's verification has a token in its query.
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: 10_000,
    // Longer than the longest answer: a renewal that waits for another, and two calls to Meta.
    connectionTimeout: 90_000,
    keepAliveTimeout: 30_000,
    // On closing, requests that are under way are finished first, and those that still come in on their connections are served.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 128 },
    ajv: {
      customOptions: {
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        allErrors: true,
        discriminator: true,
        // Faults then carry the schema's own words; the value they also carry is never read.
        verbose: true,
      },
    },
    frameworkErrors: (_error, _request, reply) => {
      const detail = 'The URL cannot be read.'
      return sendProblem(reply as never, new ProblemError(400, 'bad_request', detail)) as never
    },
    clientErrorHandler: answerClientError,
  })

  app.removeContentTypeParser('text/plain')
  app.addHook('onResponse', async (request, reply) => {
    deps.logger.debug(
      {
        event: 'request.completed',
        method: request.method,
        route: request.routeOptions.url,
        statusCode: reply.statusCode,
        durationMs: Math.round(reply.elapsedTime),
        ...(request.caller && { caller: request.caller.name, keyId: request.caller.keyId }),
      },
      'request completed',
    )
  })
  registerProblems(app, deps.logger)

  registerAuth(app, deps)
  await registerOpenApi(app, deps.version)
  await app.register(messagesRoutes(deps))
  await app.register(messageRoutes(deps))
  await app.register(fallbackRoutes(deps))
  await app.register(walletRoutes(deps))
  await app.register(webhookRoutes(deps.webhooks))
  await app.register(healthRoutes(deps))
  await registerBoard(app, { queues: deps.boardQueues })
  return app
}

/** What is not HTTP, or more header than allowed: answered by hand, there is no request yet. */
function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return
  const statusCode = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
  const body = JSON.stringify(
    new ProblemError(statusCode, 'bad_request', 'The request cannot be read.').toBody(),
  )
  socket.end(
    `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\nContent-Type: ${PROBLEM_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
