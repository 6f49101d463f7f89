import { keepNewest } from '../world/keep-newest.ts'
import { createRing } from '../world/ring.ts'
import type { Inbound, InboundResult } from '../webhooks/inbound.ts'

/** What a person wrote back. `at` in milliseconds of simulated time. */
export type ShownReply = {
  readonly kind: 'reply'
  readonly id: string
  readonly at: number
  readonly text: string
}

const REPLY_CAP = 1000
const DENIAL_CAP = 10_000

/** Passes on what people send to the business, and remembers it for the phones: 1,000 replies, 10,000 denials. */
export function createAnswers(deps: { inbound: Inbound; now: () => number }) {
  const { inbound } = deps
  const replies = createRing<ShownReply & { readonly number: string }>(REPLY_CAP)
  const denied = new Map<string, true>()
  const listeners = new Set<(number: string) => void>()

  function changed(number: string): void {
    for (const listener of listeners) listener(number)
  }

  return {
    /** The button under a code; answers what went wrong, if anything did. */
    didNotRequestCode(messageId: string): InboundResult {
      const result = inbound.didNotRequestCode(messageId)
      if (result.problem !== undefined) return result
      keepNewest(denied, messageId, true, DENIAL_CAP)
      changed('*')
      return result
    },
    /** Free text from `+E.164`. */
    reply(number: string, text: string): InboundResult {
      const result = inbound.reply(number, text)
      if (result.problem !== undefined) return result
      const from = number.replace(/[-() ]/g, '')
      replies.push({ kind: 'reply', id: result.id, at: deps.now(), text, number: from })
      changed(from)
      return result
    },
    isDenied: (messageId: string) => denied.has(messageId),
    repliesOf: (number: string): ShownReply[] =>
      replies
        .list()
        .filter((reply) => reply.number === number)
        .map(({ kind, id, at, text }) => ({ kind, id, at, text })),
    /** Calls back with the number that wrote, or `*`. */
    onChange: (listener: (number: string) => void) => void listeners.add(listener),
    clear(): void {
      replies.clear()
      denied.clear()
    },
  }
}

export type Answers = ReturnType<typeof createAnswers>
