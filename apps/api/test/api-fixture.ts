/** The API as `main.ts` opens it, without a listener: requests are injected. */
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { openApi, apiSettings, BOUNDS, type ApiSettings, type Bounds } from '@relais/api'
import {
  APP_SCOPES,
  closeAll,
  createKeys,
  createLogger,
  createMessageStore,
  createUnsettled,
  openQueue,
  openRedis,
  readSettings,
  Secret,
  type AppCaller,
  type MessageJob,
} from '@relais/core'
import { freePort, sharedRedisUrl, uniquePrefix } from '@relais/testing'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { afterAll, beforeAll, onTestFinished } from 'vitest'

type Answer = Awaited<ReturnType<FastifyInstance['inject']>>

export const APP_KEY = 'wallet-key-0123456789'
export const OTHER_APP_KEY = 'shop-key-0123456789'
export const OPS_KEY = 'ops-key-0123456789'
export const ENCRYPTION_KEY: string = randomBytes(32).toString('base64')
export const APP_SECRET = '0123456789abcdef'
export const VERIFY_TOKEN = 'verify-token-0123456789'

/** The app of `APP_KEY`, as use cases know it. */
export const WALLET: AppCaller = {
  kind: 'app',
  name: 'wallet',
  keyId: 'API_KEYS#1',
  scopes: APP_SCOPES,
  mode: 'live',
  recipients: [],
}

/** One API for all tests of a file. With the QUEUE_PREFIX of another it is one more door to the same messages. */
export function apiFixture(env: Record<string, string> = {}, bounds: Partial<Bounds> = {}) {
  let opened: Awaited<ReturnType<typeof openApi>> | undefined
  let metricsUrl: string | undefined
  const lines: string[] = []
  const prefix = env['QUEUE_PREFIX'] ?? uniquePrefix()
  beforeAll(async () => {
    const settings: ApiSettings = readSettings({ ...environment(prefix), ...env }, apiSettings)
    const logger = createLogger({ name: 'api', level: 'silent', isPretty: false })
    const keep = (line: unknown) => void lines.push(JSON.stringify(line))
    Object.assign(logger, { debug: keep, info: keep, warn: keep, error: keep })
    opened = await openApi(settings, logger, '0.0.0', { bounds: { ...BOUNDS, ...bounds } })
  })
  const close = async () => {
    if (opened) await closeAll(opened.closers, 5000)
    opened = undefined
  }
  afterAll(close)

  const inject = (request: InjectOptions | string): Promise<Answer> => {
    if (!opened) throw new Error('the API has not started')
    return opened.app.inject(request)
  }
  /** Posts JSON as the app `wallet`, unless the headers say otherwise. */
  const postTo = (url: string, body: unknown, headers: Record<string, string> = {}) =>
    inject({
      method: 'POST',
      url,
      headers: { authorization: `Bearer ${APP_KEY}`, 'content-type': 'application/json', ...headers },
      payload: typeof body === 'string' ? body : JSON.stringify(body),
    })

  return {
    inject,
    close,

    /** Every route, with what it takes. */
    async accessTable() {
      if (!opened) throw new Error('the API has not started')
      await opened.app.ready()
      return opened.app.accessTable
    },

    /** All that it has logged, as JSON lines. */
    logged: () => lines.join('\n'),

    /** What /metrics answers. */
    async metrics(): Promise<string> {
      if (!opened) throw new Error('the API has not started')
      if (!metricsUrl) {
        const port = await freePort()
        await opened.probes.listen(port, '127.0.0.1')
        metricsUrl = `http://127.0.0.1:${port}/metrics`
      }
      return (await fetch(metricsUrl)).text()
    },

    prefix,
    postTo,
    post: (body: unknown, headers?: Record<string, string>) => postTo('/api/messages', body, headers),
    keys: createKeys(prefix),

    /** Has the API listen as well, for requests that are none; its port. */
    async listen(): Promise<number> {
      if (!opened) throw new Error('the API has not started')
      await opened.app.listen({ port: 0, host: '127.0.0.1' })
      return (opened.app.server.address() as AddressInfo).port
    },

    /** The Redis of the API, and its queue of messages, for the time of a test. */
    inside() {
      const redis = openRedis({ kind: 'single', url: sharedRedisUrl() }, 'patient', () => undefined)
      const queue = openQueue<MessageJob>('messages', { redis, prefix, onError: () => undefined })
      onTestFinished(async () => {
        await queue.close()
        redis.disconnect()
      })
      const keys = createKeys(prefix)
      const encryptionKeys = [{ id: 'k1', key: new Secret(ENCRYPTION_KEY) }]
      return {
        redis,
        queue,
        store: createMessageStore({ redis, keys, encryptionKeys }),
        unsettled: createUnsettled({ redis, keys }),
      }
    },
  }
}

function environment(prefix: string): Record<string, string> {
  return {
    REDIS_URL: sharedRedisUrl(),
    QUEUE_PREFIX: prefix,
    API_KEYS: `wallet:${APP_KEY},shop:${OTHER_APP_KEY}`,
    OPS_KEYS: `awa:${OPS_KEY}`,
    ENCRYPTION_KEYS: `k1:${ENCRYPTION_KEY}`,
    WHATSAPP_APP_SECRET: APP_SECRET,
    WHATSAPP_WEBHOOK_VERIFY_TOKEN: VERIFY_TOKEN,
  }
}
