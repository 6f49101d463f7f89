/**
 * Use case: does the template of codes suit the codes? Its time to live is Meta's to keep: a template that lives longer than a code lets
 * Meta deliver dead codes, and one that is not approved lets none out. Looked at when the worker starts and once an hour, by one worker.
 */
import type { Events, GraphClient, Keys, MessageTemplate, SharedToken } from '@relais/core'
import type { Redis } from 'ioredis'

const EVERY_MS = 3600_000

/** Meta's default for authentication templates ("Configure message time-to-live"). */
const DEFAULT_TTL_SECONDS = 600
const THIRTY_DAYS_SECONDS = 30 * 24 * 3600

/** @param deps.template the template of codes, and the life that most codes have */
export function createCheckTemplate(deps: {
  redis: Redis
  keys: Keys
  senderId: string
  businessId: string | undefined
  accessToken: Pick<SharedToken, 'withAccessToken'>
  graph: Pick<GraphClient, 'templates'>
  template: { name: string; language: string; codeTtlSeconds: number }
  events: Events
}) {
  const { redis, keys, accessToken, graph, template, events } = deps
  let timer: NodeJS.Timeout | undefined

  return {
    once,

    start(onError: (error: Error) => void): void {
      const look = () => void once().catch(onError)
      timer = setInterval(look, EVERY_MS).unref()
      look()
    },

    close: () => clearInterval(timer),
  }

  /** Looks, unless another worker did within the hour, and says what is wrong. */
  async function once(): Promise<void> {
    const { businessId } = deps
    if (businessId === undefined) return
    const key = keys.templateCheck(deps.senderId)
    if ((await redis.set(key, '1', 'PX', EVERY_MS - 1000, 'NX')) !== 'OK') return
    const answer = await accessToken.withAccessToken(
      (bearer) => graph.templates(businessId, bearer, template.name, ['message_send_ttl_seconds']),
      () => undefined,
    )
    // Meta could not be asked: the next worker may.
    if (answer?.kind !== 'templates') return void (await redis.del(key))
    const found = answer.templates.find(
      ({ name, language }) => name === template.name && language === template.language,
    )
    const fault = found ? faultOf(found) : 'does not exist in this language'
    if (fault) events.templateUnfit({ name: template.name, language: template.language, fault })
  }

  function faultOf(found: Pick<MessageTemplate, 'status' | 'ttlSeconds'>): string | undefined {
    if (found.status !== 'APPROVED') return `is ${found.status}, not APPROVED`
    if (found.ttlSeconds === undefined) return undefined
    const meant = found.ttlSeconds ?? DEFAULT_TTL_SECONDS
    const ttlSeconds = meant === -1 ? THIRTY_DAYS_SECONDS : meant
    const { codeTtlSeconds } = template
    if (ttlSeconds <= codeTtlSeconds) return undefined
    return `lives for ${ttlSeconds} s at Meta, a code for ${codeTtlSeconds} s: codes may arrive dead`
  }
}
