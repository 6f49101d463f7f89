/** Is Meta there, and do app id and secret belong together? */
import { describeFault, type ConfirmedApp, type GraphFault } from '@relais/core'
import { fail, ok, skipped, warn, type Check } from './check.ts'

/** What came of one call: the fault if there was no answer. */
export type CallResult = { latencyMs: number; unreachable?: string }

/** Meta is reachable when any call got an answer, whatever it said. */
export function judgeMeta(baseUrl: string, calls: readonly CallResult[]): Check {
  const name = 'meta'
  const answered = calls.filter(({ unreachable }) => unreachable === undefined)
  if (answered.length > 0) {
    const fastest = Math.min(...answered.map(({ latencyMs }) => latencyMs))
    return ok(name, `${baseUrl} answers, in ${Math.round(fastest)} ms`)
  }
  const why = calls[0]?.unreachable
  if (why === undefined) return skipped(name, 'there was nothing to ask with')
  return fail(
    name,
    `${baseUrl} does not answer: ${why}.`,
    'Check DNS, firewall and proxy rules of this machine for outgoing HTTPS, then whether Meta itself is down.',
  )
}

/** @param confirmed undefined: id and secret are not both set */
export function judgeAppSecret(confirmed: ConfirmedApp | GraphFault | undefined): Check {
  const name = 'app'
  if (!confirmed) {
    return warn(
      name,
      'WHATSAPP_APP_ID and WHATSAPP_APP_SECRET are not both set: the token is neither renewed nor checked, and no receipt is accepted.',
      'Set both: App settings > Basic in the console of Meta. docs/WHATSAPP_SETUP_GUIDE.md, part 1.',
    )
  }
  switch (confirmed.kind) {
    case 'app':
      return ok(name, 'app id and secret belong together')
    case 'unreachable':
      return skipped(name, `Meta did not answer: ${confirmed.detail}`)
    case 'refused':
      return fail(
        name,
        `Meta does not take app id and secret: ${describeFault(confirmed).error}`,
        'Copy both again from App settings > Basic; was the secret reset? Until then nothing is renewed and no receipt accepted.',
      )
  }
}
