/** The API as `main.ts` opens it, without a listener: requests are injected. */
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { openApi, apiSettings, LIMITS, type ApiSettings, type Limits } from '@relais/api'
import {
  closeAll,
  createKeys,
  createLogger,
  createMessageStore,
  createUnsettled,
  openQueue,
  openRedis,
  readSettings,
  type MessageJob,
} from '@relais/core'
import { sharedRedisUrl, uniquePrefix } from '@relais/testing'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { afterAll, beforeAll, onTestFinished } from 'vitest'

type Answer = Awaited<ReturnType<FastifyInstance['inject']>>

export const APP_KEY = 'wallet-key-0123456789'
export const OTHER_APP_KEY = 'shop-key-0123456789'
export const OPS_KEY = 'ops-key-0123456789'
export const APP_SECRET = '0123456789abcdef'
export const VERIFY_TOKEN = 'verify-token-0123456789'

/** One API for all tests of a file. */
export function apiFixture(env: Record<string, string> = {}, limits: Partial<Limits> = {}) {
  let opened: Awaited<ReturnType<typeof openApi>> | undefined
  const prefix = uniquePrefix()
  beforeAll(async () => {
    const settings: ApiSettings = readSettings({ ...environment(prefix), ...env }, apiSettings)
    const logger = createLogger({ name: 'api', level: 'silent', isPretty: false })
    opened = await openApi(settings, logger, '0.0.0', { ...LIMITS, ...limits })
  })
  afterAll(async () => {
    if (opened) await closeAll(opened.closers, 5000)
  })

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
      return {
        redis,
        queue,
        store: createMessageStore({ redis, keys }),
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
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    WHATSAPP_APP_SECRET: APP_SECRET,
    WHATSAPP_WEBHOOK_VERIFY_TOKEN: VERIFY_TOKEN,
  }
}
