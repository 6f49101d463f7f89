import type { Clock } from '../world/clock.ts'
import { createFifo } from '../world/fifo.ts'
import { publicUrl, type DeliveryLog, type WebhookDelivery, type WebhookOutcome } from './delivery-log.ts'
import { retryGapMs, RETRY_LIFE_MS } from './retry-gaps.ts'
import { letGo, summaryOf, type Update } from './update.ts'

/** A body that is ready to be posted, and what is in it. */
export type Parcel = { readonly body: string; readonly updates: readonly Update[] }

type Delivery = Parcel & { readonly record: WebhookDelivery }

/**
 * Posts parcels, several at once, and each again until it is taken: at once, then in growing gaps for 7 days of
 * simulated time. Anything but a 200 in time is a failure.
 */
export function createDeliveries(deps: {
  /** Where to post at this moment, if anywhere. */
  target: () => string | undefined
  post: (url: string, body: string) => Promise<WebhookOutcome>
  /** The next parcel that was never tried. */
  next: () => Parcel | undefined
  /** Nothing more happens to so many updates. */
  settled: (updates: number, end: 'delivered' | 'dropped') => void
  log: DeliveryLog
  clock: Clock
  /** POSTs under way at once. */
  concurrency: number
}) {
  const { clock, log } = deps
  /** Deliveries that failed and are due again; they go before what is new. */
  const due = createFifo<Delivery>()
  let active = 0
  let failedTries = 0
  /** Answers that come back after a reset belong to nobody. */
  let era = 0

  function pump(): void {
    while (active < deps.concurrency) {
      const target = deps.target()
      const delivery = target === undefined ? undefined : (due.shift() ?? begin(target))
      if (target === undefined || delivery === undefined) return
      void deliver(target, delivery)
    }
  }

  function begin(target: string): Delivery | undefined {
    const parcel = deps.next()
    if (parcel === undefined) return undefined
    const { length } = parcel.updates
    const summary = summaryOf(parcel.updates)
    const record = log.add({
      at: clock.now(),
      url: publicUrl(target),
      updates: length,
      summary,
      tries: 0,
      ms: 0,
    })
    return { ...parcel, record }
  }

  async function deliver(target: string, delivery: Delivery): Promise<void> {
    const startedIn = era
    const startedAt = performance.now()
    active += 1
    const outcome = await deps.post(target, delivery.body)
    if (startedIn !== era) return
    active -= 1
    note(delivery, outcome, Math.round(performance.now() - startedAt))
    letGo(delivery.updates)
    pump()
  }

  function note(delivery: Delivery, outcome: WebhookOutcome, ms: number): void {
    const tries = delivery.record.tries + 1
    const changes = { outcome, ms, tries }
    if (outcome === 200) deps.settled(delivery.updates.length, 'delivered')
    else failedTries += 1
    const gapMs = retryGapMs(tries)
    const isTooLate = clock.now() + gapMs > delivery.record.at + RETRY_LIFE_MS
    if (outcome === 200 || isTooLate) log.update(delivery.record, changes)
    else retry(delivery, changes, gapMs)
    if (outcome !== 200 && isTooLate) deps.settled(delivery.updates.length, 'dropped')
  }

  function retry(delivery: Delivery, changes: Partial<WebhookDelivery>, gapMs: number): void {
    log.update(delivery.record, { ...changes, nextTryAt: clock.now() + gapMs })
    if (gapMs === 0) return due.push(delivery)
    clock.after(gapMs, () => {
      due.push(delivery)
      pump()
    })
  }

  return {
    pump,
    state: () => ({ active, failedTries }),
    /** Forgets what is under way; the clock is the caller's to clear. */
    clear(): void {
      era += 1
      active = 0
      failedTries = 0
      due.clear()
    },
  }
}
