/**
 * Use case: does the template of codes suit the codes? Its time to live is Meta's to keep: a template that lives longer than a code lets
 * Meta deliver dead codes, and one that is not approved lets none out. Looked at when the worker starts and once an hour.
 */
import {
  keepLooking,
  type Events,
  type GraphClient,
  type MessageTemplate,
  type SharedToken,
} from '@relais/core'

const EVERY_MS = 3600_000

/** Without a token, or while Meta does not answer, it is tried again so soon. */
const AGAIN_MS = 60_000

/** Meta's default for authentication templates ("Configure message time-to-live"). */
const DEFAULT_TTL_SECONDS = 600
const THIRTY_DAYS_SECONDS = 30 * 24 * 3600

/** @param deps.template the template of codes, and the life that most codes have */
export function createCheckTemplate(deps: {
  businessId: string | undefined
  accessToken: Pick<SharedToken, 'withAccessToken'>
  graph: Pick<GraphClient, 'templates'>
  template: { name: string; language: string; codeTtlSeconds: number }
  events: Events
}) {
  const { accessToken, graph, template, events } = deps
  let looking: { close: () => void } | undefined

  return {
    once,

    start(onError: (error: Error) => void): void {
      looking = keepLooking(once, (isAnswered) => (isAnswered ? EVERY_MS : AGAIN_MS), onError)
    },

    close: () => looking?.close(),
  }

  /** Looks, and says what is wrong. False: Meta did not tell. */
  async function once(): Promise<boolean> {
    const { businessId } = deps
    if (businessId === undefined) return true
    const answer = await accessToken.withAccessToken(
      (bearer) => graph.templates(businessId, bearer, template.name, ['message_send_ttl_seconds']),
      () => undefined,
    )
    if (answer?.kind !== 'templates') return false
    const found = answer.templates.find(
      ({ name, language }) => name === template.name && language === template.language,
    )
    const fault = found ? faultOf(found) : 'does not exist in this language'
    if (fault) events.templateUnfit({ name: template.name, language: template.language, fault })
    return true
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
