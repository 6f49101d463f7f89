/**
 * Use case: an operator looks for messages, by what people can tell them: a number, a reference, an id. A number that was looked for is in the
 * audit, by its last four digits; before anything is answered, so that nobody looks without a trace.
 */
import {
  maskPhoneNumber,
  type Audit,
  type FoundBy,
  type Message,
  type MessageIndex,
  type MessageStore,
} from '@relais/core'
import { refuseAsUnavailable } from './problem.ts'

/** What is looked for. `recipient`: in E.164. */
export type Sought = { by: FoundBy | 'id'; text: string }

/** So many are answered, and so many more are looked at: of those that are found some may be gone. */
const MOST_FOUND = 50
const MOST_LOOKED_AT = 200

export function createFindMessages(deps: {
  store: Pick<MessageStore, 'read'>
  index: MessageIndex
  audit: Pick<Audit, 'append'>
}) {
  const { store, index, audit } = deps

  /** The latest first. Throws a 503 when Redis does not take the entry of the audit, or does not answer. */
  return async ({ by, text }: Sought, operator: string): Promise<Message[]> => {
    if (by === 'recipient') {
      const detail = { to: maskPhoneNumber(text) }
      await audit
        .append({ actor: `operator:${operator}`, action: 'message.searched', detail })
        .catch(refuseAsUnavailable)
    }
    const ids = by === 'id' ? [text] : await index.find(by, text, MOST_LOOKED_AT).catch(refuseAsUnavailable)
    const messages = await Promise.all(ids.map(store.read)).catch(refuseAsUnavailable)
    return messages
      .filter((message) => message !== undefined)
      .filter(isMeant)
      .toSorted((one, other) => other.acceptedAt - one.acceptedAt)
      .slice(0, MOST_FOUND)

    /** What the index says of a recipient or a reference is likely and not certain. */
    function isMeant({ to, reference }: Message): boolean {
      if (by === 'recipient') return to === text
      return by !== 'reference' || reference === text
    }
  }
}

export type FindMessages = ReturnType<typeof createFindMessages>
