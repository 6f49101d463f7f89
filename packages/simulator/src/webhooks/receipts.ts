import type { Clock } from '../world/clock.ts'
import type { MessageLog, ReceivedMessage, StatusChange } from '../world/message-log.ts'
import type { Draw, Random } from '../world/random.ts'
import type { Receipt, RecipientProfile } from '../world/recipient-profiles.ts'
import type { Recipients } from '../world/recipients.ts'
import { drawDelay, type Timing } from '../world/timing.ts'
import { createWaitingPhones } from '../world/waiting-phones.ts'
import type { Update } from './update.ts'

/** While so much waits for its time, on a clock that stands still or behind a flood, further statuses never come. */
const WAITING_CAP = 500_000

/** What is still to happen to a message: each receipt so many milliseconds after the one before. */
type Life = {
  readonly message: ReceivedMessage
  readonly receipts: readonly Receipt[]
  readonly gaps: readonly number[]
  readonly draw: Draw
  next: number
  posted?: (() => void) | undefined
}

/**
 * Plays what happens to an accepted message: its statuses, each at its time, in the log and by webhook. The phone is
 * asked at each step how it is set: what cannot be delivered waits for it, for as long as the template allows.
 */
export function createReceipts(deps: {
  timing: Omit<Timing, 'answer'>
  random: Random
  clock: Clock
  messages: MessageLog
  recipients: Recipients
  ttlSecondsOf: (message: ReceivedMessage) => number
  isWindowOpen: (number: string) => boolean
  /** How often `sent` is posted before the call is answered, 0 to 1; 0 while nobody listens. */
  earlyProbability: () => number
  /** How long a call is held back at most for its early `sent`. */
  longestHold: () => Promise<void>
  notify: (update: Update, draw: Draw) => void
}) {
  const { timing, clock, recipients } = deps
  const phones = createWaitingPhones<Life>()

  /** Starts the life of a message that was just accepted. A promise: its call is not to be answered before. */
  function follow(message: ReceivedMessage, profile: RecipientProfile): Promise<void> | undefined {
    const draw = deps.random.stream('messages', deps.messages.total())
    const isEarly = draw() < deps.earlyProbability() && profile.heldSeconds === undefined
    const receipts = receiptsOf(message, profile)
    const gaps = plan(receipts, profile, draw, isEarly)
    const life: Life = { message, receipts, gaps, draw, next: 0 }
    wind(life)
    if (!isEarly || receipts.length === 0) return undefined
    const posted = new Promise<void>((resolve) => (life.posted = resolve))
    return Promise.race([posted, deps.longestHold()])
  }

  function receiptsOf(message: ReceivedMessage, profile: RecipientProfile): readonly Receipt[] {
    if (message.type === 'text' && profile.textReceipts === undefined && !deps.isWindowOpen(message.to))
      return [{ status: 'failed', graphCode: 131047 }]
    if (message.type === 'text') return profile.textReceipts ?? profile.receipts
    const isMarketing = message.template?.category === 'MARKETING'
    return (isMarketing ? profile.marketingReceipts : undefined) ?? profile.receipts
  }

  /** Delays count from acceptance, or from the step before when that came later. */
  function plan(
    receipts: readonly Receipt[],
    profile: RecipientProfile,
    draw: Draw,
    isEarly: boolean,
  ): number[] {
    const heldMs = (profile.heldSeconds ?? 0) * 1000
    let at = 0
    return receipts.map((receipt, index) => {
      const before = at
      const drawn = drawDelay(delayOf(receipt, index), draw)
      const ms = isEarly && index === 0 ? 0 : heldMs + drawn
      at = receipt.status === 'failed' ? before + drawn : Math.max(before, ms)
      return at - before
    })
  }

  function delayOf(receipt: Receipt, index: number) {
    if (receipt.status !== 'failed') return timing[receipt.status]
    return index === 0 ? timing.sent : timing.delivered
  }

  function wind(life: Life): void {
    const gapMs = life.gaps[life.next]
    if (gapMs === undefined || clock.waiting() >= WAITING_CAP) return
    clock.after(gapMs, () => step(life))
  }

  function step(life: Life): void {
    const receipt = life.receipts[life.next]
    if (receipt === undefined) return
    const phone = recipients.switches(life.message.to)
    if (receipt.status === 'sent' && phone.hasNoWhatsApp) return fail(life, 131026)
    const needsPhone = receipt.status === 'delivered' || receipt.status === 'read'
    if (needsPhone && phone.hasBlockedUs) return
    if (needsPhone && (phone.isOff || phone.hasNoWhatsApp)) return wait(life)
    life.next += 1
    if (receipt.status === 'failed') play(life, 'failed', receipt.graphCode)
    else if (receipt.status !== 'read' || !phone.hasReceiptsOff) play(life, receipt.status)
    wind(life)
  }

  function play(life: Life, status: StatusChange['status'], graphCode?: number): void {
    const { message, posted } = life
    const change = { status, at: clock.now(), ...(graphCode === undefined ? {} : { graphCode }) }
    life.posted = undefined
    deps.messages.move(message, change)
    deps.notify({ kind: 'status', message, change, posted }, life.draw)
  }

  /** The end, whatever else was planned. */
  function fail(life: Life, graphCode: number): void {
    life.next = life.receipts.length
    play(life, 'failed', graphCode)
  }

  function wait(life: Life): void {
    const { message } = life
    phones.add(message.to, life)
    if (wasDelivered(message) || recipients.expiresWith(message.to) === null) return
    clock.after(expiryOf(message) - clock.now(), () => {
      if (phones.remove(message.to, life)) expire(life)
    })
  }

  function expiryOf(message: ReceivedMessage): number {
    return message.acceptedAt + deps.ttlSecondsOf(message) * 1000
  }

  /** The message is dropped; whether anybody hears of it is not known of Meta. */
  function expire(life: Life): void {
    const graphCode = recipients.expiresWith(life.message.to)
    if (graphCode !== null) fail(life, graphCode)
  }

  /** The phone is back: it gets what waited, unless that is worthless by now. */
  function resume(number: string): void {
    for (const life of phones.take(number)) {
      const isTooLate = !wasDelivered(life.message) && clock.now() >= expiryOf(life.message)
      if (isTooLate) expire(life)
      else clock.after(drawDelay(timing.delivered, life.draw), () => step(life))
    }
  }

  recipients.onChange(() => {
    for (const number of phones.numbers()) {
      const { isOff, hasNoWhatsApp } = recipients.switches(number)
      if (!isOff && !hasNoWhatsApp) resume(number)
    }
  })

  return { follow, clear: phones.clear }
}

export type Receipts = ReturnType<typeof createReceipts>

function wasDelivered({ statuses }: ReceivedMessage): boolean {
  return statuses.some(({ status }) => status === 'delivered')
}
