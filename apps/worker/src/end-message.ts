/** How a message ends that WhatsApp does not deliver: in the fallback, or at its deadline. One place for all who find that out. */
import {
  enqueueFallback,
  isSettled,
  type Events,
  type FallbackReason,
  type Message,
  type MessageJob,
  type MessageStore,
  type MoveResult,
  type PumpingGuard,
} from '@relais/core'
import type { Queue } from 'bullmq'
import { setTimeout as sleep } from 'node:timers/promises'

/** What must not be lost to a fault of Redis is noted again and again, for as long as the job is surely ours. */
const NOTE_AGAIN_MS = 250
const MOST_NOTES = 20

/** @param deps.guard learns that a code was not sent; absent when it is off */
export function createEndMessage(deps: {
  store: MessageStore
  fallbackQueue: Queue<MessageJob>
  events: Events
  guard?: Pick<PumpingGuard, 'notSent'> | undefined
}) {
  const { store, fallbackQueue, events, guard } = deps

  return {
    /**
     * Decides that a message goes to the fallback and puts it on that queue. Decided once: whoever comes second finds the first reason,
     * and sees to it that the queue has the message, in case the first died in between.
     *
     * @param why.claims only while this claim is the last one
     * @returns the reason that stands; undefined if the message is settled, or not ours to decide about
     */
    async fallBack(
      message: Message,
      why: { reason: FallbackReason; detail: string; claims?: number },
    ): Promise<{ reason: FallbackReason | undefined; decided: MoveResult }> {
      const decided = await noted(() => store.decideFallback(message.id, why))
      const latest = decided.message
      if (!latest?.reason || isSettled(latest.status)) return { reason: undefined, decided }
      await enqueueFallback(fallbackQueue, latest)
      if (decided.moved) events.fallbackDecided(message, latest.reason)
      return { reason: latest.reason, decided }
    },

    /** Ends a message whose deadline passed before it was sent. */
    async expire(message: Message): Promise<void> {
      const detail = 'the deadline passed before it was sent'
      const { moved } = await store.move(message.id, {
        to: 'expired',
        from: ['queued'],
        unlessFallingBack: true,
        detail,
      })
      if (!moved) return
      events.messageExpired(message)
      events.messageEnded('expired', '')
      await guard?.notSent(message)
    },
  }
}

export type EndMessage = ReturnType<typeof createEndMessage>

/** Makes a note that must be made, through faults of Redis that pass. */
export async function noted<T>(note: () => Promise<T>): Promise<T> {
  for (let notes = 1; ; notes += 1) {
    try {
      return await note()
    } catch (error) {
      if (notes === MOST_NOTES) throw error
      await sleep(NOTE_AGAIN_MS)
    }
  }
}
