/** Opens everything the worker needs and closes it again; `main.ts` and the end-to-end tests start here. */
import {
  answersPing,
  comesUp,
  createAdvance,
  createAgeSeal,
  createCallbackOutbox,
  createCallbackSettings,
  createClaims,
  createClock,
  createEvents,
  createGauges,
  createGraphClient,
  createKeys,
  createLogLevel,
  createMessageStore,
  createMetrics,
  createPacing,
  createPairBudget,
  createPauses,
  createPostCallback,
  createPresence,
  createProbes,
  createPumpingGuard,
  createReplication,
  createSampling,
  createSealer,
  createSender,
  createTallies,
  createUnsettled,
  ensureTokenChecks,
  keyPrefix,
  LAST_CALLS_MS,
  openQueue,
  openRedis,
  readRedisFacts,
  redisTarget,
  requireFit,
  requireReadable,
  sayLeftOut,
  sayOnce,
  scheduleTokenChecks,
  VERSION,
  watchForStalls,
  type AccessTokenJob,
  type CallbackJob,
  type Closer,
  type Logger,
  type MessageJob,
  type ProcessFacts,
  type ReceiptsJob,
  type StepPolicy,
  type Tracing,
} from '@relais/core'
import { setMaxListeners } from 'node:events'
import type { WorkerSettings } from './config.ts'
import { createCheckTemplate } from './check-template.ts'
import { createCircuitBreaker } from './circuit-breaker.ts'
import { startConsumers } from './consume.ts'
import { createDeliverAlone } from './deliver-alone.ts'
import { createDeliverTest } from './deliver-test.ts'
import { createDeliverCallbacks } from './deliver-callbacks.ts'
import { createDeliver } from './deliver.ts'
import { createEndMessage } from './end-message.ts'
import { createFallBack } from './fall-back.ts'
import type { FallbackSink } from './fallback-sink.ts'
import { createRecordNotice } from './record-notice.ts'
import { createRecordReceipt } from './record-receipt.ts'
import { createSweep } from './sweep.ts'
import { createThroughput } from './throughput.ts'

/** So many messages are in hand for each that may be at Meta: while some are sent, others are fetched, claimed and noted. */
const JOBS_PER_SEND = 2

/** How long an uncertain send waits for a receipt; fixed by the contract with the apps. */
const UNCERTAIN_WAIT_MS = 8000

/** A send that has its answer is noted so soon. */
const NOTED_WITHIN_MS = 1000

/** Replicas, where they are waited for, get so long to hear of a claim. */
const REPLICATE_WITHIN_MS = 200

/** At the start Redis gets so long to come up before the worker goes on and waits for it. */
const CONNECT_WITHIN_MS = 2000

/** The schedule of the token's job is looked for so often: Redis may lose it. */
const ENSURE_SCHEDULE_MS = 10_000

export async function openWorker(
  settings: WorkerSettings,
  logger: Logger,
  sink: FallbackSink,
  tracing?: Tracing,
) {
  const onError = sayOnce((fault) => logger.warn({ event: 'redis.error', ...fault }, 'Redis fault'))
  const metrics = createMetrics()
  metrics.expectTemplate(settings.otpTemplate, settings.templateLanguage)
  const prefix = keyPrefix(settings)
  const keys = createKeys(prefix)
  const { encryptionKeys } = settings
  const sealer = createSealer(encryptionKeys)
  const redis = openRedis(redisTarget(settings), 'patient', onError, 'relais-worker')
  const { fallbackCodes: codes, fallbackPublicKey } = settings
  const sealToOperators = fallbackPublicKey && (await createAgeSeal(fallbackPublicKey))
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
  const messageQueue = openQueue<MessageJob>('messages', queueOptions)
  const fallbackQueue = openQueue<MessageJob>('fallback', queueOptions)
  const receiptsQueue = openQueue<ReceiptsJob>('receipts', queueOptions)
  const accessTokenQueue = openQueue<AccessTokenJob>('access-token', queueOptions)
  const callbackQueue = openQueue<CallbackJob>('callbacks', queueOptions)

  const deliverWithinMs = settings.webhookVerifyToken && settings.deliverWithinSeconds * 1000
  const store = createMessageStore({ redis, keys, encryptionKeys, deliverWithinMs, now })
  const unsettled = createUnsettled({ redis, keys, now })
  const graph = createGraphClient({
    baseUrl: settings.apiBaseUrl,
    apiVersion: settings.apiVersion,
    timeoutMs: settings.sendTimeoutMs,
    maxSockets: settings.workerConcurrency + 2,
    appSecretProof: settings.appSecretProof,
    onCall: events.providerCalled,
  })
  const sender = createSender({ settings, redis, keys, sealer, authority: graph, events, onError })
  const { accessToken, lookAfterToken } = sender
  const stalls = watchForStalls(events.processStalled)
  const stopping = new AbortController()
  // Every message that waits listens for it.
  setMaxListeners(0, stopping.signal)
  if (await comesUp(redis, keys.timers(), CONNECT_WITHIN_MS)) {
    requireFit(await facts().catch(() => undefined))
    await requireReadable(sender.vault, Date.now())
  }
  clock.start()
  tallies.start(onError)
  logLevel.start()
  accessToken.start()
  const everyMs = settings.renewCheckSeconds * 1000
  const schedule = () => void scheduleTokenChecks(accessTokenQueue, everyMs).catch(onError)
  const ensure = () => void ensureTokenChecks(accessTokenQueue, everyMs).catch(onError)
  redis.on('ready', schedule)
  if (redis.status === 'ready') schedule()
  const ensuring = setInterval(ensure, ENSURE_SCHEDULE_MS).unref()
  lookAfterToken().catch(onError)

  const policy: StepPolicy = {
    maxAttempts: settings.maxAttempts,
    uncertainWaitMs: settings.webhookVerifyToken ? UNCERTAIN_WAIT_MS : 0,
    sendingMs: settings.sendTimeoutMs + NOTED_WITHIN_MS,
    deliverWithinMs,
  }
  const pauses = createPauses({
    redis,
    keys,
    senderId: sender.phoneNumberId,
    now,
    onChange: events.pauseChanged,
  })
  const pacing = createPacing({ redis, keys })
  const pairBudget = createPairBudget({ redis, keys, senderId: sender.phoneNumberId })
  const throughput = createThroughput({ sender, graph, pacing, events })
  throughput.start(onError)
  const guard = settings.pumpingGuard === 'off' ? undefined : createPumpingGuard({ redis, keys })
  const end = createEndMessage({ store, fallbackQueue, events, guard })
  const breaker = createCircuitBreaker({ events, stopping: stopping.signal })
  const presence = createPresence({ redis, keys, facts: describeWorker, now })
  presence.start(onError)
  const sweep = createSweep({
    store,
    unsettled,
    accessToken,
    breaker,
    messageQueue,
    fallbackQueue,
    end,
    events,
    policy,
    onError,
    now,
  })
  sweep.start()

  const template = createCheckTemplate({
    businessId: settings.businessId,
    accessToken,
    graph,
    template: {
      name: settings.otpTemplate,
      language: settings.templateLanguage,
      codeTtlSeconds: settings.otpTtlSeconds,
    },
    events,
  })
  template.start(onError)

  const deliver = createDeliver({
    sender,
    store,
    sealer,
    graph,
    pacing,
    claims: createClaims({ redis, keys, pacing, now }),
    pairBudget,
    pauses,
    breaker,
    end,
    deliverTest: createDeliverTest({ store, end, now }),
    events,
    policy,
    onUncertain: settings.onUncertain,
    mostSends: settings.workerConcurrency,
    mostInHand: Math.ceil(settings.workerConcurrency / 2),
    replication: createReplication({
      redis,
      key: keys.timers(),
      replicas: settings.waitReplicas,
      timeoutMs: REPLICATE_WITHIN_MS,
    }),
    stopping: stopping.signal,
    onError,
    tracing,
    now,
  })

  const postCallback = createPostCallback({ isPrivateAllowed: settings.callbackAllowPrivate })
  const deliverCallbacks = createDeliverCallbacks({
    settings: createCallbackSettings({ redis, keys, sealer, now }),
    outbox: createCallbackOutbox({ redis, keys }),
    queue: callbackQueue,
    post: postCallback.post,
    events,
    stopping: stopping.signal,
    onError,
    now,
  })
  deliverCallbacks.start()

  const workers = startConsumers({
    redis,
    prefix,
    logger,
    onError,
    concurrency: settings.workerConcurrency * JOBS_PER_SEND,
    deliver,
    deliverAlone: createDeliverAlone({ store, unsettled, end, deliver, events }),
    fallBack: createFallBack({ store, sealer, sink, events, codes, sealToOperators, guard, now }),
    recordReceipt: createRecordReceipt({
      store,
      advance: createAdvance({ store, events, tracing }),
      end,
      pauses,
      events,
      tracing,
    }),
    recordNotice: createRecordNotice({ store, pauses, events, guard }),
    lookAfterToken,
    deliverCallbacks,
    tracing,
  })

  function describeWorker(): ProcessFacts {
    const openForMs = breaker.openForMs()
    const outage = openForMs !== undefined && { outageSince: Math.round(now() - openForMs) }
    return { name: 'worker', version: VERSION, ...outage }
  }

  const gauges = createGauges({
    metrics,
    redis,
    key: keys.timers(),
    lastReceiptKey: keys.lastReceipt(),
    queues: [messageQueue, fallbackQueue, receiptsQueue],
    fallback: fallbackQueue,
    unsettled,
    pauses,
    pacing,
    sender,
    receiptsExpected: settings.webhookVerifyToken !== undefined,
    now,
  })
  const probes = createProbes({
    metrics,
    isReady: async () => !stopping.signal.aborted && (await answersPing(redis, keys.timers(), 500)),
    async beforeScrape() {
      metrics.providerUnreachable.set(breaker.isOpen() ? 1 : 0)
      await gauges.refresh()
    },
  })

  const closers: Closer[] = [
    { name: 'tracing', close: () => tracing?.close() },
    { name: 'redis', close: () => redis.disconnect() },
    { name: 'stall watch', close: () => stalls.close() },
    { name: 'tallies', close: () => tallies.close() },
    { name: 'presence', close: () => presence.close() },
    { name: 'clock', close: () => clock.close() },
    { name: 'log level', close: () => logLevel.close() },
    { name: 'graph', close: () => graph.close() },
    { name: 'access token', close: () => sender.close() },
    { name: 'template check', close: () => template.close() },
    { name: 'throughput check', close: () => throughput.close() },
    { name: 'callbacks', close: () => postCallback.close() },
    {
      name: 'queues',
      close: () =>
        Promise.all(
          [messageQueue, fallbackQueue, receiptsQueue, accessTokenQueue, callbackQueue].map((queue) =>
            queue.close(),
          ),
        ),
    },
    { name: 'metrics listener', close: () => probes.close() },
    {
      name: 'workers',
      close: () => {
        clearInterval(ensuring)
        stopping.abort()
        deliverCallbacks.close()
        return Promise.all([sweep.close(), ...workers.map((worker) => worker.close())])
      },
    },
    { name: 'last calls', close: () => void setTimeout(() => graph.close(), LAST_CALLS_MS).unref() },
  ]
  return { probes, closers }
}
