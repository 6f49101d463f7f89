import { changesOf, type Ours } from './changes.ts'
import { fieldOf, listOf } from './wire.ts'

/** What one status update of a webhook says, without the recipient. */
export type Receipt = {
  /** Meta's id. */
  providerMessageId: string
  /** Our id, when Meta gave it back (`biz_opaque_callback_data`; on `failed` that is not promised). */
  messageId?: string
  status: 'sent' | 'delivered' | 'read' | 'failed'
  /** When Meta saw it, in milliseconds since 1970. */
  at: number
  graphCode?: number
  title?: string
  /** By what name Meta's support finds the failure, should it come along. */
  fbtraceId?: string
}

const STATUSES = ['sent', 'delivered', 'read', 'failed'] as const

/**
 * All status updates of a webhook body that are about our number, in the order given (Meta, "Status messages webhook reference"). What is not a status
 * update, or cannot be read as one, is left out: a webhook carries many things, and new ones appear.
 */
export function readReceipts(body: unknown, ours?: Ours): Receipt[] {
  return changesOf(body, ours)
    .filter(({ field }) => field === 'messages')
    .flatMap(({ value }) => listOf(fieldOf(value, 'statuses')))
    .flatMap((status) => readStatus(status) ?? [])
}

function readStatus(update: unknown): Receipt | undefined {
  const id = fieldOf(update, 'id')
  const status = STATUSES.find((known) => known === fieldOf(update, 'status'))
  if (typeof id !== 'string' || id === '' || id.length > 512 || !status) return undefined
  const timestamp = fieldOf(update, 'timestamp')
  const seconds = typeof timestamp === 'string' || typeof timestamp === 'number' ? Number(timestamp) : NaN
  const callbackData = fieldOf(update, 'biz_opaque_callback_data')
  const [error] = listOf(fieldOf(update, 'errors'))
  const graphCode = fieldOf(error, 'code')
  const title = fieldOf(error, 'title')
  const fbtraceId = fieldOf(error, 'fbtrace_id')
  return {
    providerMessageId: id,
    status,
    at: Number.isFinite(seconds) ? seconds * 1000 : 0,
    ...(typeof callbackData === 'string' && callbackData.length <= 128 && { messageId: callbackData }),
    ...(typeof graphCode === 'number' && { graphCode }),
    ...(typeof title === 'string' && { title: title.slice(0, 200) }),
    ...(typeof fbtraceId === 'string' && { fbtraceId: fbtraceId.slice(0, 64) }),
  }
}
