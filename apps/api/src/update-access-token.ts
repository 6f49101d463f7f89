/** Use case: an operator brings a new access token. Meta is asked before it is stored. */
import {
  checked,
  describeFault,
  factsOf,
  reasonToReject,
  saysNothing,
  type AppCredentials,
  type Bearer,
  type Events,
  type GraphClient,
  type GraphFault,
  type NewToken,
  type Secret,
  type Sender,
  type StoredToken,
  type TokenFacts,
} from '@relais/core'

export type UpdateResult =
  | { kind: 'stored'; token: StoredToken; warnings: string[] }
  | { kind: 'rejected'; reason: string }
  | { kind: 'unreachable'; detail: string }

type Update = { accessToken: Secret; appSecret?: Secret; operator: string }

/** Two operators at once: each commit adds to the record it read, so the later one reads again. */
const MOST_TRIES = 5

export function createUpdateAccessToken(deps: {
  phoneNumberId: string | undefined
  sender: Pick<Sender, 'vault' | 'app'>
  graph: Pick<GraphClient, 'inspect' | 'phoneNumber'>
  events: Events
  ensureRecord: () => Promise<void>
  now?: () => number
}) {
  const { graph, now = Date.now } = deps
  const { vault, app } = deps.sender

  /** @param given.appSecret replaces the app secret from now on, if Meta confirms that it belongs to our app */
  return async (given: Update): Promise<UpdateResult> => {
    if (!deps.phoneNumberId)
      return rejected('WHATSAPP_PHONE_NUMBER_ID is not set: there is no number to send from')
    if (given.appSecret && app.appId === undefined)
      return rejected('an app secret is of no use without WHATSAPP_APP_ID')
    await deps.ensureRecord()
    const brought = given.appSecret && app.brought(given.appSecret)
    const credentials = app.of(brought ? { appSecret: brought } : await vault.read())
    const facts = credentials ? await confirm(credentials, given.accessToken) : {}
    if ('kind' in facts) return facts
    const fault = await probe(deps.phoneNumberId, given.accessToken, credentials)
    if (fault) return fault
    const { accessToken, operator } = given
    const token = { accessToken, source: 'manual' as const, obtainedAt: now(), ...facts }
    return store(token, { operator, brought, isChecked: credentials !== undefined })
  }

  async function store(
    token: NewToken,
    how: { operator: string; brought: ReturnType<typeof app.brought> | undefined; isChecked: boolean },
  ): Promise<UpdateResult> {
    const { operator, brought: appSecret, isChecked } = how
    const at = now()
    const options = {
      manualAt: at,
      ...(appSecret && { appSecret }),
      ...(isChecked && { lastCheck: checked(at) }),
    }
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const record = await vault.read()
      const done = record ? await vault.commit(record, token, options) : await vault.bootstrap(token, options)
      if (!done) continue
      const stored = { ...token, version: (record?.version ?? 0) + 1 }
      deps.events.tokenUpdated(stored, operator)
      return { kind: 'stored', token: stored, warnings: warningsFor(token) }
    }
    return { kind: 'unreachable', detail: 'others are changing the token at the same time' }
  }

  /** What Meta says of the token, or why it will not do. */
  async function confirm(
    credentials: AppCredentials,
    accessToken: Secret,
  ): Promise<UpdateResult | TokenFacts> {
    const inspected = await graph.inspect(credentials, accessToken)
    if (inspected.kind !== 'inspected')
      return fromFault(inspected, 'Meta does not take our app id and app secret')
    const reason = reasonToReject(inspected, credentials.appId)
    return reason === undefined ? factsOf(inspected) : rejected(reason)
  }

  /** Can it see the number that sends? Without an app secret this is all that can be asked. */
  async function probe(
    phoneNumberId: string,
    accessToken: Secret,
    credentials: AppCredentials | undefined,
  ): Promise<UpdateResult | undefined> {
    const bearer: Bearer = { accessToken, ...(credentials && { appSecret: credentials.appSecret }) }
    const phone = await graph.phoneNumber(phoneNumberId, bearer)
    if (phone.kind === 'phone-number') return undefined
    return fromFault(phone, 'this token cannot see the phone number')
  }
}

export type UpdateAccessToken = ReturnType<typeof createUpdateAccessToken>

/** What an operator should know of a token that was stored all the same. */
function warningsFor({ type, expiresAt }: NewToken): string[] {
  const warnings: string[] = []
  if (type === 'USER') {
    warnings.push(
      'This is the token of a person (USER): Meta may answer 131005 to sends with it. Use the token of a system user.',
    )
  }
  if (expiresAt === undefined) {
    warnings.push(
      'Its life is not known, so it cannot be renewed in time: set WHATSAPP_APP_ID and WHATSAPP_APP_SECRET.',
    )
  }
  return warnings
}

function rejected(reason: string): UpdateResult {
  return { kind: 'rejected', reason }
}

/** A refusal is about the token; no answer, or a fault of Meta's own, says nothing about it. */
function fromFault(fault: GraphFault, meaning: string): UpdateResult {
  const { error } = describeFault(fault)
  return saysNothing(fault) ? { kind: 'unreachable', detail: error } : rejected(`${meaning}: ${error}`)
}
