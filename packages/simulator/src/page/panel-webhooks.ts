import { publicUrl, type WebhookDelivery } from '../webhooks/delivery-log.ts'
import type { WebhookSender } from '../webhooks/sender.ts'

const DELIVERIES_SHOWN = 20

type State = ReturnType<WebhookSender['state']>

/** Where webhooks go, whether they may, and how the newest ones fared. Never a secret: URLs without their query. */
export function showWebhooks(webhooks: WebhookSender) {
  const state = webhooks.state()
  const { delivered, waiting, failedTries, dropped } = state
  const url = state.overrideUrl ?? state.url
  return {
    url: url === null ? null : publicUrl(url),
    ...standing(state),
    totals: { delivered, waiting, 'failed tries': failedTries, dropped },
    deliveries: webhooks.deliveries().slice(-DELIVERIES_SHOWN).reverse().map(showDelivery),
  }
}

/** In a word, and why. */
function standing({ url, overrideUrl, isSubscribed, verification }: State) {
  if (url === null && overrideUrl === undefined) return { state: '', mood: 'odd', reason: '' }
  if (!isSubscribed) return { state: 'not subscribed', mood: 'odd', reason: 'The app is not subscribed.' }
  if (overrideUrl !== undefined)
    return { state: 'verified', mood: 'good', reason: 'Set by the subscription.' }
  switch (verification.state) {
    case 'not required':
      return { state: 'on', mood: 'good', reason: 'Not verified: no verify token is set.' }
    case 'passed':
      return { state: 'verified', mood: 'good', reason: '' }
    case 'pending':
      return { state: 'verifying', mood: 'odd', reason: 'Waits for the answer to the challenge.' }
    case 'failed':
      return {
        state: 'not verified',
        mood: 'bad',
        reason: `Nothing is sent. ${verification.problem ?? 'The URL did not pass'}.`,
      }
  }
}

const outcomeWords = { timeout: 'time-out', reset: 'reset', refused: 'refused' }

function showDelivery({ at, summary, outcome, tries, ms, nextTryAt }: WebhookDelivery) {
  const answer = typeof outcome === 'string' ? outcomeWords[outcome] : String(outcome ?? 'under way')
  const mood = outcome === undefined ? 'odd' : outcome === 200 ? 'good' : 'bad'
  return { at, summary, answer, mood, tries, ms, nextTryAt }
}
