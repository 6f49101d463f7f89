/** Opens everything the API needs and closes it again; `main.ts` and the end-to-end tests start here. */
import {
  alertTimes,
  answersPing,
  createAcceptance,
  createAdmission,
  createAdvance,
  createAlertStore,
  createApiKeyStore,
  createAudit,
  createCallbackOutbox,
  createCallbackSettings,
  createClock,
  createEvents,
  createFallen,
  createGauges,
  createGraphClient,
  createKeys,
  createLogLevel,
  createLimitWatch,
  createMessageIndex,
  createMessageStore,
  createMetrics,
  createPacing,
  createPauses,
  createPresence,
  createPostCallback,
  createPostNotification,
  createProbes,
  createPumpingGuard,
  createReplication,
  createResends,
  createRestartCoolDown,
  createRulings,
  createSampling,
  createSealer,
  createSender,
  createTallies,
  createUnsettled,
  createVerifications,
  keyPrefix,
  LAST_CALLS_MS,
  openQueue,
  openRedis,
  redisTarget,
  comesUp,
  readRedisFacts,
  requireFit,
  requireReadable,
  sayLeftOut,
  sayOnce,
  watchForStalls,
  type Closer,
  type Logger,
  type AccessTokenJob,
  type CallbackJob,
  type MessageJob,
  type ReceiptsJob,
  type Tracing,
} from '@relais/core'
import { createAcceptMessages } from './accept-messages.ts'
import { buildApp } from './app.ts'
import { createCallbackActions } from './callback-actions.ts'
import { createCallers } from './callers.ts'
import { createCapacity } from './capacity.ts'
import type { ApiSettings } from './config.ts'
import { createDrain } from './drain.ts'
import { createEndByApp } from './end-by-app.ts'
import type { Bounds } from './bounds.ts'
import { createFindMessages } from './find-messages.ts'
import { createListFallbacks } from './list-fallbacks.ts'
import { createLoginGuard } from './login-guard.ts'
import { createLive } from './live.ts'
import { createLogins } from './logins.ts'
import { createLookAtMeta } from './meta-look.ts'
import { createOverview } from './overview.ts'
import { createLookAtMessage } from './look-at-message.ts'
import { createResendMessage } from './resend-message.ts'
import { createQueueState } from './queue-state.ts'
import { createRevealCode } from './reveal-code.ts'
import { createTakeReceipts } from './take-receipts.ts'
import { createTokenActions } from './token-actions.ts'
import { createUpdateAccessToken } from './update-access-token.ts'
import { createWatchAlerts } from './watch-alerts.ts'
import { createVerify } from './verify.ts'
import { createWhatsappStatus } from './whatsapp-status.ts'

/** Redis gets this long for one command, and an acceptance this long in all: together within the second promised. */
const COMMAND_TIMEOUT_MS = 600
const ACCEPT_WITHIN_MS = 700

/** Replicas, where they are waited for, get so long of it. */
const REPLICATE_WITHIN_MS = 300

/** While nobody looks, what is known of Meta may be so old. */
const ALERTS_LOOK_EVERY_MS = 60_000

/** At the start Redis gets so long to come up before the API listens all the same, and says 503. */
const CONNECT_WITHIN_MS = 2000

/** @param how.bounds other than `BOUNDS`, for tests that would have to wait */
export async function openApi(
  settings: ApiSettings,
  logger: Logger,
  version: string,
  { bounds, tracing }: { bounds?: Bounds; tracing?: Tracing | undefined } = {},
) {
  const onError = sayOnce((fault) => logger.warn({ event: 'redis.error', ...fault }, 'Redis fault'))
  const metrics = createMetrics()
  metrics.expectTemplate(settings.otpTemplate, settings.templateLanguage)
  metrics.expectApps(settings.apiKeys.map(({ name }) => name))
  const prefix = keyPrefix(settings)
  const keys = createKeys(prefix)
  const { encryptionKeys } = settings
  const sealer = createSealer(encryptionKeys)
  const redis = openRedis(redisTarget(settings), { failWithinMs: COMMAND_TIMEOUT_MS }, onError, 'relais-api')
  const clock = createClock({
    redis,
    key: keys.timers(),
    onChange: (change) => events.clockChanged(change),
    onError,
  })
  const { now } = clock
  const tallies = createTallies({ redis, keys, now })
  const abovePerSecond = settings.logSampleAbovePerSecond
  const sampling = abovePerSecond > 0 && createSampling({ abovePerSecond, tell: sayLeftOut(logger) })
  const events = createEvents({ logger, metrics, tallies, now, ...(sampling && { sampling }) })
  const logLevel = createLogLevel({ redis, keys, logger, events, onError, now })
  const facts = () => readRedisFacts(redis, keys.timers())
  redis.on('ready', () => void facts().then(events.redisFacts, onError))
  const queueOptions = { redis, prefix, onError }
  const messages = openQueue<MessageJob>('messages', queueOptions)
  const fallback = openQueue<MessageJob>('fallback', queueOptions)
  const receipts = openQueue<ReceiptsJob>('receipts', queueOptions)
  const tokenChecks = openQueue<AccessTokenJob>('access-token', queueOptions)
  const callbackJobs = openQueue<CallbackJob>('callbacks', queueOptions)
  const queues = [messages, fallback, receipts, tokenChecks, callbackJobs]

  const deliverWithinMs = settings.webhookVerifyToken && settings.deliverWithinSeconds * 1000
  const unsettled = createUnsettled({ redis, keys, now })
  const store = createMessageStore({ redis, keys, encryptionKeys, deliverWithinMs, now })
  const capacity = createCapacity({
    redis,
    key: keys.timers(),
    unsettled,
    maxUnsettled: settings.appMaxWaiting,
    apps: new Set(settings.apiKeys.map(({ name }) => name)).size,
    onError,
  })
  const watch = createLimitWatch({ redis, keys, onError, now })
  const isGuarding = settings.pumpingGuard !== 'off'
  const graph = createGraphClient({
    baseUrl: settings.apiBaseUrl,
    apiVersion: settings.apiVersion,
    timeoutMs: settings.sendTimeoutMs,
    maxSockets: 10,
    appSecretProof: settings.appSecretProof,
    onCall: events.providerCalled,
  })
  const sender = createSender({ settings, redis, keys, sealer, authority: graph, events, onError })
  const { accessToken } = sender
  const fallen = createFallen({ redis, keys })
  const stalls = watchForStalls(events.processStalled)
  let isStopping = false
  const isReady = async () => !isStopping && (await answersPing(redis, keys.timers(), 500))

  /** What Redis lost is put back before anybody builds on it. */
  const ensureRecord = async () => {
    if (!(await sender.vault.read())) await sender.lookAfterToken()
  }

  const audit = createAudit({
    redis,
    keys,
    encryptionKeys,
    keptDays: settings.auditKeptDays,
    onEntry: events.auditEntry,
    onError: events.auditFailed,
  })
  const presence = createPresence({ redis, keys, facts: () => ({ name: 'api', version }), now })
  const pauses = createPauses({ redis, keys, senderId: sender.phoneNumberId, now })
  const lookAtMeta = createLookAtMeta({ phoneNumberId: settings.phoneNumberId, sender, graph })
  const whatsappStatus = createWhatsappStatus({
    phoneNumberId: settings.phoneNumberId,
    sender,
    pauses,
    queues: { messages, fallback },
    redis,
    keys,
    receiptsExpected: settings.webhookVerifyToken !== undefined,
  })
  const callbackOutbox = createCallbackOutbox({ redis, keys })
  const readOverview = createOverview({
    sender,
    isSenderSet: settings.phoneNumberId !== undefined,
    whatsappStatus,
    metaLook: lookAtMeta,
    tallies,
    presence,
    pacing: createPacing({ redis, keys }),
    rulings: createRulings({ redis, keys, audit, now }),
    unsettled,
    queues: { messages, fallback, receipts },
    redisFacts: () => readRedisFacts(redis, keys.timers(), 'memory'),
    callbacks: callbackOutbox,
    fallbackPercent: settings.alertFallbackPercent,
    clock,
  })
  const live = createLive({ read: readOverview, onError })

  const callers = createCallers({
    apps: settings.apiKeys,
    operators: settings.opsKeys,
    store: createApiKeyStore({ redis, keys, sealer }),
    onError,
    onUnreadable: events.apiKeysUnreadable,
  })

  const acceptance = createAcceptance({ redis, keys, prefix, encryptionKeys, deliverWithinMs })
  const replication = createReplication({
    redis,
    key: keys.timers(),
    replicas: settings.waitReplicas,
    timeoutMs: REPLICATE_WITHIN_MS,
  })

  const { alertWebhookUrl: url, alertWebhookSecrets: secrets } = settings
  const alerts = createWatchAlerts({
    store: createAlertStore({ redis, keys }),
    look: () => readOverview({ lookEveryMs: ALERTS_LOOK_EVERY_MS }),
    post: url && secrets && createPostNotification({ url, secrets }),
    times: alertTimes({
      fireAfterSeconds: settings.alertFireAfterSeconds,
      clearAfterSeconds: settings.alertClearAfterSeconds,
    }),
    installation: settings.prefix,
    events,
    onError,
    now,
  })

  const acceptMessages = createAcceptMessages({
    admission: createAdmission({
      redis,
      keys,
      encryptionKeys,
      limits: {
        cooldownMs: settings.recipientCooldownSeconds * 1000,
        maxPerHour: settings.recipientMaxPerHour,
        sourceMaxPerHour: settings.sourceMaxPerHour,
        prefixMaxPerHour: settings.prefixMaxPerHour,
        appMaxPerDay: settings.appMaxPerDay,
        guard: settings.pumpingGuard,
      },
      watch,
      onNews: events.limitNews,
      now,
    }),
    acceptance,
    capacity,
    store,
    replication,
    sealer,
    events,
    defaults: {
      template: settings.otpTemplate,
      language: settings.templateLanguage,
      ttlSeconds: settings.otpTtlSeconds,
    },
    countries: settings.appCountries,
    withinMs: ACCEPT_WITHIN_MS,
    tracing,
    now,
  })
  const endByApp = createEndByApp({
    store,
    events,
    audit,
    ...(isGuarding && { guard: createPumpingGuard({ redis, keys }) }),
    ...(settings.recipientCooldownSeconds > 0 && {
      restartCoolDown: createRestartCoolDown({ redis, keys, encryptionKeys }),
    }),
  })
  const verify = createVerify({
    verifications: createVerifications({ redis, keys, sealer, encryptionKeys }),
    acceptMessages,
    endByApp,
    store,
    fallbackQueue: fallback,
    replication,
    events,
    now,
  })
  const postCallback = createPostCallback({ isPrivateAllowed: settings.callbackAllowPrivate })

  const app = await buildApp({
    version,
    events,
    tracing,
    callers,
    loginGuard: createLoginGuard(),
    onLogin: createLogins({ audit, events }),
    audit,
    acceptMessages,
    endByApp,
    logLevel,
    verify,
    listFallbacks: createListFallbacks({ store, fallen, now }),
    revealCode: createRevealCode({ store, fallen, sealer, audit, events }),
    queueStates: createQueueState({ queues, audit }),
    whatsappStatus: () => whatsappStatus(lookAtMeta.look),
    readOverview,
    live,
    alerts,
    callbacks: createCallbackActions({
      settings: createCallbackSettings({ redis, keys, sealer, now }),
      outbox: callbackOutbox,
      post: postCallback.post,
      audit,
      events,
      isPrivateAllowed: settings.callbackAllowPrivate,
      now,
    }),
    tokenActions: createTokenActions({
      renewNow: async (waitMs) => {
        await ensureRecord()
        return sender.renewal.renewNow(waitMs)
      },
      updateAccessToken: createUpdateAccessToken({
        phoneNumberId: settings.phoneNumberId,
        sender,
        graph,
        events,
        ensureRecord,
      }),
      audit,
    }),
    findMessages: createFindMessages({
      store,
      index: createMessageIndex({ redis, keys, encryptionKeys, now }),
      audit,
    }),
    lookAtMessage: createLookAtMessage({ store, sealer, now }),
    resendMessage: createResendMessage({
      store,
      resends: createResends({ redis, keys, now }),
      acceptance,
      capacity,
      replication,
      sealer,
      audit,
      events,
      now,
    }),
    webhooks: {
      verifyToken: settings.webhookVerifyToken,
      ours: settings,
      appSecrets: async () => sender.app.forReceipts(await accessToken.record()),
      takeReceipts: createTakeReceipts({
        advance: createAdvance({ store, events, tracing }),
        queue: receipts,
        redis,
        lastReceiptKey: keys.lastReceipt(),
      }),
      onRefused: events.webhookRefused,
    },
    supabase: { secrets: settings.supabaseHookSecrets, onRefused: events.hookRefused, now },
    board: { queues, store, allowsWrites: settings.boardWrites },
    trustedProxies: settings.trustedProxies,
    bounds,
    isReady,
  })

  const gauges = createGauges({
    metrics,
    redis,
    key: keys.timers(),
    lastReceiptKey: keys.lastReceipt(),
    queues: [messages, fallback, receipts],
    fallback,
    unsettled,
    pauses,
    sender,
    receiptsExpected: settings.webhookVerifyToken !== undefined,
    now,
  })
  const probes = createProbes({ metrics, isReady, beforeScrape: gauges.refresh })

  const drain = createDrain(app.server, () => app.close())
  const endLastCalls = () => {
    graph.close()
    // Who waits for a renewal of another process is told that it is busy.
    void sender.close()
  }

  const closers: Closer[] = [
    { name: 'tracing', close: () => tracing?.close() },
    { name: 'redis', close: () => redis.disconnect() },
    { name: 'stall watch', close: () => stalls.close() },
    { name: 'capacity', close: () => capacity.close() },
    { name: 'callers', close: () => callers.close() },
    { name: 'tallies', close: () => tallies.close() },
    { name: 'presence', close: () => presence.close() },
    { name: 'clock', close: () => clock.close() },
    { name: 'log level', close: () => logLevel.close() },
    { name: 'graph', close: () => graph.close() },
    { name: 'access token', close: () => sender.close() },
    {
      name: 'queues',
      close: () => Promise.all(queues.map((queue) => queue.close())),
    },
    { name: 'metrics listener', close: () => probes.close() },
    { name: 'open pages', close: () => live.close() },
    { name: 'alerts', close: () => alerts.close() },
    { name: 'callbacks', close: () => postCallback.close() },
    {
      name: 'listener',
      close: () => {
        isStopping = true
        return drain()
      },
    },
    { name: 'last calls', close: () => void setTimeout(endLastCalls, LAST_CALLS_MS).unref() },
  ]
  if (await comesUp(redis, keys.timers(), CONNECT_WITHIN_MS)) {
    requireFit(await facts().catch(() => undefined))
    await requireReadable(sender.vault, Date.now())
  }
  clock.start()
  tallies.start(onError)
  presence.start(onError)
  logLevel.start()
  capacity.start()
  callers.start()
  alerts.start()
  // Workers look after the token too. But it must live while there is none, and the status knows it before the first is there.
  accessToken.start()
  sender.lookAfterToken().catch(onError)
  return { app, probes, closers }
}
