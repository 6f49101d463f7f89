/** The twin: BullMQ, a route and an HTTP client, with nothing around them; of the same shape as Relais. */
import { randomBytes } from 'node:crypto'
import { freePort, startNode } from '@relais/testing'
import { createRecords } from './records.mjs'
import { CONCURRENCY, PHONE_NUMBER_ID, READY_WITHIN_MS } from './settings.mjs'

/** @returns start({ workers, client, receipts, keepsJobs }); `client` is `axios` or `request` */
export function createBareStarter({ redisUrl, metaPort, running, openDatabase }) {
  return async ({ workers = 0, client = 'axios', receipts = false, keepsJobs = false } = {}) => {
    const { redis, db } = openDatabase()
    const port = await freePort()
    const appSecret = randomBytes(16).toString('hex')
    const env = {
      PORT: String(port),
      REDIS_URL: `${redisUrl}/${db}`,
      APP_SECRET: appSecret,
      META_URL: `http://127.0.0.1:${metaPort}/v26.0/${PHONE_NUMBER_ID}/messages`,
      CLIENT: client,
      CONCURRENCY: String(CONCURRENCY),
      KEEPS_JOBS: keepsJobs ? '1' : '',
    }
    const start = async (script) => {
      const app = startNode(`bench/processes/${script}.mjs`, env)
      await app.waitForLine((line) => line === 'ready', READY_WITHIN_MS)
      return app
    }
    const api = await start('bare-api')
    const pool = []

    const system = {
      ...createRecords(redis, 'message:'),
      redis,
      db,
      port,
      headers: { authorization: `Bearer ${'a'.repeat(48)}` },
      receipts: receipts && { port, appSecret, path: '/api/webhooks/whatsapp' },
      pids: () => ({ API: [api.pid], worker: pool.map(({ pid }) => pid) }),

      async startWorkers(count) {
        pool.push(...(await Promise.all(Array.from({ length: count }, () => start('bare-worker')))))
      },

      /** As abruptly as it has no way to end: what is in its hands stays there. */
      async stopWorkers() {
        await Promise.all(pool.splice(0).map((worker) => worker.kill()))
      },

      async stop() {
        running.delete(system)
        await Promise.all([api, ...pool.splice(0)].map((app) => app.kill()))
        await redis.flushdb()
        redis.disconnect()
      },
    }
    running.add(system)
    await system.startWorkers(workers)
    return system
  }
}
