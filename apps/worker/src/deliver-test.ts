/**
 * Use case: a message of a test key. It goes the way of any other, and never leaves Relais: its recipient's last digits decide what
 * becomes of it (`test-recipients.ts`). No token, no pace, no limit, no call, no fallback record.
 */
import {
  testOutcomeOf,
  type Message,
  type MessageStatus,
  type MessageStore,
  type TestOutcome,
} from '@relais/core'
import type { EndMessage } from './end-message.ts'
import { DONE, type Delivery } from './take-step.ts'

/** Between two states an app has a moment to look. */
const STEP_MS = 300

const NEXT_STEP: Delivery = { kind: 'later', delayMs: STEP_MS }

export function createDeliverTest(deps: { store: MessageStore; end: EndMessage; now?: () => number }) {
  const { store, end, now = Date.now } = deps

  /** Takes the message one step further. */
  return async (message: Message): Promise<Delivery> => {
    const outcome = testOutcomeOf(message.to)
    switch (message.status) {
      case 'queued':
        return begin(message, outcome)
      case 'sending':
        return move(
          message,
          outcome.kind !== 'expires' && outcome.after === 'uncertain' ? 'uncertain' : 'sent',
        )
      case 'uncertain':
      case 'sent':
        return outcome.kind === 'falls-back' ? fallBack(message, outcome) : move(message, 'delivered')
      case 'delivered':
        if (outcome.kind === 'arrives' && outcome.isRead) await move(message, 'read')
        return DONE
      case 'read':
      case 'fallback':
      case 'expired':
      case 'canceled':
      case 'used':
        return DONE
    }
  }

  async function begin(message: Message, outcome: TestOutcome): Promise<Delivery> {
    const leftMs = message.expiresAt - now()
    if (leftMs <= 0) {
      await end.expire(message)
      return DONE
    }
    if (outcome.kind === 'expires') return { kind: 'later', delayMs: leftMs }
    if (outcome.kind === 'falls-back' && outcome.after === 'queued') return fallBack(message, outcome)
    return move(message, 'sending')
  }

  /** One that may not move has been ended by its app. */
  async function move(message: Message, to: MessageStatus): Promise<Delivery> {
    const isAttempt = to === 'sending'
    const { moved } = await store.move(message.id, {
      to,
      claims: message.claims,
      unlessFallingBack: true,
      detail: 'test key: nothing is sent',
      ...(isAttempt && { set: { attempts: message.attempts + 1, claims: message.claims + 1 } }),
      ...(to === 'sent' && { set: { providerMessageId: `test.${message.id}` } }),
    })
    return moved ? NEXT_STEP : DONE
  }

  async function fallBack(
    message: Message,
    { reason }: Extract<TestOutcome, { kind: 'falls-back' }>,
  ): Promise<Delivery> {
    const detail = 'test key: nothing was sent'
    const { reason: final } = await end.fallBack(message, { reason, detail, claims: message.claims })
    return final ? { kind: 'fell-back', reason: final } : DONE
  }
}

export type DeliverTest = ReturnType<typeof createDeliverTest>
