import { fieldOf } from './wire.ts'

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
}

const STATUSES = ['sent', 'delivered', 'read', 'failed'] as const

/**
 * All status updates of a webhook body, in the order given (Meta, "Status messages webhook reference"). What is not a status
 * update, or cannot be read as one, is left out: a webhook carries many things, and new ones appear.
 */
export function readReceipts(body: unknown): Receipt[] {
  return listOf(fieldOf(body, 'entry'))
    .flatMap((entry) => listOf(fieldOf(entry, 'changes')))
    .filter((change) => fieldOf(change, 'field') === 'messages')
    .flatMap((change) => listOf(fieldOf(fieldOf(change, 'value'), 'statuses')))
    .flatMap((status) => readStatus(status) ?? [])
}

function readStatus(update: unknown): Receipt | undefined {
  const id = fieldOf(update, 'id')
  const status = STATUSES.find((known) => known === fieldOf(update, 'status'))
  if (typeof id !== 'string' || id === '' || id.length > 512 || !status) return undefined
  const seconds = Number(fieldOf(update, 'timestamp'))
  const callbackData = fieldOf(update, 'biz_opaque_callback_data')
  const [error] = listOf(fieldOf(update, 'errors'))
  const graphCode = fieldOf(error, 'code')
  const title = fieldOf(error, 'title')
  return {
    providerMessageId: id,
    status,
    at: Number.isFinite(seconds) ? seconds * 1000 : 0,
    ...(typeof callbackData === 'string' && callbackData.length <= 128 && { messageId: callbackData }),
    ...(typeof graphCode === 'number' && { graphCode }),
    ...(typeof title === 'string' && { title: title.slice(0, 200) }),
  }
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
