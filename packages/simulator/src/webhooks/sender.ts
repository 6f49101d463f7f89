import type { Clock } from '../world/clock.ts'
import { signatureOf, webhookBody, type StatusUpdate, type WebhookOrigin } from './payload.ts'
import type { WebhookPost } from './post.ts'

const QUEUE_CAP = 20_000
const MAX_TRIES = 20
const FIRST_GAP_MS = 250
const LONGEST_GAP_MS = 60_000
const LONGEST_SWAP_MS = 2000

/** Posts under way at once. */
export const WEBHOOK_CONCURRENCY = 16

/** Deliberate untidiness; Meta's own webhooks are at-least-once, unordered and batched. */
export type WebhookDisorder = {
  readonly duplicateProbability: number
  /** How often a status is held back, so that later ones overtake it. */
  readonly swapProbability: number
  /** How many waiting updates go into one POST. */
  readonly batchSize: number
}

type Delivery = { body: string; updates: number; tries: number }

/**
 * Delivers statuses at least once: again at once when the receiver fails, then in growing gaps, 20 tries in all.
 * At most 20,000 updates wait; beyond that new ones are dropped and counted.
 */
export function createWebhookSender(deps: {
  url: string | undefined
  appSecret: string
  origin: WebhookOrigin
  disorder: WebhookDisorder
  random: () => number
  clock: Clock
  transport: WebhookPost
}) {
  const { disorder, random, clock } = deps
  const count = { delivered: 0, failedTries: 0, dropped: 0 }
  let url = deps.url
  let waiting: StatusUpdate[] = []
  /** Deliveries that failed and are due again; they go before what is new. */
  let due: Delivery[] = []
  let retrying = 0
  let active = 0
  /** Answers that come back after a reset belong to nobody. */
  let era = 0

  function enqueue(update: StatusUpdate): void {
    if (url === undefined) return
    if (waiting.length + retrying >= QUEUE_CAP) {
      count.dropped += 1
      return
    }
    waiting.push(update)
    pump()
  }

  function pump(): void {
    while (url !== undefined && active < WEBHOOK_CONCURRENCY) {
      const delivery = due.shift() ?? nextBatch()
      if (delivery === undefined) return
      void deliver(url, delivery)
    }
  }

  function nextBatch(): Delivery | undefined {
    const updates = waiting.splice(0, disorder.batchSize)
    if (updates.length === 0) return undefined
    return { body: webhookBody(updates, deps.origin), updates: updates.length, tries: 0 }
  }

  async function deliver(target: string, delivery: Delivery): Promise<void> {
    const startedIn = era
    active += 1
    if (delivery.tries > 0) retrying -= delivery.updates
    delivery.tries += 1
    const taken = await deps.transport.post(target, delivery.body, signatureOf(delivery.body, deps.appSecret))
    if (startedIn !== era) return
    active -= 1
    if (taken) count.delivered += delivery.updates
    else retry(delivery)
    pump()
  }

  function retry(delivery: Delivery): void {
    count.failedTries += 1
    if (delivery.tries >= MAX_TRIES) {
      count.dropped += delivery.updates
      return
    }
    retrying += delivery.updates
    clock.after(retryGapMs(delivery.tries), () => {
      due.push(delivery)
      pump()
    })
  }

  /** Takes one status; it leaves at once, twice or late as the disorder wants. */
  function notify(update: StatusUpdate): void {
    const copies = random() < disorder.duplicateProbability ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) {
      if (random() < disorder.swapProbability) clock.after(random() * LONGEST_SWAP_MS, () => enqueue(update))
      else enqueue(update)
    }
  }

  return {
    notify,
    /** Where statuses go from now on, also those that wait; nothing: they are not sent. */
    setUrl(next: string | undefined): void {
      url = next
      pump()
    },
    state: () => ({ url: url ?? null, waiting: waiting.length + retrying, active, ...count }),
    /** Forgets what waits; the clock is the caller's to clear. */
    reset(): void {
      era += 1
      waiting = []
      due = []
      retrying = 0
      active = 0
      url = deps.url
      Object.assign(count, { delivered: 0, failedTries: 0, dropped: 0 })
    },
  }
}

/** At once, then 250 ms, 500 ms, ... up to a minute. */
function retryGapMs(tries: number): number {
  return tries === 1 ? 0 : Math.min(LONGEST_GAP_MS, FIRST_GAP_MS * 2 ** (tries - 2))
}
