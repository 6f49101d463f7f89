/** Use case: an operator brings a new access token. Meta is asked before it is stored. */
import {
  describeFault,
  type AppCredentials,
  type Events,
  type GraphClient,
  type GraphFault,
  type NewToken,
  type Secret,
  type StoredToken,
  type TokenVault,
} from '@relais/core'

export type UpdateResult =
  | { kind: 'stored'; token: StoredToken }
  | { kind: 'rejected'; reason: string }
  | { kind: 'unreachable'; detail: string }

const NEEDED_SCOPE = 'whatsapp_business_messaging'

/** Two operators at once: each commit replaces the version it read, so the later one reads again. */
const MOST_TRIES = 5

export function createUpdateAccessToken(deps: {
  phoneNumberId: string | undefined
  appId: string | undefined
  appSecret: Secret | undefined
  vault: TokenVault
  graph: GraphClient
  events: Events
  now?: () => number
}) {
  const { vault, graph, now = Date.now } = deps

  /** @param given.appSecret replaces the app secret from now on, if Meta confirms that it belongs to our app */
  return async (given: {
    accessToken: Secret
    appSecret?: Secret
    operator: string
  }): Promise<UpdateResult> => {
    if (!deps.phoneNumberId)
      return rejected('WHATSAPP_PHONE_NUMBER_ID is not set: there is no number to send from')
    if (given.appSecret && !deps.appId) return rejected('an app secret is of no use without WHATSAPP_APP_ID')
    const stored = await vault.read()
    const app = credentials(given.appSecret ?? stored?.appSecret ?? deps.appSecret)
    const life = app ? await confirm(app, given.accessToken) : {}
    if ('kind' in life) return life
    const phone = await graph.phoneNumber(deps.phoneNumberId, given.accessToken)
    if (phone.kind !== 'phone-number') return fromFault(phone, 'this token cannot see the phone number')
    const { accessToken, appSecret } = given
    const token = {
      accessToken,
      source: 'manual' as const,
      obtainedAt: now(),
      ...life,
      ...(appSecret && { appSecret }),
    }
    return store(token, given.operator)
  }

  async function store(token: NewToken, operator: string): Promise<UpdateResult> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const present = await vault.read()
      const done = present ? await vault.commit(present, token) : await vault.bootstrap(token)
      const stored = done ? await vault.read() : undefined
      if (stored) {
        deps.events.tokenUpdated({ ...stored, operator })
        return { kind: 'stored', token: stored }
      }
    }
    return { kind: 'unreachable', detail: 'others are changing the token at the same time' }
  }

  /** What Meta says of the token; its life, or why it will not do. */
  async function confirm(
    app: AppCredentials,
    accessToken: Secret,
  ): Promise<UpdateResult | Pick<NewToken, 'expiresAt'>> {
    const inspected = await graph.inspect(app, accessToken)
    if (inspected.kind !== 'inspected')
      return fromFault(inspected, 'Meta does not take our app id and app secret')
    const { isValid, appId, scopes, expiresAt, error } = inspected
    if (!isValid) return rejected(error?.message ?? 'Meta says that it is not valid')
    if (appId !== undefined && appId !== app.appId)
      return rejected(`it belongs to the app ${appId}, not to ours`)
    if (scopes && !scopes.includes(NEEDED_SCOPE)) return rejected(`it lacks the permission ${NEEDED_SCOPE}`)
    return expiresAt === undefined ? {} : { expiresAt }
  }

  function credentials(appSecret: Secret | undefined): AppCredentials | undefined {
    return deps.appId && appSecret ? { appId: deps.appId, appSecret } : undefined
  }
}

export type UpdateAccessToken = ReturnType<typeof createUpdateAccessToken>

function rejected(reason: string): UpdateResult {
  return { kind: 'rejected', reason }
}

/** A refusal is about the token; no answer, or a fault of Meta's own, says nothing about it. */
function fromFault(fault: GraphFault, meaning: string): UpdateResult {
  const { error } = describeFault(fault)
  const isMetasFault = fault.kind === 'unreachable' || fault.error.statusCode >= 500
  return isMetasFault ? { kind: 'unreachable', detail: error } : rejected(`${meaning}: ${error}`)
}
