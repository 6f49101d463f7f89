/**
 * Use case: what a webhook says. Arrivals move their messages before Meta has its 200; what is not that simple goes on the queue, in one
 * job: failures, receipts of messages that we do not know by an id of ours (yet), and notices. Whatever fails half-way, Meta comes again, and
 * a repeat changes nothing.
 */
import {
  enqueueReceipts,
  type Advance,
  type Notice,
  type Receipt,
  type ReceiptsJob,
  type RedisClient,
  type Traceparent,
} from '@relais/core'
import type { Queue } from 'bullmq'

/** When a webhook came last is for people: to the second will do. */
const NOTED_EVERY_MS = 1000

/** @param deps.lastReceiptKey where the moment of the last webhook is noted */
export function createTakeReceipts(deps: {
  advance: Advance
  queue: Queue<ReceiptsJob>
  redis: RedisClient
  lastReceiptKey: string
}) {
  const { advance, queue, redis, lastReceiptKey } = deps
  let notedAt = -Infinity

  /** @param webhook the span of the request that brought them */
  return async (receipts: Receipt[], notices: Notice[], webhook?: Traceparent): Promise<void> => {
    const isTaken = (receipt: Receipt) => isDone(receipt, webhook)
    const [areDone] = await Promise.all([Promise.all(receipts.map(isTaken)), noteLast()])
    const left = receipts.filter((_receipt, i) => !areDone[i])
    if (left.length + notices.length > 0) await enqueueReceipts(queue, left, notices, webhook)
  }

  async function isDone(receipt: Receipt, webhook: Traceparent | undefined): Promise<boolean> {
    const { messageId, status, providerMessageId } = receipt
    if (messageId === undefined || status === 'failed') return false
    return advance(messageId, status, providerMessageId, webhook)
  }

  async function noteLast(): Promise<void> {
    if (performance.now() - notedAt < NOTED_EVERY_MS) return
    notedAt = performance.now()
    await redis.set(lastReceiptKey, Date.now())
  }
}

export type TakeReceipts = ReturnType<typeof createTakeReceipts>
