/**
 * Use case: a receipt that the API left to us. It says that a message failed, carries no id of ours, or came before we knew its message. What
 * comes late changes nothing but the timeline.
 */
import {
  classify,
  reasonForWaiting,
  refusalDetail,
  traceReceipt,
  type Advance,
  type Events,
  type Message,
  type MessageStore,
  type Pauses,
  type Receipt,
  type Tracing,
} from '@relais/core'
import type { EndMessage } from './end-message.ts'
import { beginPause, templateOf } from './pause.ts'

export function createRecordReceipt(deps: {
  store: MessageStore
  advance: Advance
  end: EndMessage
  pauses: Pauses
  events: Events
  tracing?: Tracing | undefined
}) {
  const { store, advance, end, pauses, events, tracing } = deps

  /** By our own id, which Meta gives back; on `failed` that is not promised, so by Meta's id as well. False when no message is known for it (yet). */
  return async (receipt: Receipt): Promise<boolean> => {
    const { messageId, providerMessageId } = receipt
    if (messageId !== undefined && (await record(messageId, receipt))) return true
    const id = await store.findByProviderId(providerMessageId)
    return id !== undefined && record(id, receipt)
  }

  /** False when no message is known by this id of ours. */
  async function record(id: string, receipt: Receipt): Promise<boolean> {
    const { status, graphCode, providerMessageId } = receipt
    const [beganAt, webhook] = [Date.now(), tracing?.current()]
    if (status !== 'failed') return advance(id, status, providerMessageId, webhook)
    const message = await store.read(id)
    if (!message) return false
    const isNews = await fail(message, receipt)
    events.messageReceipt(message, { status, isNews, ...(graphCode !== undefined && { graphCode }) })
    traceReceipt(tracing, message, { status, isNews, beganAt, webhook })
    return true
  }

  /** Nobody will deliver it any more, unless it is about an earlier send of a message that was sent again. */
  async function fail(message: Message, receipt: Receipt): Promise<boolean> {
    const { graphCode, title = 'failed', fbtraceId, providerMessageId } = receipt
    const failed = classify({
      statusCode: 400,
      message: title,
      ...(graphCode !== undefined && { graphCode }),
      ...(fbtraceId !== undefined && { fbtraceId }),
    })
    const detail = refusalDetail(failed)
    if (message.providerMessageId !== undefined && message.providerMessageId !== providerMessageId) {
      await keep(message, `is about an earlier send: ${detail}`)
      return false
    }
    const reason = reasonForWaiting(failed.failure)
    const { decided } = await end.fallBack(message, { reason, detail: `receipt: ${detail}` })
    await beginPause(pauses, failed, templateOf(message))
    if (!decided.moved && decided.message)
      await keep(decided.message, `came late and changed nothing: ${detail}`)
    return decided.moved
  }

  /** What a receipt says stays in the timeline, also when it changes nothing. A repeat of what is there is left out. */
  async function keep({ id, status }: Message, what: string): Promise<void> {
    await store.note(id, { status, detail: `receipt: failed ${what}` })
  }
}

export type RecordReceipt = ReturnType<typeof createRecordReceipt>
