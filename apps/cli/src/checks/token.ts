/** Is a token alive, ours, allowed to send, and for how long? */
import {
  describeFault,
  fingerprint,
  renewsAt,
  type GraphFault,
  type InspectedToken,
  type LastRenewal,
  type StoredToken,
} from '@relais/core'
import { day, span } from '../times.ts'
import { fail, ok, warn, type Check } from './check.ts'

const DAY_MS = 86_400_000
const NEAR_MS = 14 * DAY_MS
const CLOSE_MS = 3 * DAY_MS

/** Sending needs the first; templates, number and webhooks are read with the second (Meta, "Access Tokens Guide"). */
export const SENDING_SCOPE = 'whatsapp_business_messaging'
export const READING_SCOPE = 'whatsapp_business_management'

const NEW_TOKEN =
  'Make a new token of the system user (scripts/get-whatsapp-tokens.sh) and bring it with npx relais tokens update.'

/** What is known besides Meta's answer. */
export type TokenContext = {
  appId: string
  renewBeforeMs: number | undefined
  lastRenewal?: LastRenewal | undefined
  now: number
}

/** The token that messages are sent with, row by row. */
export function judgeTokenInUse(
  token: StoredToken,
  inspected: InspectedToken | GraphFault,
  context: TokenContext,
): Check[] {
  const print = `fingerprint ${fingerprint(token.accessToken)}`
  if (inspected.kind !== 'inspected') return [notInspected('token', inspected)]
  if (!inspected.isValid) {
    const why = inspected.error?.message ?? 'Meta gives no reason'
    return [
      fail('token', `The token in use (${print}) is dead: ${why}`, `An exchange cannot help. ${NEW_TOKEN}`),
    ]
  }
  return [
    ok('token', `alive, ${token.version > 0 ? `version ${token.version}` : 'not stored yet'} (${print})`),
    judgeApp(inspected, context.appId),
    judgeKind(inspected),
    ...judgeScopes(inspected),
    judgeExpiry(token, inspected, context),
  ]
}

/** The token of the environment, in one row: it counts only when Redis has lost the others. */
export function judgeSpareToken(
  spare: Parameters<typeof fingerprint>[0],
  inspected: InspectedToken | GraphFault,
  appId: string,
): Check {
  const name = "environment's token"
  const print = `fingerprint ${fingerprint(spare)}`
  const nextStep =
    'Nothing depends on it while Redis holds a live one. At the next occasion put a live token into WHATSAPP_ACCESS_TOKEN.'
  if (inspected.kind !== 'inspected') return notInspected(name, inspected)
  const { isValid, appId: itsAppId, scopes, error } = inspected
  if (!isValid) return warn(name, `dead (${print}): ${error?.message ?? 'Meta gives no reason'}`, nextStep)
  if (itsAppId !== undefined && itsAppId !== appId)
    return warn(name, `it belongs to the app ${itsAppId} (${print})`, nextStep)
  if (scopes && !scopes.includes(SENDING_SCOPE))
    return warn(name, `it lacks ${SENDING_SCOPE} (${print})`, nextStep)
  return ok(name, `alive (${print}), not in use: Redis holds another`)
}

function notInspected(name: string, fault: GraphFault): Check {
  const { error } = describeFault(fault)
  const nextStep =
    fault.kind === 'refused'
      ? 'If it is about the app or its secret, correct WHATSAPP_APP_ID and WHATSAPP_APP_SECRET; else try again later.'
      : 'See the row `meta`.'
  return warn(name, `Meta could not be asked about it: ${error}`, nextStep)
}

function judgeApp({ appId: itsAppId }: InspectedToken, appId: string): Check {
  const name = 'token app'
  if (itsAppId === undefined || itsAppId === appId) return ok(name, `it belongs to our app ${appId}`)
  return fail(
    name,
    `It belongs to the app ${itsAppId}, and WHATSAPP_APP_ID is ${appId}: it can be neither renewed nor checked.`,
    'Set WHATSAPP_APP_ID and WHATSAPP_APP_SECRET of that app, or make a token for ours.',
  )
}

function judgeKind({ type }: InspectedToken): Check {
  const name = 'token kind'
  if (type !== 'USER') return ok(name, type ?? 'not said by Meta')
  return warn(
    name,
    'It is the token of a person (USER): Meta may answer sends with 131005, and it ends when the person leaves.',
    'Use the token of a system user: docs/WHATSAPP_SETUP_GUIDE.md.',
  )
}

function judgeScopes({ scopes }: InspectedToken): Check[] {
  const name = 'token permissions'
  const howTo =
    'A token cannot be given more rights later: make a new one with both permissions ticked, and bring that.'
  if (scopes === undefined) return [warn(name, 'Meta does not say which it has.', 'Send a test message.')]
  if (!scopes.includes(SENDING_SCOPE))
    return [fail(name, `It lacks ${SENDING_SCOPE}: it cannot send.`, howTo)]
  if (!scopes.includes(READING_SCOPE)) {
    return [
      warn(name, `It lacks ${READING_SCOPE}: number, templates and webhooks cannot be read with it.`, howTo),
    ]
  }
  return [ok(name, scopes.join(', '))]
}

function judgeExpiry(token: StoredToken, { expiresAt }: InspectedToken, context: TokenContext): Check {
  const name = 'token expiry'
  const end = expiresAt === undefined ? token.expiresAt : expiresAt
  if (end === undefined) return warn(name, 'Meta does not say when it ends.', 'Look again tomorrow.')
  if (end === null) return ok(name, 'it never expires. It can still be revoked')
  const left = end - context.now
  const ends = `it ends ${day(new Date(end).toISOString())}, in ${span(left)}`
  const { lastRenewal } = context
  if (lastRenewal?.ok === false) {
    const nextStep =
      'It is tried again by itself. Mend what it names, then run this with --exchange. docs/WHATSAPP_TOKEN_RENEWAL.md'
    return by(left < CLOSE_MS, name, `${ends}, and its last renewal failed: ${lastRenewal.error}`, nextStep)
  }
  const due = renewsAt({ ...token, expiresAt: end }, context.renewBeforeMs)
  if (due !== null && due <= context.now && left < NEAR_MS) {
    const nextStep = 'Are the API and a worker running? Run this with --exchange to renew it now.'
    return by(left < CLOSE_MS, name, `${ends}, and its renewal is overdue.`, nextStep)
  }
  const from = due === null ? '' : ` from ${day(new Date(due).toISOString())}`
  return ok(name, `${ends}; API and workers renew it by themselves${from}`)
}

/** A warning, or a failure when there is no time left to wait. */
function by(isClose: boolean, name: string, what: string, nextStep: string): Check {
  return isClose ? fail(name, what, nextStep) : warn(name, what, nextStep)
}
