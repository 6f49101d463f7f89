import { createRing } from '../world/ring.ts'

/** How a try at a webhook ended: the status code of the answer, or why there was none. */
export type WebhookOutcome = number | 'timeout' | 'reset' | 'refused'

/** One POST to the webhook, with all its tries. Never a secret: not the body, not the query of the URL. */
export type WebhookDelivery = {
  /** The first try, in milliseconds of simulated time. */
  readonly at: number
  readonly url: string
  /** How many updates it carries. */
  readonly updates: number
  /** `delivered × 3, sent`, or the field. */
  readonly summary: string
  /** Of the newest try; left out while the first one is under way. */
  readonly outcome?: WebhookOutcome
  readonly tries: number
  /** Real milliseconds of the newest try. */
  readonly ms: number
  /** Simulated time; left out when it was taken, or given up. */
  readonly nextTryAt?: number
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

const DELIVERY_CAP = 200

/** The newest 200 deliveries, and those who want to hear of each change. */
export function createDeliveryLog() {
  const ring = createRing<WebhookDelivery>(DELIVERY_CAP)
  const listeners = new Set<(delivery: WebhookDelivery) => void>()

  function tell(delivery: WebhookDelivery): void {
    for (const listener of listeners) listener({ ...delivery })
  }

  return {
    add(delivery: WebhookDelivery): WebhookDelivery {
      const kept = { ...delivery }
      ring.push(kept)
      tell(kept)
      return kept
    },
    update(delivery: WebhookDelivery, changes: Partial<WebhookDelivery>): void {
      const kept = delivery as Writable<WebhookDelivery>
      delete kept.nextTryAt
      tell(Object.assign(kept, changes))
    },
    /** Oldest first. */
    list: (): WebhookDelivery[] => ring.list().map((delivery) => ({ ...delivery })),
    onDelivery(listener: (delivery: WebhookDelivery) => void): () => void {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    clear: ring.clear,
  }
}

export type DeliveryLog = ReturnType<typeof createDeliveryLog>

/** Where a webhook went, without what may be secret in it. */
export function publicUrl(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
