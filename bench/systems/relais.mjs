/** Relais, as it is built: real processes, with their default log level, writing to a file. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { eventually, freePort, startNode } from '@relais/testing'
import { createRecords } from './records.mjs'
import { APPS, CONCURRENCY, PHONE_NUMBER_ID, READY_WITHIN_MS } from './settings.mjs'

const STOPS_WITHIN_MS = 20_000
const PREFIX = 'relais'

/** @returns start({ workers, receipts, hasMetrics, env }); all of it ends with `stop`. With metrics there may be one worker. */
export function createRelaisStarter({ dir, redisUrl, metaPort, profile, running, openDatabase }) {
  let started = 0
  return async ({ workers = 0, receipts = false, hasMetrics = false, env: more = {} } = {}) => {
    const { redis, db } = openDatabase()
    const port = await freePort()
    const metricsPorts = hasMetrics ? { api: await freePort(), worker: await freePort() } : {}
    const opsKey = newKey()
    const appSecret = randomBytes(16).toString('hex')
    const apiKeys = Object.fromEntries(APPS.map((app) => [app, newKey()]))
    const env = {
      PORT: String(port),
      REDIS_URL: `${redisUrl}/${db}`,
      QUEUE_PREFIX: PREFIX,
      API_KEYS: APPS.map((app) => `${app}:${apiKeys[app]}`).join(','),
      OPS_KEYS: `awa:${opsKey}`,
      ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
      WHATSAPP_PHONE_NUMBER_ID: PHONE_NUMBER_ID,
      WHATSAPP_BUSINESS_ID: '102290129340398',
      WHATSAPP_APP_ID: '138483919580948',
      WHATSAPP_APP_SECRET: appSecret,
      WHATSAPP_ACCESS_TOKEN: `EAA${newKey()}`,
      WHATSAPP_API_BASE_URL: `http://127.0.0.1:${metaPort}`,
      ...(receipts && { WHATSAPP_WEBHOOK_VERIFY_TOKEN: 'verify', DELIVER_WITHIN_SECONDS: '900' }),
      APP_MAX_WAITING: '0',
      OTP_TTL_SECONDS: '900',
      SEND_RATE_PER_SECOND: '0',
      WORKER_CONCURRENCY: String(CONCURRENCY),
      ...more,
    }
    const start = (app) =>
      startNode(
        `apps/${app}/dist/main.js`,
        { ...env, METRICS_PORT: String(metricsPorts[app] ?? 0) },
        {
          nodeArgs: profile
            ? [
                '--cpu-prof',
                `--cpu-prof-dir=${profile}`,
                `--cpu-prof-name=${app}-${(started += 1)}.cpuprofile`,
              ]
            : [],
          stdoutTo: join(dir, `${app}.log`),
          stopWithinMs: STOPS_WITHIN_MS,
        },
      )
    const api = start('api')
    const pool = []
    await answers(api, port)

    const system = {
      ...createRecords(redis, `${PREFIX}:message:`),
      redis,
      db,
      port,
      headers: bearer(apiKeys[APPS[0]]),
      otherHeaders: bearer(apiKeys[APPS[1]]),
      opsHeaders: bearer(opsKey),
      pageHeaders: { authorization: `Basic ${Buffer.from(`awa:${opsKey}`).toString('base64')}` },
      metricsPorts: Object.values(metricsPorts),
      receipts: receipts && { port, appSecret, path: '/api/webhooks/whatsapp' },
      pids: () => ({ API: [api.pid], worker: pool.map(({ pid }) => pid) }),

      async startWorkers(count) {
        pool.push(...Array.from({ length: count }, () => start('worker')))
      },

      async stopWorkers() {
        await Promise.all(pool.splice(0).map((worker) => worker.stop()))
      },

      async stop() {
        running.delete(system)
        await Promise.all([api, ...pool.splice(0)].map((app) => app.stop()))
        await redis.flushdb()
        redis.disconnect()
      },
    }
    running.add(system)
    await system.startWorkers(workers)
    return system
  }
}

/** An API that ends says why; it is not waited for. */
async function answers(api, port) {
  const isReady = () =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  const ended = api.exited.then(() => {
    throw new Error(`the API ended: ${api.lines().join('\n')}`)
  })
  const ready = eventually(isReady, (isIt) => isIt, { timeoutMs: READY_WITHIN_MS, what: 'the API' })
  await Promise.race([ready, ended])
}

function newKey() {
  return randomBytes(24).toString('hex')
}

function bearer(key) {
  return { authorization: `Bearer ${key}` }
}
