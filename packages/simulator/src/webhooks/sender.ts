import type { AppSecret } from '../world/app-secret.ts'
import type { Clock } from '../world/clock.ts'
import { createFifo } from '../world/fifo.ts'
import type { Draw, Random } from '../world/random.ts'
import { createBatches, type Batch } from './batches.ts'
import { createDeliveries, type Parcel } from './deliveries.ts'
import { createDeliveryLog } from './delivery-log.ts'
import { createEndpoint } from './endpoint.ts'
import {
  metadataOf,
  webhookBody,
  webhookError,
  type WebhookGrouping,
  type WebhookOrigin,
  type WebhookVersion,
} from './payload.ts'
import type { WebhookPost } from './post.ts'
import { createSignatures } from './signatures.ts'
import { letGo, type Update } from './update.ts'

const QUEUE_CAP = 100_000
const LARGEST_BODY_BYTES = 3_000_000
const LONGEST_SWAP_MS = 2000
const groupings = ['changes', 'statuses', 'entries'] as const

/** Deliberate untidiness and the shape of webhooks; Meta's own are at-least-once, unordered and batched. */
export type WebhookHabits = {
  /** How often an update comes twice, 0 to 1. */
  readonly duplicateProbability: number
  /** How often an update is held back, so that later ones overtake it, 0 to 1. */
  readonly swapProbability: number
  /** How many updates may share a POST, up to 1000. */
  readonly batchSize: number
  /** How often the `sent` of a message is posted before its send is answered, 0 to 1. */
  readonly earlyProbability: number
  readonly grouping: WebhookGrouping
  readonly version: WebhookVersion
}

/**
 * Delivers updates at least once; see `createDeliveries`. At most 100,000 wait; beyond that new ones are dropped and
 * counted. While nobody listens, they are forgotten at once.
 */
export function createWebhookSender(deps: {
  url: string | undefined
  verifyToken: string | undefined
  appSecret: AppSecret
  origin: WebhookOrigin
  /** What an error of the account is about when nobody says. */
  phoneNumberId: string
  habits: WebhookHabits
  concurrency: number
  random: Random
  clock: Clock
  transport: WebhookPost
}) {
  const { clock, random, transport } = deps
  const count = { delivered: 0, dropped: 0 }
  const signatures = createSignatures(deps.appSecret)
  const log = createDeliveryLog()
  const announcing = random.stream('announcements')
  const batches = createBatches({ size: () => habits.batchSize, clock, random, close })
  const ready = createFifo<Batch>()
  let habits = deps.habits
  let waiting = 0

  const endpoint = createEndpoint({
    ...deps,
    get: transport.get,
    draw: random.stream('challenges'),
    opened: () => deliveries.pump(),
  })
  const deliveries = createDeliveries({
    target: endpoint.target,
    post: (url, body) => transport.post(url, body, signatures.of(body)),
    next: nextParcel,
    settled(updates, end) {
      count[end] += updates
      waiting -= updates
    },
    log,
    clock,
    concurrency: deps.concurrency,
  })

  /** Takes one update; it leaves at once, twice or late as the habits want. `draw` decides. */
  function notify(update: Update, draw: Draw = announcing): void {
    if (!endpoint.isListening()) return letGo([update])
    const copies = draw() < habits.duplicateProbability ? 2 : 1
    const isAwaited = update.kind === 'status' && update.posted !== undefined
    for (let copy = 0; copy < copies; copy += 1) {
      const isHeldBack = draw() < habits.swapProbability && !isAwaited
      if (isHeldBack) clock.after(Math.round(draw() * LONGEST_SWAP_MS), () => enqueue(update))
      else enqueue(update)
    }
  }

  function enqueue(update: Update): void {
    const isListening = endpoint.isListening()
    if (isListening && waiting < QUEUE_CAP) {
      waiting += 1
      return batches.add(update)
    }
    if (isListening) count.dropped += 1
    letGo([update])
  }

  function close(batch: Batch): void {
    ready.push(batch)
    deliveries.pump()
  }

  function nextParcel(): Parcel | undefined {
    const batch = ready.shift()
    if (batch === undefined) return undefined
    const parcel = { updates: batch.updates, body: bodyOf(batch) }
    if (parcel.body.length <= LARGEST_BODY_BYTES || batch.updates.length === 1) return parcel
    const half = Math.ceil(batch.updates.length / 2)
    ready.unshift({ ...batch, updates: batch.updates.slice(half) })
    ready.unshift({ ...batch, updates: batch.updates.slice(0, half) })
    return nextParcel()
  }

  function bodyOf({ nth, updates }: Batch): string {
    const drawn = groupings[Math.floor(random.stream('batches', nth)() * groupings.length)] ?? 'changes'
    const grouping = habits.grouping === 'mixed' ? drawn : habits.grouping
    return webhookBody(updates, deps.origin, { version: habits.version, grouping })
  }

  endpoint.begin()
  return {
    notify,
    endpoint,
    /** An event of the account: `{field, value}` of one change, with its time on the entry. */
    announce(field: string, value: object): void {
      const time = Math.floor(clock.now() / 1000)
      notify({ kind: 'value', field, value, label: field, time })
    },
    /** An error of the account as a whole: `value.errors[]`, without a message it belongs to. */
    announceError(graphCode: number, phoneNumberId = deps.phoneNumberId): void {
      const metadata = metadataOf(deps.origin, phoneNumberId)
      const value = { messaging_product: 'whatsapp', metadata, errors: [webhookError(graphCode)] }
      notify({ kind: 'value', field: 'messages', value, label: `error ${graphCode}` })
    },
    /** Changes how webhooks behave from now on. */
    setHabits(changes: Partial<WebhookHabits>): void {
      habits = { ...habits, ...changes }
    },
    habits: (): WebhookHabits => habits,
    breakSignatures: signatures.break,
    /** Where webhooks go from now on, also those that wait; nothing: they are not sent. */
    setUrl: endpoint.setUrl,
    /** The newest 200, oldest first. */
    deliveries: log.list,
    onDelivery: log.onDelivery,
    state: () => ({ ...endpoint.state(), waiting, ...deliveries.state(), ...count }),
    /** Forgets what waits; the clock is the caller's to clear. */
    reset(): void {
      for (const part of [deliveries, batches, ready, log]) part.clear()
      waiting = 0
      habits = deps.habits
      signatures.break(undefined)
      Object.assign(count, { delivered: 0, dropped: 0 })
      endpoint.reset()
    },
    close(): void {
      endpoint.close()
      deliveries.clear()
      transport.close()
    },
  }
}

export type WebhookSender = ReturnType<typeof createWebhookSender>
