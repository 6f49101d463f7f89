/** Why messages fall back, in plain words: what each reason means, and what a person can do about it. */
import type { FallbackReason } from './message.ts'

export const REASONS: Readonly<Record<FallbackReason, { meaning: string; remedy: string }>> = {
  recipient_unreachable: {
    meaning:
      'This number cannot be reached over WhatsApp: most often there is no WhatsApp on it, or its version is too old.',
    remedy: 'Reach the person another way, and have the app ask whether the number is right.',
  },
  template_rejected: {
    meaning:
      'Meta does not send with this template: it is missing, paused or disabled, or does not fit what was put into it.',
    remedy:
      'Look at the template in WhatsApp Manager; until it is approved again use another (WHATSAPP_OTP_TEMPLATE).',
  },
  request_rejected: {
    meaning: 'Meta does not take the message as it is, and no other try would change that.',
    remedy: "Read Meta's words in the timeline, and have the app mend what it sends.",
  },
  sender_blocked: {
    meaning: 'Meta does not let this account or number send.',
    remedy:
      'Settle what WhatsApp Manager shows (restriction, payment, verification). Sending goes on by itself.',
  },
  token_unavailable: {
    meaning: 'There was no living access token while the code was of use.',
    remedy: 'Bring a new token on the status page, or with `relais tokens update`.',
  },
  rate_limited: {
    meaning:
      'Its turn did not come in time: this recipient got too many messages, or the sender as a whole too fast.',
    remedy:
      'For one recipient: RECIPIENT_COOLDOWN_SECONDS. For all: a higher throughput from Meta, or a steadier load.',
  },
  provider_unavailable: {
    meaning: 'Meta did not answer, or only with faults of its own, until the time was up.',
    remedy:
      'Check the way out to graph.facebook.com, and whether Meta is down. Nothing needs to be restarted.',
  },
  undelivered: {
    meaning:
      'Meta took the message, and the phone did not get it in time: it is off, without a network, or has blocked us.',
    remedy: 'Reach the person another way. If it is so for many, see whether receipts arrive at all.',
  },
  outcome_unknown: {
    meaning: 'Meta may have the message: no readable answer came, and no receipt.',
    remedy:
      'Ask the person whether the code is there before you read it out. If it is so for many, look at the way to Meta.',
  },
  worker_lost: {
    meaning: 'The workers that had it died, or none was there in time.',
    remedy: 'See that workers are alive, and read the last log lines of those that ended.',
  },
}
