/** The worker's use cases on a real Redis, with a Meta, a clock and dice that the test holds. */
import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import {
  createAdvance,
  createAppCredentials,
  createClaims,
  createEvents,
  createKeys,
  createLogger,
  createMessageStore,
  createMetrics,
  createPacing,
  createPairBudget,
  createPauses,
  createPumpingGuard,
  createSealer,
  createSharedToken,
  createTokenVault,
  createUnsettled,
  openQueue,
  openRedis,
  sealContent,
  Secret,
  type AgeSeal,
  type Message,
  type MessageContent,
  type MessageJob,
  type Outcome,
  type StepPolicy,
} from '@relais/core'
import { sharedRedisUrl, uniquePrefix } from '@relais/testing'
import { onTestFinished } from 'vitest'
import { createCircuitBreaker } from '../src/circuit-breaker.ts'
import { createDeliverTest } from '../src/deliver-test.ts'
import { createDeliver } from '../src/deliver.ts'
import { createEndMessage } from '../src/end-message.ts'
import { createFallBack } from '../src/fall-back.ts'
import { createRecordNotice } from '../src/record-notice.ts'
import { createRecordReceipt } from '../src/record-receipt.ts'
import { createSweep } from '../src/sweep.ts'

export const senderId = '106540352242922'

export const accepted: Outcome = { kind: 'accepted', providerMessageId: 'wamid.1' }
export const refusedToken: Outcome = { kind: 'failed', failure: 'token-expired', detail: '190 expired' }

export async function workerFixture(
  options: {
    onUncertain?: 'resend' | 'fallback'
    token?: string | null
    ratePerSecond?: number
    deliverWithinMs?: number
    fallbackCodes?: 'plain' | 'masked' | 'sealed'
    sealToOperators?: AgeSeal
  } = {},
) {
  const redis = openRedis({ kind: 'single', url: sharedRedisUrl() }, 'patient', () => undefined)
  /** The test's clock runs with the real one until it is moved. */
  const clock = { aheadMs: 0 }
  const prefix = uniquePrefix()
  const keys = createKeys(prefix)
  const encryptionKeys = [{ id: 'k1', key: new Secret(randomBytes(32).toString('base64')) }]
  const sealer = createSealer(encryptionKeys)
  const { deliverWithinMs } = options
  const store = createMessageStore({
    redis,
    keys,
    encryptionKeys,
    deliverWithinMs,
    now: () => Date.now() + clock.aheadMs,
  })
  const unsettled = createUnsettled({ redis, keys, now: () => Date.now() + clock.aheadMs })
  const queueOptions = { redis, prefix, onError: () => undefined }
  const messageQueue = openQueue<MessageJob>('messages', queueOptions)
  const fallbackQueue = openQueue<MessageJob>('fallback', queueOptions)
  onTestFinished(async () => {
    await Promise.all([messageQueue.close(), fallbackQueue.close()])
    redis.disconnect()
  })
  const app = createAppCredentials({ appId: undefined, appSecret: undefined })
  const vault = createTokenVault({ redis, keys, sealer, senderId })
  if (options.token !== null) {
    const accessToken = new Secret(options.token ?? 'EAAtoken')
    await vault.bootstrap({ accessToken, source: 'env', obtainedAt: Date.now(), expiresAt: null })
  }

  const now = () => Date.now() + clock.aheadMs
  const meta = { answers: [] as (Outcome | (() => Promise<Outcome>))[], sends: [] as string[] }
  const records: Record<string, unknown>[] = []
  const logger = createLogger({ name: 'worker', level: 'silent', isPretty: false })
  const events = createEvents({ logger, metrics: createMetrics() })
  const policy: StepPolicy = {
    maxAttempts: 3,
    uncertainWaitMs: 8000,
    sendingMs: 10_000,
    deliverWithinMs: options.deliverWithinMs,
  }
  const pacing = createPacing({ redis, keys, nowMicros: () => now() * 1000 })
  const claims = createClaims({ redis, keys, pacing, now })
  const pauses = createPauses({ redis, keys, senderId, now })
  const guard = createPumpingGuard({ redis, keys })
  const end = createEndMessage({ store, fallbackQueue, events, guard })
  const stopping = new AbortController()
  setMaxListeners(0, stopping.signal)

  const breaker = createCircuitBreaker({ events, stopping: stopping.signal })

  const newSharedToken = () => createSharedToken({ vault, app, useMarginMs: 0, renewBeforeMs: undefined })
  const newDeliver = () =>
    createDeliver({
      sender: {
        phoneNumberId: senderId,
        ratePerSecond: options.ratePerSecond ?? 0,
        accessToken: newSharedToken(),
      },
      store,
      sealer,
      graph: {
        async send(_sender, _token, { id }, content) {
          meta.sends.push(`${id} ${JSON.stringify(content)}`)
          const answer = meta.answers.shift() ?? accepted
          return typeof answer === 'function' ? answer() : answer
        },
      },
      pacing,
      claims,
      pairBudget: createPairBudget({ redis, keys, senderId, now }),
      pauses,
      breaker,
      end,
      deliverTest: createDeliverTest({ store, end, now }),
      events,
      policy,
      replication: { isOut: () => false, isReached: async () => true },
      onUncertain: options.onUncertain ?? 'resend',
      mostSends: 50,
      mostInHand: 0,
      stopping: stopping.signal,
      onError: (error) => {
        throw error
      },
      now,
      random: () => 1,
    })

  return {
    redis,
    prefix,
    keys,
    end,
    guard,
    events,
    policy,
    store,
    sealer,
    vault,
    clock,
    meta,
    records,
    stopping,
    newDeliver,
    deliver: newDeliver(),
    recordReceipt: createRecordReceipt({
      store,
      advance: createAdvance({ store, events }),
      end,
      pauses,
      events,
    }),
    recordNotice: createRecordNotice({ store, pauses, events, guard }),
    pauses,
    breaker,
    claims,
    unsettled,
    sweep: createSweep({
      store,
      unsettled,
      accessToken: newSharedToken(),
      messageQueue,
      breaker,
      fallbackQueue,
      end,
      events,
      policy,
      onError: (error) => {
        throw error
      },
      now,
    }),
    messageQueue,
    fallBack: createFallBack({
      store,
      sealer,
      sink: { write: async (record) => void records.push(record as Record<string, unknown>) },
      events,
      guard,
      codes: options.fallbackCodes ?? 'plain',
      sealToOperators: options.sealToOperators,
      now,
    }),
    fallbackJobs: async () => (await fallbackQueue.getJobs()).map((job) => job.data),

    /** Holds the next send open: tells when it has begun, and ends it with the outcome given. */
    holdNextSend() {
      let answer = (_outcome: Outcome): void => undefined
      const hasBegun = new Promise<void>((resolve) => {
        meta.answers.push(() => {
          resolve()
          return new Promise<Outcome>((settle) => (answer = settle))
        })
      })
      return { hasBegun, answer: (outcome: Outcome) => answer(outcome) }
    },

    /** A message that was just accepted. */
    async accept(over: Partial<Message> = {}, content: MessageContent = { type: 'otp', code: '482913' }) {
      const acceptedAt = Date.now()
      const message: Message = {
        id: `msg_${randomBytes(8).toString('hex')}`,
        app: 'wallet',
        type: 'otp',
        to: '+221771234567',
        template: 'otp_login',
        language: 'fr',
        status: 'queued',
        attempts: 0,
        claims: 0,
        waits: 0,
        acceptedAt,
        expiresAt: acceptedAt + 300_000,
        timeline: [{ status: 'queued', at: acceptedAt }],
        ...over,
      }
      await store.create(message, sealContent(sealer, message.id, content))
      return message.id
    },
  }
}
