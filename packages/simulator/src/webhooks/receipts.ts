import type { MessageLog, ReceivedMessage, StatusChange } from '../world/message-log.ts'
import type { Receipt, RecipientProfile } from '../world/recipient-profiles.ts'
import type { Clock } from '../world/clock.ts'
import { drawDelay, type Timing } from '../world/timing.ts'

/** Plays what happens to an accepted message: its statuses, each at its time, in the log and by webhook. */
export function createReceipts(deps: {
  timing: Timing
  random: () => number
  clock: Clock
  messages: MessageLog
  notify: (message: ReceivedMessage, change: StatusChange) => void
}) {
  const { timing, random, clock } = deps

  function play(message: ReceivedMessage, receipt: Receipt): void {
    const failure = receipt.status === 'failed' ? { graphCode: receipt.graphCode } : {}
    const change: StatusChange = { status: receipt.status, at: clock.now(), ...failure }
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
      clock.after(ms, () => play(message, receipt))
    }
  }
}
