/** Use case: which messages fell back of late, for the operators. No code is in it, and of a number only the last four digits. */
import {
  maskPhoneNumber,
  type Fallen,
  type FallbackReason,
  type Message,
  type MessageStore,
  type MessageType,
} from '@relais/core'

/** A message that fell back, as operators see it. Moments are milliseconds since 1970. */
export type FallbackEntry = {
  messageId: string
  app: string
  type: MessageType
  /** Its last four digits. */
  to: string
  reason: FallbackReason
  detail?: string
  fellBackAt: number
  expiresAt: number
  reference?: string
  /** Its code can be read now, by one operator. */
  isRevealable: boolean
  revealedAt?: number
  revealedBy?: string
  usedAt?: number
}

/** Records that are looked at for one answer: those of other apps are passed over, and there may be many. */
const MOST_LOOKED_AT = 1000

export function createListFallbacks(deps: { store: MessageStore; fallen: Fallen; now?: () => number }) {
  const { store, fallen, now = Date.now } = deps

  /**
   * The latest first.
   *
   * @param query.after go on after this message: `next` of the answer before
   * @param query.app only of this app
   * @returns `next` is null when there are no more. Fewer than `most` may come before that
   */
  return async (query: {
    most: number
    after?: string | undefined
    app?: string | undefined
  }): Promise<{ records: FallbackEntry[]; next: string | null }> => {
    const { most, app } = query
    const entries: FallbackEntry[] = []
    let after = query.after
    for (let lookedAt = 0; lookedAt < MOST_LOOKED_AT; lookedAt += most) {
      const found = await fallen.list(after, most)
      const page = await describe(found)
      for (const entry of page.filter((each) => app === undefined || each.app === app)) {
        entries.push(entry)
        if (entries.length === most) return { records: entries, next: entry.messageId }
      }
      if (found.length < most) return { records: entries, next: null }
      after = found.at(-1)?.id
    }
    return { records: entries, next: after ?? null }
  }

  async function describe(found: { id: string; at: number }[]): Promise<FallbackEntry[]> {
    const ids = found.map(({ id }) => id)
    const [messages, readable] = await Promise.all([
      Promise.all(ids.map(store.read)),
      fallen.withContent(ids),
    ])
    return found.flatMap(({ id, at }, index) => {
      const message = messages[index]
      return message ? [entryOf(message, at, readable.has(id))] : []
    })
  }

  function entryOf(message: Message, fellBackAt: number, hasContent: boolean): FallbackEntry {
    const { id, app, type, to, reason = 'undelivered', reasonDetail, expiresAt, reference } = message
    const { revealedAt, revealedBy, usedAt } = message
    return {
      messageId: id,
      app,
      type,
      to: maskPhoneNumber(to),
      reason,
      ...(reasonDetail !== undefined && { detail: reasonDetail }),
      fellBackAt,
      expiresAt,
      ...(reference !== undefined && { reference }),
      isRevealable: hasContent && revealedAt === undefined && now() < expiresAt,
      ...(revealedAt !== undefined && { revealedAt }),
      ...(revealedBy !== undefined && { revealedBy }),
      ...(usedAt !== undefined && { usedAt }),
    }
  }
}

export type ListFallbacks = ReturnType<typeof createListFallbacks>
