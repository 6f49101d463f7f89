import type { TokenVerdict } from '../world/access-tokens.ts'
import type { Refusal } from './reply.ts'

/**
 * Why a token that is not live is turned down (190 and its subcodes). HTTP is 401 on WhatsApp paths and 400 on
 * `/oauth/*` and `/debug_token`: the caller says which.
 */
export function tokenRefusal(
  verdict: TokenVerdict,
  context: { appId: string; now: number; statusCode?: number },
): Refusal | undefined {
  const status = context.statusCode === undefined ? {} : { statusCode: context.statusCode }
  switch (verdict.state) {
    case 'live':
      return undefined
    case 'expired':
      return { ...expiredSession(verdict.grant.expiresAt ?? context.now, context.now), ...status }
    case 'revoked':
      return { graphCode: 190, subcode: 467, sentence: LOGGED_OUT, ...status }
    case 'deauthorised':
      return { graphCode: 190, subcode: 458, sentence: notAuthorised(context.appId), ...status }
    case 'foreign':
      return { graphCode: 190, sentence: otherApp(context.appId), ...status }
    case 'badly signed':
      return { graphCode: 190, sentence: 'Invalid OAuth access token signature.', ...status }
    case 'unreadable':
      return { graphCode: 190, sentence: 'Invalid OAuth access token - Cannot parse access token', ...status }
  }
}

/** 190/463 with its dated sentence. Both times are milliseconds. */
export function expiredSession(expiresAt: number, now: number): Refusal {
  const sentence = `Error validating access token: Session has expired on ${metaDate(expiresAt)}. The current time is ${metaDate(now)}.`
  return { graphCode: 190, subcode: 463, sentence }
}

const LOGGED_OUT =
  'Error validating access token: This may be because the user logged out or may be due to a system error.'

function notAuthorised(appId: string): string {
  return `Error validating access token: The user has not authorized application ${appId}.`
}

function otherApp(appId: string): string {
  return `Error validating access token: The access token does not belong to application ${appId}.`
}

const pacificTime = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/Los_Angeles',
  weekday: 'long',
  day: '2-digit',
  month: 'short',
  year: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
  timeZoneName: 'short',
})

/** `Sunday, 22-Nov-26 10:00:00 PST`: Meta writes its token dates so. */
export function metaDate(milliseconds: number): string {
  const part: Record<string, string> = {}
  for (const { type, value } of pacificTime.formatToParts(milliseconds)) part[type] = value
  const day = `${part['weekday']}, ${part['day']}-${part['month']}-${part['year']}`
  return `${day} ${part['hour']}:${part['minute']}:${part['second']} ${part['timeZoneName']}`
}
