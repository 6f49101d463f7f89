import { createRing } from './ring.ts'

export type MessageStatus = 'sent' | 'delivered' | 'read' | 'failed'

/** One step of a message. `at` in milliseconds; `graphCode` on `failed`. */
export type StatusChange = {
  readonly status: MessageStatus
  readonly at: number
  readonly graphCode?: number
}

/** A message the simulator accepted. */
export type ReceivedMessage = {
  /** `wamid....` */
  readonly id: string
  /** `+E.164`, after Meta's reading of the number. */
  readonly to: string
  readonly waId: string
  readonly phoneNumberId: string
  readonly type: 'text' | 'template'
  readonly template?: { readonly name: string; readonly language: string; readonly category: string }
  /** The one-time code of an authentication template. */
  readonly code?: string
  /** What the person reads. */
  readonly text: string
  readonly copyLabel?: string
  readonly footer?: string
  readonly callbackData?: string
  /** Acceptance, in milliseconds. */
  readonly acceptedAt: number
  /** What the recipient's number stands for: `online`, `phone off`, ... */
  readonly profile: string
  /** Grows as time passes. */
  readonly statuses: readonly StatusChange[]
  /** Accepted, but Meta would complain one day. */
  readonly policyWarning?: string
}

/** Messages kept: the newest 10,000. */
export const MESSAGE_CAP = 10_000

/** Accepted messages, newest 10,000, and those who want to hear of each change. */
export function createMessageLog() {
  const ring = createRing<ReceivedMessage & { statuses: StatusChange[] }>(MESSAGE_CAP)
  const listeners = new Set<(message: ReceivedMessage) => void>()

  function tell(message: ReceivedMessage): void {
    for (const listener of listeners) listener(message)
  }

  return {
    add(accepted: Omit<ReceivedMessage, 'statuses'>): ReceivedMessage {
      const message = { ...accepted, statuses: [] }
      ring.push(message)
      tell(message)
      return message
    },
    move(message: ReceivedMessage, change: StatusChange): void {
      ;(message.statuses as StatusChange[]).push(change)
      tell(message)
    },
    list: (): ReceivedMessage[] => ring.list(),
    /** Looks through what is kept, newest first. */
    find: (id: string): ReceivedMessage | undefined => ring.list().findLast((message) => message.id === id),
    total: ring.total,
    clear: ring.clear,
    onChange: (listener: (message: ReceivedMessage) => void) => void listeners.add(listener),
  }
}

export type MessageLog = ReturnType<typeof createMessageLog>
