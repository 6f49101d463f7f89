import type { MessageLog, ReceivedMessage, StatusChange } from './message-log.ts'
import type { Receipt, RecipientProfile } from './recipient-profiles.ts'
import { drawDelay, type Timers, type Timing } from './timing.ts'

/** Plays what happens to an accepted message: its statuses, each at its time, in the log and by webhook. */
export function createReceipts(deps: {
  timing: Timing
  random: () => number
  timers: Timers
  messages: MessageLog
  notify: (message: ReceivedMessage, change: StatusChange) => void
  now: () => number
}) {
  const { timing, random, timers } = deps

  function play(message: ReceivedMessage, receipt: Receipt): void {
    const failure = receipt.status === 'failed' ? { graphCode: receipt.graphCode } : {}
    const change: StatusChange = { status: receipt.status, at: deps.now(), ...failure }
    deps.messages.move(message, change)
    deps.notify(message, change)
  }

  /** A delay after acceptance, or after the step before when that came later. */
  function delayOf(receipt: Receipt, previousMs: number): number {
    if (receipt.status !== 'failed') return Math.max(previousMs, drawDelay(timing[receipt.status], random))
    return previousMs === 0
      ? drawDelay(timing.sent, random)
      : previousMs + drawDelay(timing.delivered, random)
  }

  /** Starts the life of a message that was just accepted. */
  return function follow(message: ReceivedMessage, profile: RecipientProfile): void {
    const receipts = (message.type === 'text' ? profile.textReceipts : undefined) ?? profile.receipts
    let ms = 0
    for (const receipt of receipts) {
      ms = delayOf(receipt, ms)
      timers.after(ms, () => play(message, receipt))
    }
  }
}
