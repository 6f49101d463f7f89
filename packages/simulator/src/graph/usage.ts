import type { Refusal } from './reply.ts'
import type { Account } from '../world/account.ts'
import { createCallCount, type CallCount } from '../world/call-count.ts'

const ACTIVE_CALLS_PER_HOUR = 5000
const INACTIVE_CALLS_PER_HOUR = 200
/** `X-App-Usage` comes from this share of the limit on. */
const SHOWN_FROM_PERCENT = 10

/**
 * How much of the hour's calls the app and the business have used. Refused calls count too: going on prolongs the
 * refusal.
 */
export function createUsage(deps: { businessId: string; account: Account; now: () => number }) {
  const { account } = deps
  const app = createCallCount(deps)
  const management = createCallCount(deps)

  function managementLimit(): number {
    const { business, numbers } = account.read()
    if (business.managementCallsPerHour !== null) return business.managementCallsPerHour
    const isActive = numbers.some(({ isRegistered, status }) => isRegistered && status !== 'DELETED')
    return isActive ? ACTIVE_CALLS_PER_HOUR : INACTIVE_CALLS_PER_HOUR
  }

  function take(count: CallCount, limit: number, graphCode: number): Refusal | undefined {
    if (limit === 0) return undefined
    count.add()
    if (count.total() <= limit) return undefined
    const { hasRetryAfter } = account.read().limits
    return {
      graphCode,
      ...(hasRetryAfter ? { retryAfterSeconds: 60 * count.minutesUntilBelow(limit) } : {}),
    }
  }

  return {
    /** Counts one call of the app: 4 once its hour is used up. */
    takeAppCall: (): Refusal | undefined => take(app, account.read().app.callsPerHour, 4),
    /** Counts one management call: 80008 once the hour of the business is used up. */
    takeManagementCall: (): Refusal | undefined => take(management, managementLimit(), 80008),
    /** `X-App-Usage`, or nothing while the load is small. */
    appHeader(): string | undefined {
      const limit = account.read().app.callsPerHour
      const percent = limit === 0 ? 0 : percentOf(app, limit)
      if (percent < SHOWN_FROM_PERCENT) return undefined
      return JSON.stringify({ call_count: percent, total_time: percent, total_cputime: percent })
    },
    /** `X-Business-Use-Case-Usage` */
    businessHeader(): string {
      const limit = managementLimit()
      const percent = limit === 0 ? 0 : percentOf(management, limit)
      const use = {
        type: 'whatsapp_business_management',
        call_count: percent,
        total_cputime: percent,
        total_time: percent,
        estimated_time_to_regain_access: percent < 100 ? 0 : management.minutesUntilBelow(limit),
      }
      return JSON.stringify({ [deps.businessId]: [use] })
    },
    reset(): void {
      app.reset()
      management.reset()
    },
  }
}

export type Usage = ReturnType<typeof createUsage>

function percentOf(count: CallCount, limit: number): number {
  return Math.ceil((100 * count.total()) / limit)
}
