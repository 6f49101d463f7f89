/** Getting an access token that will do, and trading a short-lived one for a long one. */
import {
  describeFault,
  fingerprint,
  type Secret,
  type AppCredentials,
  type GraphClient,
  type InspectedToken,
} from '@relais/core'
import { SENDING_SCOPE, READING_SCOPE } from '../checks/token.ts'
import { day } from '../times.ts'
import type { Conversation } from './conversation.ts'
import { accessTokenFormat } from './formats.ts'

/** A token that ends sooner is offered to be exchanged. */
const SHORT_MS = 30 * 86_400_000

type Deps = {
  talk: Conversation
  graph: Pick<GraphClient, 'inspect' | 'exchange'>
  app: AppCredentials
  now: () => number
}

/** Asks until the token will do. @param present the token that Enter keeps */
export async function askToken(deps: Deps, present: Secret | undefined): Promise<Secret> {
  const { talk, graph, app } = deps
  for (;;) {
    const given = await talk.askSecret('tokenAsk', present, accessTokenFormat(app.appSecret.reveal()))
    const inspected = await talk.untilAnswered(() => graph.inspect(app, given))
    if (inspected.kind === 'refused') talk.complain('tokenDead', { error: describeFault(inspected).error })
    else if (await willDo(deps, given, inspected)) {
      const token = await withLongLife(deps, given, inspected)
      if (token) return token
    }
  }
}

async function willDo({ talk, app }: Deps, given: Secret, inspected: InspectedToken): Promise<boolean> {
  const { isValid, appId = app.appId, scopes, type, error } = inspected
  if (!isValid) return no('tokenDead', { error: error?.message ?? '190' })
  if (appId !== app.appId) return no('tokenForeign', { other: appId, app: app.appId })
  if (scopes && !scopes.includes(SENDING_SCOPE)) return no('tokenNoSending')
  talk.good('tokenGood', { fingerprint: fingerprint(given), life: lifeOf(talk, inspected.expiresAt) })
  if (scopes && !scopes.includes(READING_SCOPE) && !(await anyway('tokenNoReading'))) return false
  return type !== 'USER' || anyway('tokenOfPerson')

  function no(key: Parameters<Conversation['complain']>[0], values?: Record<string, string>): false {
    talk.complain(key, values)
    return false
  }

  function anyway(key: Parameters<Conversation['complain']>[0]): Promise<boolean> {
    talk.complain(key)
    return talk.confirm('useAnyway', false)
  }
}

/** The token itself, or what it was exchanged for. Undefined: another is to be given. */
async function withLongLife(
  { talk, graph, app, now }: Deps,
  given: Secret,
  { expiresAt, type }: InspectedToken,
): Promise<Secret | undefined> {
  if (typeof expiresAt !== 'number' || expiresAt - now() > SHORT_MS) return given
  const end = day(new Date(expiresAt).toISOString())
  if (!(await talk.confirm('exchangeOffer', true, { end }))) return given
  const exchanged = await talk.untilAnswered(() =>
    graph.exchange(app, given, { forSystemUser: type !== 'USER' }),
  )
  if (exchanged.kind === 'refused') {
    talk.complain('exchangeRefused', { error: describeFault(exchanged).error })
    return (await talk.confirm('keepShort', false)) ? given : undefined
  }
  const { accessToken } = exchanged
  const inspected = await talk.untilAnswered(() => graph.inspect(app, accessToken))
  if (inspected.kind === 'refused' || !inspected.isValid) {
    const error =
      inspected.kind === 'refused' ? describeFault(inspected).error : (inspected.error?.message ?? '190')
    talk.complain('tokenDead', { error })
    return undefined
  }
  talk.good('exchanged', { fingerprint: fingerprint(accessToken), life: lifeOf(talk, inspected.expiresAt) })
  return accessToken
}

function lifeOf({ say }: Conversation, expiresAt: number | null | undefined): string {
  if (expiresAt === null) return say('lifeEndless')
  if (expiresAt === undefined) return say('lifeUnknown')
  return say('lifeUntil', { end: day(new Date(expiresAt).toISOString()) })
}
