/** Opens everything the API needs and closes it again; `main.ts` and the end-to-end tests start here. */
import {
  answersPing,
  countJobs,
  createAcceptance,
  createAdmission,
  createAdvance,
  createApiKeyStore,
  createAudit,
  createClock,
  createEvents,
  createFallen,
  createGraphClient,
  createKeys,
  createLimitWatch,
  createMessageStore,
  createMetrics,
  createPacing,
  createPauses,
  createPresence,
  createProbes,
  createPumpingGuard,
  createReplication,
  createRestartCoolDown,
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
  sayOnce,
  watchForStalls,
  type Closer,
  type Logger,
  type AccessTokenJob,
  type MessageJob,
  type ReceiptsJob,
} from '@relais/core'
import { createAcceptMessages } from './accept-messages.ts'
import { buildApp } from './app.ts'
import { createCallers } from './callers.ts'
import { createCapacity } from './capacity.ts'
import type { ApiSettings } from './config.ts'
import { createDrain } from './drain.ts'
import { createEndByApp } from './end-by-app.ts'
import type { Bounds } from './bounds.ts'
import { createListFallbacks } from './list-fallbacks.ts'
import { createLoginGuard } from './login-guard.ts'
import { createLive } from './live.ts'
import { createLogins } from './logins.ts'
import { createLookAtMeta } from './meta-look.ts'
import { createOverview } from './overview.ts'
import { createRevealCode } from './reveal-code.ts'
import { createTakeReceipts } from './take-receipts.ts'
import { createTokenActions } from './token-actions.ts'
import { createUpdateAccessToken } from './update-access-token.ts'
import { createVerify } from './verify.ts'
import { createWhatsappStatus } from './whatsapp-status.ts'

/** Redis gets this long for one command, and an acceptance this long in all: together within the second promised. */
const COMMAND_TIMEOUT_MS = 600
const ACCEPT_WITHIN_MS = 700

/** Replicas, where they are waited for, get so long of it. */
const REPLICATE_WITHIN_MS = 300

/** From so many hundredths of messages on that fall back, operators are told. */
const FALLBACK_PERCENT = 5

/** At the start Redis gets so long to come up before the API listens all the same, and says 503. */
const CONNECT_WITHIN_MS = 2000

/** @param bounds other than `BOUNDS`, for tests that would have to wait */
export async function openApi(settings: ApiSettings, logger: Logger, version: string, bounds?: Bounds) {
  const onError = sayOnce((fault) => logger.warn({ event: 'redis.error', ...fault }, 'Redis fault'))
  const metrics = createMetrics()
  const prefix = keyPrefix(settings)
  const keys = createKeys(prefix)
  const sealer = createSealer(settings.encryptionKeys)
  const redis = openRedis(redisTarget(settings), { failWithinMs: COMMAND_TIMEOUT_MS }, onError, 'relais-api')
  const clock = createClock({
    redis,
    key: keys.timers(),
    onChange: (change) => events.clockChanged(change),
    onError,
  })
  const { now } = clock
  const tallies = createTallies({ redis, keys, now })
  const events = createEvents({ logger, metrics, tallies, now })
  const facts = () => readRedisFacts(redis, keys.timers())
  redis.on('ready', () => void facts().then(events.redisFacts, onError))
  const queueOptions = { redis, prefix, onError }
  const messages = openQueue<MessageJob>('messages', queueOptions)
  const fallback = openQueue<MessageJob>('fallback', queueOptions)
  const receipts = openQueue<ReceiptsJob>('receipts', queueOptions)
  const tokenChecks = openQueue<AccessTokenJob>('access-token', queueOptions)

  const deliverWithinMs = settings.webhookVerifyToken && settings.deliverWithinSeconds * 1000
  const store = createMessageStore({ redis, keys, deliverWithinMs, now })
  const unsettled = createUnsettled({ redis, keys, now })
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
  const readOverview = createOverview({
    sender,
    isSenderSet: settings.phoneNumberId !== undefined,
    whatsappStatus,
    metaLook: lookAtMeta,
    tallies,
    presence,
    pacing: createPacing({ redis, keys }),
    unsettled,
    queues: { messages, fallback, receipts },
    redisFacts: () => readRedisFacts(redis, keys.timers(), 'memory'),
    fallbackPercent: FALLBACK_PERCENT,
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
  const audit = createAudit({
    redis,
    keys,
    encryptionKeys: settings.encryptionKeys,
    keptDays: settings.auditKeptDays,
    onEntry: events.auditEntry,
    onError: events.auditFailed,
  })

  const replication = createReplication({
    redis,
    key: keys.timers(),
    replicas: settings.waitReplicas,
    timeoutMs: REPLICATE_WITHIN_MS,
  })
  const acceptMessages = createAcceptMessages({
    admission: createAdmission({
      redis,
      keys,
      encryptionKeys: settings.encryptionKeys,
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
    acceptance: createAcceptance({ redis, keys, prefix, deliverWithinMs }),
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
    now,
  })
  const endByApp = createEndByApp({
    store,
    events,
    audit,
    ...(isGuarding && { guard: createPumpingGuard({ redis, keys }) }),
    ...(settings.recipientCooldownSeconds > 0 && {
      restartCoolDown: createRestartCoolDown({ redis, keys, encryptionKeys: settings.encryptionKeys }),
    }),
  })
  const verify = createVerify({
    verifications: createVerifications({ redis, keys, sealer, encryptionKeys: settings.encryptionKeys }),
    acceptMessages,
    endByApp,
    store,
    fallbackQueue: fallback,
    replication,
    events,
    now,
  })

  const app = await buildApp({
    version,
    logger,
    callers,
    loginGuard: createLoginGuard(),
    onLogin: createLogins({ audit, events }),
    audit,
    acceptMessages,
    endByApp,
    verify,
    listFallbacks: createListFallbacks({ store, fallen, now }),
    revealCode: createRevealCode({ store, fallen, sealer, audit, events }),
    whatsappStatus: () => whatsappStatus(lookAtMeta.look),
    readOverview,
    live,
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
    webhooks: {
      verifyToken: settings.webhookVerifyToken,
      ours: settings,
      appSecrets: async () => sender.app.forReceipts(await accessToken.record()),
      takeReceipts: createTakeReceipts({
        advance: createAdvance({ store, events }),
        queue: receipts,
        redis,
        lastReceiptKey: keys.lastReceipt(),
      }),
      onRefused: events.webhookRefused,
    },
    board: { queues: [messages, fallback, receipts, tokenChecks], allowsWrites: settings.boardWrites },
    trustedProxies: settings.trustedProxies,
    bounds,
    isReady,
  })

  const probes = createProbes({
    metrics,
    isReady,
    async beforeScrape() {
      for (const queue of [messages, fallback, receipts]) {
        const counts = await countJobs(queue)
        for (const [state, count] of Object.entries(counts)) {
          metrics.queueJobs.set({ queue: queue.name, state }, count)
        }
      }
      metrics.tokenExpiresIn.set(await accessToken.secondsLeft())
    },
  })

  const drain = createDrain(app.server, () => app.close())
  const endLastCalls = () => {
    graph.close()
    // Who waits for a renewal of another process is told that it is busy.
    void sender.close()
  }

  const closers: Closer[] = [
    { name: 'redis', close: () => redis.disconnect() },
    { name: 'stall watch', close: () => stalls.close() },
    { name: 'capacity', close: () => capacity.close() },
    { name: 'callers', close: () => callers.close() },
    { name: 'tallies', close: () => tallies.close() },
    { name: 'presence', close: () => presence.close() },
    { name: 'clock', close: () => clock.close() },
    { name: 'graph', close: () => graph.close() },
    { name: 'access token', close: () => sender.close() },
    {
      name: 'queues',
      close: () => Promise.all([messages, fallback, receipts, tokenChecks].map((q) => q.close())),
    },
    { name: 'metrics listener', close: () => probes.close() },
    { name: 'open pages', close: () => live.close() },
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
  capacity.start()
  callers.start()
  // Workers look after the token too. But it must live while there is none, and the status knows it before the first is there.
  accessToken.start()
  sender.lookAfterToken().catch(onError)
  return { app, probes, closers }
}
