/** What the status by itself shows to be wrong. */
import type { Finding } from '@relais/core'
import type { WhatsappStatus } from './whatsapp-status.ts'

const BRING_TOKEN =
  'Get a new token for a system user in Meta Business settings (docs/WHATSAPP_SETUP_GUIDE.md) and bring it with `update-whatsapp-token`.'

/** The worst first. */
export function basicFindings({ phone, token }: WhatsappStatus): Finding[] {
  if (phone.id === null) {
    return [
      {
        id: 'sender_unset',
        severity: 'critical',
        what: 'WHATSAPP_PHONE_NUMBER_ID is not set: there is no number to send from. Codes go to the fallback.',
        remedy: 'Set it, then restart API and workers.',
      },
    ]
  }
  const { state, lastRenewal } = token
  switch (state) {
    case 'missing':
      return [critical('token_missing', 'There is no access token.')]
    case 'expired':
      return [critical('token_expired', 'The access token has expired, and Meta renews no expired token.')]
    case 'invalid':
      return [critical('token_dead', 'The access token is dead: Meta no longer accepts it.')]
    case 'valid':
    case 'expiring':
      return lastRenewal?.ok === false ? [renewalFailing(lastRenewal)] : []
  }
}

function critical(id: Finding['id'], what: string): Finding {
  return { id, severity: 'critical', what: `${what} Codes go to the fallback.`, remedy: BRING_TOKEN }
}

function renewalFailing({ at, error = '' }: { at: string; error?: string }): Finding {
  return {
    id: 'renewal_failing',
    severity: 'warning',
    what: `The token lives, but renewing it has failed: ${error}`,
    remedy: 'It is tried again by itself. Check WHATSAPP_APP_ID and WHATSAPP_APP_SECRET if it goes on.',
    since: Date.parse(at),
  }
}
