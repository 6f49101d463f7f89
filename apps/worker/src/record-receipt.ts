/**
 * Use case: receipts move messages. They come at least once, in any order, sometimes before our own note of the send; a move that
 * is not legal any more changes nothing but the timeline, so all of that is harmless.
 */
import {
  classify,
  reasonForWaiting,
  type Events,
  type Message,
  type MessageStatus,
  type MessageStore,
  type Pauses,
  type Receipt,
} from '@relais/core'
import type { EndMessage } from './end-message.ts'
import { beginPause, templateOf } from './pause.ts'

const ARRIVED: readonly MessageStatus[] = ['delivered', 'read']

/** What the timeline says of a receipt that moved the message. */
const MOVED = 'receipt'

export function createRecordReceipt(deps: {
  store: MessageStore
  end: EndMessage
  pauses: Pauses
  events: Events
}) {
  const { store, end, pauses, events } = deps

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
    const { moved, message: latest } = await store.move(message.id, {
      to,
      set: { providerMessageId },
      detail: MOVED,
    })
    if (moved && latest && isFirstArrival(latest)) events.messageArrived(latest)
    if (!moved && latest) await keep(latest, to, 'came late and changed nothing')
    return moved
  }

  /** Nobody will deliver it any more, unless it is about an earlier send of a message that was sent again. */
  async function fail(message: Message, receipt: Receipt): Promise<boolean> {
    const { graphCode, title = 'failed', providerMessageId } = receipt
    const failed = classify({
      statusCode: 400,
      message: title,
      ...(graphCode !== undefined && { graphCode }),
    })
    const { failure, detail } = failed
    if (message.providerMessageId !== undefined && message.providerMessageId !== providerMessageId) {
      await keep(message, 'failed', `is about an earlier send: ${detail}`)
      return false
    }
    const reason = reasonForWaiting(failure)
    const { decided } = await end.fallBack(message, { reason, detail: `receipt: ${detail}` })
    await beginPause(pauses, failed, templateOf(message))
    if (!decided.moved && decided.message)
      await keep(decided.message, 'failed', `came late and changed nothing: ${detail}`)
    return decided.moved
  }

  /** What a receipt says stays in the timeline, also when it changes nothing. A repeat of what is there is left out. */
  async function keep(message: Message, said: Receipt['status'], what: string): Promise<void> {
    const isThere = message.timeline.some(({ status }) => (status as MessageStatus | 'failed') === said)
    if (!isThere) await store.note(message.id, { status: message.status, detail: `receipt: ${said} ${what}` })
  }
}

export type RecordReceipt = ReturnType<typeof createRecordReceipt>

/** `read` may come without `delivered`, or before it, or at the same moment: the first of them counts. */
function isFirstArrival({ timeline }: Message): boolean {
  const arrivals = timeline.filter(({ status, detail }) => ARRIVED.includes(status) && detail === MOVED)
  return arrivals.length === 1 && timeline.at(-1) === arrivals[0]
}
