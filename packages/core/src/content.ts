/** A message's content between acceptance and its use: sealed, and bound to the message. */
import type { MessageContent } from './message.ts'
import { UnsealError, type Sealer } from './sealer.ts'

/** Seals what the recipient is to read, for this message only. */
export function sealContent(sealer: Sealer, messageId: string, content: MessageContent): string {
  return sealer.seal(JSON.stringify(content), { purpose: 'content', id: messageId })
}

/** Opens it again; `undefined` if it is erased, or sealed under a key that is gone, which nobody here can mend. */
export function openContent(
  sealer: Sealer,
  messageId: string,
  sealed: string | undefined,
): MessageContent | undefined {
  if (sealed === undefined) return undefined
  try {
    return JSON.parse(sealer.open(sealed, { purpose: 'content', id: messageId })) as MessageContent
  } catch (error) {
    if (error instanceof UnsealError) return undefined
    throw error
  }
}
