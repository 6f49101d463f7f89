/** `doctor`: every check there is. One that cannot be made does not keep the others from being made. */
import type { Environment } from '@relais/core'
import { askMeta } from '../ask-meta.ts'
import { renderChecks } from '../check-view.ts'
import { skipped, worst, type Check } from '../checks/check.ts'
import { exchangeThroughApi } from '../checks/exchange.ts'
import { checkSettings } from '../checks/settings.ts'
import { judgeReceipts } from '../checks/webhook.ts'
import { lookAtRedis } from '../look-at-redis.ts'
import type { Paint } from '../paint.ts'
import { json } from '../printable.ts'

const EXIT_CODES = { ok: 0, warn: 1, fail: 2 } as const
const EXIT_CONFIG = 78

/** Answers the exit code. */
export async function runDoctor(deps: {
  environment: Environment
  mayExchange: boolean
  isJson: boolean
  paint: Paint
  print: (text: string) => void
  now?: () => number
}): Promise<number> {
  const { environment, isJson, paint, print } = deps
  const { settings: settingsChecks, others } = await collect(deps)
  const checks = [...settingsChecks, ...others]
  const result = worst(checks)
  const exitCode = worst(settingsChecks) === 'fail' ? EXIT_CONFIG : EXIT_CODES[result]
  print(isJson ? json({ result, exitCode, checks }) : renderChecks(checks, paint))
  return exitCode

  async function collect({ mayExchange, now = Date.now }: typeof deps) {
    const { settings, checks } = checkSettings(environment)
    // First, so that the others see what it led to.
    const exchange: Check = mayExchange
      ? await exchangeThroughApi(environment)
      : skipped('exchange', 'not asked for: --exchange renews the token for real')
    const { record, lastReceiptAt, checks: redisChecks } = await lookAtRedis(settings)
    const receipts = judgeReceipts({
      isExpected: settings.webhookVerifyToken !== undefined,
      hasAppSecret: settings.appSecret !== undefined || record?.appSecret !== undefined,
      lastReceiptAt,
      now: now(),
    })
    const metaChecks = await askMeta(settings, record, now())
    return { settings: checks, others: [...redisChecks, ...metaChecks, receipts, exchange] }
  }
}
