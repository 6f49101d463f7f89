/** The API as `main.ts` opens it, without a listener: requests are injected. */
import { randomBytes } from 'node:crypto'
import { openApi, apiSettings, type ApiSettings } from '@relais/api'
import { closeAll, createLogger, readSettings } from '@relais/core'
import { sharedRedisUrl, uniquePrefix } from '@relais/testing'
import { onTestFinished } from 'vitest'

export const APP_KEY = 'wallet-key-0123456789'
export const OTHER_APP_KEY = 'shop-key-0123456789'
export const OPS_KEY = 'ops-key-0123456789'
export const APP_SECRET = '0123456789abcdef'
export const VERIFY_TOKEN = 'verify-token-0123456789'

export async function apiFixture(env: Record<string, string> = {}) {
  const settings: ApiSettings = readSettings(
    {
      REDIS_URL: sharedRedisUrl(),
      QUEUE_PREFIX: uniquePrefix(),
      API_KEYS: `wallet:${APP_KEY},shop:${OTHER_APP_KEY}`,
      OPS_KEYS: `awa:${OPS_KEY}`,
      ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
      WHATSAPP_APP_SECRET: APP_SECRET,
      WHATSAPP_WEBHOOK_VERIFY_TOKEN: VERIFY_TOKEN,
      ...env,
    },
    apiSettings,
  )
  const logger = createLogger({ name: 'api', level: 'silent', isPretty: false })
  const { app, closers } = await openApi(settings, logger, '0.0.0')
  onTestFinished(async () => void (await closeAll(closers, 5000)))

  const post = (body: unknown, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: '/api/messages',
      headers: { authorization: `Bearer ${APP_KEY}`, 'content-type': 'application/json', ...headers },
      payload: typeof body === 'string' ? body : JSON.stringify(body),
    })

  return { app, settings, post }
}
