/**
 * Use case: a receipt of an arrival moves its message forward. Receipts come at least once, in any order, sometimes before our own note of
 * the send; a move that is not legal any more changes nothing but the timeline, so all of that is harmless.
 */
import type { Events } from './events.ts'
import type { Receipt } from './graph/receipts.ts'
import type { MessageStore } from './message-store.ts'
import type { Message, MessageStatus } from './message.ts'
import { BY_RECEIPT } from './timeline.ts'
import type { Traceparent, Tracing } from './tracing.ts'

const ARRIVED: readonly MessageStatus[] = ['delivered', 'read']

export function createAdvance(deps: {
  store: Pick<MessageStore, 'move'>
  events: Events
  tracing?: Tracing | undefined
}) {
  const { store, events, tracing } = deps

  /**
   * One call to Redis, for all that are asked for at the same moment.
   *
   * @param providerMessageId Meta's id
   * @param webhook the span of what brought the receipt
   * @returns false when no message is known by this id of ours
   */
  return async (
    messageId: string,
    to: Exclude<Receipt['status'], 'failed'>,
    providerMessageId: string,
    webhook?: Traceparent,
  ): Promise<boolean> => {
    const beganAt = tracing && Date.now()
    const { moved, message } = await store.move(messageId, {
      to,
      set: { providerMessageId },
      detail: BY_RECEIPT,
      lateDetail: `receipt: ${to} came late and changed nothing`,
    })
    if (!message) return false
    if (moved && isFirstArrival(message)) events.messageArrived(message)
    events.messageReceipt(message, { status: to, isNews: moved })
    if (beganAt !== undefined) traceReceipt(tracing, message, { status: to, isNews: moved, beganAt, webhook })
    return true
  }
}

export type Advance = ReturnType<typeof createAdvance>

/** A receipt is a step of its message, and hangs on that; the request of Meta's that brought it is another trace. */
export function traceReceipt(
  tracing: Tracing | undefined,
  { id, trace }: Message,
  receipt: { status: string; isNews: boolean; beganAt: number; webhook: Traceparent | undefined },
): void {
  if (!tracing || trace === undefined) return
  const { status, isNews, beganAt, webhook } = receipt
  const facts = { 'relais.message_id': id, 'relais.status': status, 'relais.is_news': isNews }
  tracing.begin('receipt', { kind: 'internal', parent: trace, link: webhook, beganAt, facts }).end()
}

/** `read` may come without `delivered`, or before it, or at the same moment: the first of them counts. */
function isFirstArrival({ timeline }: Message): boolean {
  const arrivals = timeline.filter(({ status, detail }) => ARRIVED.includes(status) && detail === BY_RECEIPT)
  return arrivals.length === 1 && timeline.at(-1) === arrivals[0]
}
