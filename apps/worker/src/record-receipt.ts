/**
 * Use case: receipts move messages. They come at least once, in any order, sometimes before our own note of the send; a move that
 * is not legal any more changes nothing, so all of that is harmless.
 */
import {
  classify,
  enqueueFallback,
  isSettled,
  reasonForWaiting,
  type Events,
  type Message,
  type MessageJob,
  type MessageStore,
  type Receipt,
} from '@relais/core'
import type { Queue } from 'bullmq'

export function createRecordReceipt(deps: {
  store: MessageStore
  fallbackQueue: Queue<MessageJob>
  events: Events
}) {
  const { store, events } = deps

  /** False when no message is known for it (yet). */
  return async (receipt: Receipt): Promise<boolean> => {
    const message = await find(receipt)
    if (!message) return false
    const { status, graphCode, providerMessageId } = receipt
    const isNews =
      status === 'failed' ? await fail(message, receipt) : await advance(message, status, providerMessageId)
    events.messageReceipt(message, { status, isNews, ...(graphCode !== undefined && { graphCode }) })
    return true
  }

  /** By our own id, which Meta gives back; on `failed` that is not promised, so by Meta's id as well. */
  async function find({ messageId, providerMessageId }: Receipt): Promise<Message | undefined> {
    const own = messageId === undefined ? undefined : await store.read(messageId)
    if (own) return own
    const id = await store.findByProviderId(providerMessageId)
    return id === undefined ? undefined : store.read(id)
  }

  async function advance(
    message: Message,
    to: Exclude<Receipt['status'], 'failed'>,
    providerMessageId: string,
  ): Promise<boolean> {
    const { moved } = await store.move(message.id, { to, set: { providerMessageId }, detail: 'receipt' })
    // `read` may come without `delivered`, or before it.
    const isArrival = to === 'delivered' || (to === 'read' && message.status !== 'delivered')
    if (moved && isArrival) events.messageEnded('delivered', '')
    return moved
  }

  /** Nobody will deliver it any more, unless it is about an earlier send of a message that was sent again. */
  async function fail(message: Message, receipt: Receipt): Promise<boolean> {
    const { providerMessageId } = message
    if (providerMessageId !== undefined && providerMessageId !== receipt.providerMessageId) return false
    const { graphCode, title = 'failed' } = receipt
    const { failure, detail } = classify({
      statusCode: 400,
      message: title,
      ...(graphCode !== undefined && { graphCode }),
    })
    const reason = reasonForWaiting(failure)
    const decided = await store.decideFallback(message.id, { reason, detail: `receipt: ${detail}` })
    // Decided before, perhaps by a worker that died before the next line: the fallback queue takes a message once.
    if (!decided.message?.reason || isSettled(decided.message.status)) return false
    await enqueueFallback(deps.fallbackQueue, message.id)
    if (decided.moved) events.fallbackDecided(message, reason)
    return decided.moved
  }
}

export type RecordReceipt = ReturnType<typeof createRecordReceipt>
