/** Do receipts find their way to us? */
import { describeFault, type GraphFault, type SubscribedApps } from '@relais/core'
import { span } from '../times.ts'
import { fail, ok, skipped, warn, type Check } from './check.ts'

const GUIDE = 'docs/WHATSAPP_SETUP_GUIDE.md, part 5'

/** @param facts.lastReceiptAt milliseconds since 1970; null: none has come; undefined: not known */
export function judgeReceipts(facts: {
  isExpected: boolean
  hasAppSecret: boolean
  lastReceiptAt: number | null | undefined
  now: number
}): Check {
  const { isExpected, hasAppSecret, lastReceiptAt, now } = facts
  const name = 'receipts'
  if (!isExpected) {
    return warn(
      name,
      'WHATSAPP_WEBHOOK_VERIFY_TOKEN is not set: nobody learns whether a code arrived.',
      `Set it to a long random text and enter the same at Meta: ${GUIDE}.`,
    )
  }
  if (!hasAppSecret) {
    return fail(
      name,
      'Receipts are expected, and without WHATSAPP_APP_SECRET none is accepted: its signature cannot be checked.',
      'Set WHATSAPP_APP_SECRET, then restart the API.',
    )
  }
  if (lastReceiptAt === undefined) return ok(name, 'expected')
  if (lastReceiptAt !== null) return ok(name, `expected; the last one came ${span(now - lastReceiptAt)} ago`)
  return warn(
    name,
    'Receipts are expected, and none has ever come.',
    `Send a message. If none comes then, look at the webhook at Meta: ${GUIDE}.`,
  )
}

/** @param isExpected do we wait for receipts? Then a missing subscription costs every message its delivery. */
export function judgeSubscription(
  subscribed: SubscribedApps | GraphFault,
  { appId, isExpected }: { appId: string; isExpected: boolean },
): Check {
  const name = 'webhook subscription'
  if (subscribed.kind === 'unreachable') return skipped(name, `Meta did not answer: ${subscribed.detail}`)
  if (subscribed.kind === 'refused') {
    return warn(
      name,
      `It cannot be read: ${describeFault(subscribed).error}`,
      'Is WHATSAPP_BUSINESS_ID the id of the WhatsApp Business Account? Has the token whatsapp_business_management?',
    )
  }
  if (subscribed.appIds.includes(appId)) return ok(name, `our app ${appId} gets the webhooks of this account`)
  const what = `Our app ${appId} is not subscribed to this WhatsApp account: Meta sends it nothing.`
  const nextStep = `Subscribe it with POST /{WHATSAPP_BUSINESS_ID}/subscribed_apps: ${GUIDE}.`
  return isExpected ? fail(name, what, nextStep) : warn(name, what, nextStep)
}
