import {
  comesUp,
  createAcceptance,
  createGauges,
  createKeys,
  createMessageStore,
  createMetrics,
  createPacing,
  createPauses,
  createUnsettled,
  enqueueFallback,
  openQueue,
  openRedis,
  Secret,
  type MessageJob,
  type TokenRecord,
} from '@relais/core'
import { startRedis, uniquePrefix } from '@relais/testing'
import { expect, it, onTestFinished } from 'vitest'
import { encryptionKeys, newMessage } from './message-fixture.ts'
import { redisFixture } from './redis-fixture.ts'

const SENDER = '106540352242922'
const HOUR_MS = 3600_000

/** Gauges on this Redis, of a sender whose token the test holds. */
function setup(redis = redisFixture().redis) {
  const prefix = uniquePrefix()
  const keys = createKeys(prefix)
  const clock = { elapsedMs: 0 }
  const queueOptions = { redis, prefix, onError: () => undefined }
  const messages = openQueue<MessageJob>('messages', queueOptions)
  const fallback = openQueue<MessageJob>('fallback', queueOptions)
  onTestFinished(async () => void (await Promise.all([messages.close(), fallback.close()])))
  const metrics = createMetrics()
  const pauses = createPauses({ redis, keys, senderId: SENDER })
  const pacing = createPacing({ redis, keys })
  const token: { record: TokenRecord | undefined; secondsLeft: number } = {
    record: undefined,
    secondsLeft: 0,
  }
  const sender = {
    phoneNumberId: SENDER,
    ratePerSecond: 80,
    renewBeforeMs: undefined,
    accessToken: { record: async () => token.record, secondsLeft: async () => token.secondsLeft },
  }
  const gauges = createGauges({
    metrics,
    redis,
    key: keys.timers(),
    lastReceiptKey: keys.lastReceipt(),
    queues: [messages, fallback],
    fallback,
    unsettled: createUnsettled({ redis, keys }),
    pauses,
    pacing,
    sender,
    receiptsExpected: true,
    elapsed: () => clock.elapsedMs,
  })
  const acceptance = createAcceptance({ redis, keys, prefix, encryptionKeys })
  const store = createMessageStore({ redis, keys, encryptionKeys })
  return {
    redis,
    keys,
    clock,
    metrics,
    gauges,
    pauses,
    pacing,
    sender,
    token,
    fallback,
    acceptance,
    store,
    lines,
  }

  /** The samples of these metrics, after a refresh unless it fails. */
  async function lines(...names: string[]): Promise<string[]> {
    await gauges.refresh().catch(() => undefined)
    const text = await metrics.registry.metrics()
    const isAsked = (line: string) => names.some((name) => new RegExp(`^relais_${name}[ {]`).test(line))
    return text.split('\n').filter(isAsked)
  }
}

function recordOf(over: Partial<TokenRecord>): TokenRecord {
  const token = { version: 1, accessToken: new Secret('EAA'), source: 'env' as const, obtainedAt: Date.now() }
  return { generation: 'g', version: 1, tokens: [{ ...token, expiresAt: Date.now() + HOUR_MS }], ...over }
}

it('say nothing before anybody has looked, and all that Redis tells after it', async () => {
  const { metrics, lines } = setup()
  const before = (await metrics.registry.metrics())
    .split('\n')
    .filter((line) => /^relais_(queue|token_s|redis)/.test(line))
  expect(before).toEqual([])
  expect(
    await lines('queue_jobs', 'token_expires_in_seconds', 'receipts_expected', 'gauges_age_seconds'),
  ).toEqual([
    ...['messages', 'fallback'].flatMap((queue) =>
      ['waiting', 'active', 'delayed', 'failed'].map(
        (state) => `relais_queue_jobs{queue="${queue}",state="${state}"} 0`,
      ),
    ),
    'relais_token_expires_in_seconds 0',
    'relais_receipts_expected 1',
    'relais_gauges_age_seconds 0',
  ])
  expect(Number((await lines('redis_used_memory_bytes'))[0]?.split(' ')[1])).toBeGreaterThan(100_000)
})

it('the age of the oldest that is not sent is that of a message which waits to be sent, and of no other', async () => {
  const { acceptance, store, lines } = setup()
  const ageOf = async () => Number((await lines('oldest_waiting_seconds'))[0]?.split(' ')[1])
  expect(await ageOf()).toBe(0)
  const accept = (id: string, secondsAgo: number, over: object = {}) =>
    acceptance.accept(newMessage({ id, acceptedAt: Date.now() - secondsAgo * 1000, ...over }), 'sealed')
  await accept('msg_sent', 90)
  await accept('msg_test', 80, { isTest: true })
  await accept('msg_falling', 70)
  await accept('msg_waits', 50)
  await accept('msg_younger', 10)
  await store.move('msg_sent', { to: 'sent' })
  await store.decideFallback('msg_falling', { reason: 'undelivered', detail: 'no receipt' })
  const age = await ageOf()
  expect(age).toBeGreaterThanOrEqual(50)
  expect(age).toBeLessThan(70)
})

it('the fallback has an age of its own', async () => {
  const { fallback, lines } = setup()
  await enqueueFallback(fallback, { id: 'msg_1' })
  await fallback.add('fall-back', { messageId: 'msg_2' }, { timestamp: Date.now() - 30_000, delay: HOUR_MS })
  const [line = ''] = (await lines('oldest_waiting_seconds')).filter((each) => each.includes('"fallback"'))
  expect(Number(line.split(' ')[1])).toBeGreaterThanOrEqual(30)
})

it('one state of the token is the present one, and renewals that failed in a row are counted', async () => {
  const { token, lines } = setup()
  const present = async () =>
    (await lines('token_state')).filter((line) => line.endsWith(' 1')).map((line) => /"(.*)"/.exec(line)?.[1])
  expect(await present()).toEqual(['missing'])
  token.record = recordOf({ lastRenewal: { at: 1, ok: false, error: '190', failures: 3, retryAt: 2 } })
  expect(await present()).toEqual(['valid'])
  expect(await lines('token_renewal_failures')).toEqual(['relais_token_renewal_failures 3'])
  token.record = recordOf({ lastRenewal: { at: 1, ok: true } })
  expect(await lines('token_renewal_failures')).toEqual(['relais_token_renewal_failures 0'])
  const [stored] = token.record.tokens
  token.record = recordOf({ tokens: stored ? [{ ...stored, refusedAt: 1 }] : [] })
  expect(await present()).toEqual(['invalid'])
  token.secondsLeft = Infinity
  expect(await lines('token_expires_in_seconds')).toEqual(['relais_token_expires_in_seconds +Inf'])
})

it('a pause is told while it lasts, and a slower pace as well', async () => {
  const { pauses, pacing, sender, lines } = setup()
  await pauses.begin('sender', { reason: 'sender_blocked', detail: 'locked' })
  await pauses.begin({ name: 'otp_login', language: 'fr' }, { reason: 'template_rejected', detail: 'paused' })
  expect((await lines('paused')).toSorted()).toEqual([
    'relais_paused{what="sender",reason="sender_blocked"} 1',
    'relais_paused{what="template otp_login fr",reason="template_rejected"} 1',
  ])
  await pauses.end('sender')
  expect(await lines('paused')).toEqual([
    'relais_paused{what="template otp_login fr",reason="template_rejected"} 1',
  ])
  expect(await lines('sender_slowed', 'sender_rate_per_second')).toEqual([
    'relais_sender_rate_per_second 80',
    'relais_sender_slowed 0',
  ])
  await pacing.slowDown(sender, { sentMsAgo: 0, reason: '130429' })
  expect(await lines('sender_slowed', 'sender_rate_per_second')).toEqual([
    'relais_sender_rate_per_second 40',
    'relais_sender_slowed 1',
  ])
})

it('without any receipt its age is infinite', async () => {
  const { redis, keys, lines } = setup()
  expect(await lines('last_receipt_age_seconds')).toEqual(['relais_last_receipt_age_seconds +Inf'])
  await redis.set(keys.lastReceipt(), Date.now() - 5000)
  const age = Number((await lines('last_receipt_age_seconds'))[0]?.split(' ')[1])
  expect(age).toBeGreaterThanOrEqual(5)
})

it('what Redis does not tell any more is told for a minute, with its age, and then left out', async () => {
  await using server = await startRedis()
  const redis = openRedis(
    { kind: 'single', url: server.url },
    { failWithinMs: 200 },
    () => undefined,
    'relais-test',
  )
  onTestFinished(() => redis.disconnect())
  expect(await comesUp(redis, 'any', 5000)).toBe(true)
  const { clock, lines } = setup(redis)
  const names = ['queue_jobs', 'token_state', 'redis_used_memory_bytes', 'paused', 'sender_slowed']
  const told = await lines(...names)
  expect(told).toHaveLength(8 + 5 + 1 + 1)
  await server.freeze()
  clock.elapsedMs += 59_000
  expect(await lines(...names)).toEqual(told)
  expect(await lines('gauges_age_seconds')).toEqual(['relais_gauges_age_seconds 59'])
  clock.elapsedMs += 2000
  expect(await lines(...names)).toEqual([])
  expect(await lines('gauges_age_seconds')).toEqual(['relais_gauges_age_seconds 61'])
  await server.thaw()
})
