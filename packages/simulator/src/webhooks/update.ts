import type { ReceivedMessage, StatusChange } from '../world/message-log.ts'

/** One status of one message, on its way to the webhook. */
export type StatusUpdate = {
  readonly kind: 'status'
  readonly message: ReceivedMessage
  readonly change: StatusChange
  /** Called once the POST that carries it has been tried, or when nobody will ever send it. */
  readonly posted?: (() => void) | undefined
}

/** Anything else: an inbound message, an event of the account, an error of the account. */
type ValueUpdate = {
  readonly kind: 'value'
  readonly field: string
  readonly value: object
  /** A word or two for the list of deliveries. */
  readonly label: string
  /** Unix seconds in `entry[].time`: events of the account carry it. */
  readonly time?: number
}

/** What a webhook carries: up to 1000 of them a POST. */
export type Update = StatusUpdate | ValueUpdate

/** What a POST carried, in a few words: `delivered × 3, sent`. */
export function summaryOf(updates: readonly Update[]): string {
  const counts = new Map<string, number>()
  for (const update of updates) {
    const label = update.kind === 'status' ? update.change.status : update.label
    counts.set(label, (counts.get(label) ?? 0) + 1)
  }
  return [...counts].map(([label, count]) => (count === 1 ? label : `${label} × ${count}`)).join(', ')
}

/** Lets go whoever waits for these to be posted. */
export function letGo(updates: readonly Update[]): void {
  for (const update of updates) if (update.kind === 'status') update.posted?.()
}
