/** What each queue is, in the words of the board: so that who opens it at night knows whether a number is bad. */
import type { QueueName } from '@relais/core'

/** A queue as the board introduces it. */
export type QueueText = { displayName: string; description: string }

export const QUEUE_TEXTS: Readonly<Record<QueueName, QueueText>> = {
  messages: {
    displayName: 'Messages',
    description:
      'One job for each message on its way to WhatsApp. Prioritized: messages that wait for their turn; it grows when more comes in than may be ' +
      'sent, and each that waits until its deadline falls back. Delayed: they wait for another try, a limit or a receipt, which is normal. ' +
      'Failed: messages of the last day that went to the fallback, with the reason; nothing is to be done here.',
  },
  fallback: {
    displayName: 'Fallback',
    description:
      'One job for each message that WhatsApp did not deliver: it writes the record from which operators help. It should be empty: what waits ' +
      'here is a code that nobody can read out yet. It grows when no worker runs, or when the fallback log cannot be written (a full disk).',
  },
  receipts: {
    displayName: 'Receipts',
    description:
      "Meta's news of messages (sent, delivered, read, failed), one job for each webhook that could not be noted at once. Waiting: it should be " +
      'near empty; while it is long, messages that arrived look undelivered and may fall back. Delayed: news of messages that are not known yet.',
  },
  'access-token': {
    displayName: 'Access token',
    description:
      "The round in which a worker looks after Meta's access token and renews it in time. One job is always delayed: the next round. None, or one " +
      'that waits for long, means that no worker runs.',
  },
  callbacks: {
    displayName: 'Callbacks',
    description:
      'One job for each app that has events to be posted to its endpoint; the events themselves are not here. Waiting: more apps than workers post for at ' +
      'the same time. An app whose endpoint fails comes back here again and again; whether it is paused is shown by `callbacks` on the command line.',
  },
}
