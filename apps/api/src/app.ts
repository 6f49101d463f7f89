/** The HTTP edge, put together from its parts. It does not listen: that is `main.ts`. */
import type { Audit, Events, LogLevelControl, Ours, Secret, Tracing } from '@relais/core'
import Fastify, { type FastifyInstance } from 'fastify'
import type { AcceptMessages } from './accept-messages.ts'
import type { CallbackActions } from './callback-actions.ts'
import type { EndByApp } from './end-by-app.ts'
import type { Callers } from './callers.ts'
import { BOUNDS, registerBounds, serverOptions, type Bounds } from './bounds.ts'
import type { FindMessages } from './find-messages.ts'
import type { ListFallbacks } from './list-fallbacks.ts'
import type { Live } from './live.ts'
import type { LoginGuard } from './login-guard.ts'
import type { Logins } from './logins.ts'
import type { ReadOverview } from './overview.ts'
import type { LookAtMessage } from './look-at-message.ts'
import { registerAssets } from './plugins/assets.ts'
import { registerAuth } from './plugins/auth.ts'
import { registerBoard, type BoardDeps } from './plugins/board.ts'
import { registerBodies } from './plugins/bodies.ts'
import { registerHeaders, SECURITY_HEADERS } from './plugins/headers.ts'
import { registerOpenApi } from './plugins/openapi.ts'
import { registerProblems, sendProblem } from './plugins/problems.ts'
import { nameAnswer, registerRequests } from './plugins/requests.ts'
import { ProblemError } from './problem.ts'
import type { ResendMessage } from './resend-message.ts'
import { requestIdOf } from './request-id.ts'
import type { QueueStates } from './queue-state.ts'
import type { RevealCode } from './reveal-code.ts'
import { registerAdmin } from './routes/admin.ts'
import { adminMessagesRoutes } from './routes/admin-messages.ts'
import { alertRoutes } from './routes/alerts.ts'
import { callbackRoutes } from './routes/callbacks.ts'
import { fallbackRoutes } from './routes/fallback.ts'
import { healthRoutes } from './routes/health.ts'
import { registerMessagePages } from './routes/message-pages.ts'
import { logLevelRoutes } from './routes/log-level.ts'
import { messageRoutes } from './routes/message.ts'
import { messagesRoutes } from './routes/messages.ts'
import { queueRoutes } from './routes/queues.ts'
import { supabaseRoutes, type SupabaseDeps } from './routes/supabase.ts'
import { verificationRoutes } from './routes/verifications.ts'
import { walletRoutes } from './routes/wallet.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import type { TakeReceipts } from './take-receipts.ts'
import type { TokenActions } from './token-actions.ts'
import type { WatchAlerts } from './watch-alerts.ts'
import type { Verify } from './verify.ts'
import type { WhatsappStatus } from './whatsapp-status.ts'

export type AppDeps = {
  version: string
  events: Pick<Events, 'requestCompleted' | 'requestFailed'>
  tracing?: Tracing | undefined
  callers: Pick<Callers, 'identify'>
  loginGuard: LoginGuard
  onLogin: Logins
  audit: Pick<Audit, 'append' | 'note'>
  acceptMessages: AcceptMessages
  endByApp: EndByApp
  logLevel: Pick<LogLevelControl, 'read' | 'set'>
  verify: Verify
  listFallbacks: ListFallbacks
  revealCode: RevealCode
  findMessages: FindMessages
  lookAtMessage: LookAtMessage
  resendMessage: ResendMessage
  queueStates: QueueStates
  whatsappStatus: () => Promise<WhatsappStatus>
  tokenActions: TokenActions
  readOverview: ReadOverview
  live: Live
  alerts: Pick<WatchAlerts, 'list' | 'test'>
  callbacks: CallbackActions
  webhooks: {
    verifyToken: Secret | undefined
    ours: Ours
    appSecrets: () => Promise<Secret[]>
    takeReceipts: TakeReceipts
    onRefused: (address: string) => void
  }
  supabase: Omit<SupabaseDeps, 'acceptMessages'>
  board: Omit<BoardDeps, 'onAction'>
  /** Addresses and networks whose X-Forwarded-* are believed. */
  trustedProxies: string[]
  /** Others than `BOUNDS`, for tests that would have to wait. */
  bounds?: Bounds | undefined
  isReady: () => Promise<boolean>
}

/** Builds the app; requests can be injected into it, or it can be told to listen. */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const { bounds = BOUNDS, trustedProxies, audit } = deps
  const app = Fastify({
    ...serverOptions(bounds),
    trustProxy: trustedProxies.length > 0 && trustedProxies,
    // Our own line per request names the route, not the URL: Meta's verification has a token in its query.
    logger: false,
    genReqId: requestIdOf,
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
    frameworkErrors: (_error, request, reply) => {
      nameAnswer(request, reply as never)
      const problem = new ProblemError(400, 'bad_request', 'The URL cannot be read.')
      return sendProblem(reply.headers(SECURITY_HEADERS) as never, problem) as never
    },
  })

  registerRequests(app, deps)
  registerHeaders(app)
  registerBounds(app, bounds)
  registerBodies(app)
  registerProblems(app, deps.events)

  registerAuth(app, deps)
  await registerOpenApi(app, deps.version)
  await app.register(messagesRoutes(deps))
  await app.register(messageRoutes(deps))
  await app.register(verificationRoutes(deps))
  await app.register(supabaseRoutes({ ...deps.supabase, acceptMessages: deps.acceptMessages }))
  await app.register(fallbackRoutes(deps))
  await app.register(adminMessagesRoutes(deps))
  await app.register(walletRoutes(deps))
  await app.register(alertRoutes(deps))
  await app.register(callbackRoutes(deps))
  await app.register(logLevelRoutes(deps))
  await app.register(queueRoutes(deps))
  await app.register(webhookRoutes(deps.webhooks))
  await app.register(healthRoutes(deps))
  registerAssets(app)
  await registerAdmin(app, deps)
  await registerMessagePages(app, deps)
  await registerBoard(app, {
    ...deps.board,
    onAction: (operator, action, queue, subject = queue) =>
      audit.append({ actor: `operator:${operator}`, action: `board.${action}`, subject, detail: { queue } }),
  })
  return app
}
