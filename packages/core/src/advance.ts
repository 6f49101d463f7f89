/**
 * Use case: a receipt of an arrival moves its message forward. Receipts come at least once, in any order, sometimes before our own note of
 * the send; a move that is not legal any more changes nothing but the timeline, so all of that is harmless.
 */
import type { Events } from './events.ts'
import type { Receipt } from './graph/receipts.ts'
import type { MessageStore } from './message-store.ts'
import type { Message, MessageStatus } from './message.ts'
import { BY_RECEIPT } from './timeline.ts'

const ARRIVED: readonly MessageStatus[] = ['delivered', 'read']

export function createAdvance(deps: { store: Pick<MessageStore, 'move'>; events: Events }) {
  const { store, events } = deps

  /**
   * One call to Redis, for all that are asked for at the same moment.
   *
   * @param providerMessageId Meta's id
   * @returns false when no message is known by this id of ours
   */
  return async (
    messageId: string,
    to: Exclude<Receipt['status'], 'failed'>,
    providerMessageId: string,
  ): Promise<boolean> => {
    const { moved, message } = await store.move(messageId, {
      to,
      set: { providerMessageId },
      detail: BY_RECEIPT,
      lateDetail: `receipt: ${to} came late and changed nothing`,
    })
    if (!message) return false
    if (moved && isFirstArrival(message)) events.messageArrived(message)
    events.messageReceipt(message, { status: to, isNews: moved })
    return true
  }
}

export type Advance = ReturnType<typeof createAdvance>

/** `read` may come without `delivered`, or before it, or at the same moment: the first of them counts. */
function isFirstArrival({ timeline }: Message): boolean {
  const arrivals = timeline.filter(({ status, detail }) => ARRIVED.includes(status) && detail === BY_RECEIPT)
  return arrivals.length === 1 && timeline.at(-1) === arrivals[0]
}
