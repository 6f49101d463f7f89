/** Opens everything the worker needs and closes it again; `main.ts` and the end-to-end tests start here. */
import {
  answersPing,
  comesUp,
  createEvents,
  createGraphClient,
  createKeys,
  createMessageStore,
  createMetrics,
  createPacing,
  createProbes,
  createSealer,
  createSender,
  enqueueTokenCheck,
  openQueue,
  openRedis,
  patientOptions,
  requireReadable,
  sayOnce,
  scheduleTokenChecks,
  type AccessTokenJob,
  type Closer,
  type Logger,
  type MessageJob,
} from '@relais/core'
import type { WorkerSettings } from './config.ts'
import { startConsumers } from './consume.ts'
import { createDeliver } from './deliver.ts'
import { createFallBack } from './fall-back.ts'
import type { FallbackSink } from './fallback-sink.ts'
import { createRecordReceipt } from './record-receipt.ts'
import { createRenewToken } from './renew-token.ts'

/** How long an uncertain send waits for a receipt; fixed by the contract with the apps. */
const UNCERTAIN_WAIT_MS = 8000

/** At the start Redis gets so long to come up before the worker goes on and waits for it. */
const CONNECT_WITHIN_MS = 2000

/** A use that finds the token refused, or its renewal due, asks for a look at it; not more often than this. */
const ASK_AGAIN_MS = 1000

export async function openWorker(settings: WorkerSettings, logger: Logger, sink: FallbackSink) {
  const onError = sayOnce((fault) => logger.warn({ event: 'redis.error', ...fault }, 'Redis fault'))
  const metrics = createMetrics()
  const events = createEvents({ logger, metrics })
  const keys = createKeys(settings.prefix)
  const sealer = createSealer(settings.encryptionKeys)
  const redis = openRedis(settings.redisUrl, patientOptions(), onError)
  const queueOptions = { redis, prefix: settings.prefix, onError }
  const fallbackQueue = openQueue<MessageJob>('fallback', queueOptions)
  const accessTokenQueue = openQueue<AccessTokenJob>('access-token', queueOptions)
  redis.on('ready', () => checkToken('start'))

  const store = createMessageStore({ redis, keys })
  const graph = createGraphClient({
    baseUrl: settings.apiBaseUrl,
    apiVersion: settings.apiVersion,
    timeoutMs: settings.sendTimeoutMs,
    maxSockets: settings.workerConcurrency + 2,
    onCall: (outcome, durationMs) => metrics.graphRequest.observe({ outcome }, durationMs / 1000),
  })
  const sender = createSender({
    settings,
    redis,
    keys,
    sealer,
    authority: graph,
    events,
    onTokenConcern: atMostEvery(ASK_AGAIN_MS, () => checkToken('use')),
  })
  const { vault, renewal, renewBeforeMs } = sender
  const stopping = new AbortController()
  if (await comesUp(redis, CONNECT_WITHIN_MS)) await requireReadable(vault)

  const workers = startConsumers({
    redis,
    prefix: settings.prefix,
    logger,
    onError,
    concurrency: settings.workerConcurrency,
    deliver: createDeliver({
      sender,
      store,
      sealer,
      graph,
      pacing: createPacing({ redis, keys }),
      fallbackQueue,
      events,
      policy: {
        maxAttempts: settings.maxAttempts,
        uncertainWaitMs: UNCERTAIN_WAIT_MS,
        deliverWithinMs: settings.webhookVerifyToken && settings.deliverWithinSeconds * 1000,
      },
      onUncertain: settings.onUncertain,
      stopping: stopping.signal,
    }),
    fallBack: createFallBack({ store, sealer, sink, events, codes: settings.fallbackCodes }),
    recordReceipt: createRecordReceipt({ store, fallbackQueue, events }),
    renewToken: createRenewToken({
      vault,
      renewal,
      events,
      environmentToken: settings.phoneNumberId === undefined ? undefined : settings.accessToken,
      renewBeforeMs,
    }),
  })

  const probes = createProbes({
    metrics,
    isReady: () => answersPing(redis, 500),
    async beforeScrape() {
      const expiresAt = (await vault.read())?.expiresAt
      if (expiresAt) metrics.tokenExpiresIn.set((expiresAt - Date.now()) / 1000)
    },
  })

  const closers: Closer[] = [
    { name: 'redis', close: () => redis.disconnect() },
    { name: 'graph', close: () => graph.close() },
    { name: 'queues', close: () => Promise.all([fallbackQueue.close(), accessTokenQueue.close()]) },
    { name: 'metrics listener', close: () => probes.close() },
    {
      name: 'workers',
      close: () => {
        stopping.abort()
        return Promise.all(workers.map((worker) => worker.close()))
      },
    },
  ]
  return { probes, closers }

  /** Sets the schedule and has the token looked at. Done at each connection, and when it is missing: Redis may be empty. */
  function checkToken(asked: AccessTokenJob['asked']): void {
    scheduleTokenChecks(accessTokenQueue, settings.renewCheckSeconds * 1000)
      .then(() => enqueueTokenCheck(accessTokenQueue, asked, asked))
      .catch(onError)
  }
}

function atMostEvery(ms: number, act: () => void): () => void {
  let lastAt = -Infinity
  return () => {
    if (Date.now() - lastAt < ms) return
    lastAt = Date.now()
    act()
  }
}
