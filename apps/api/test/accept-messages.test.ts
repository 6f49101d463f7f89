import { randomBytes } from 'node:crypto'
import {
  createAdmission,
  createEvents,
  createAcceptance,
  createKeys,
  createLimitWatch,
  createLogger,
  createMessageStore,
  createMetrics,
  createSealer,
  openQueue,
  openRedis,
  Secret,
  type Message,
  type MessageJob,
  type Limits,
} from '@relais/core'
import { eventually, startRedis, uniquePrefix } from '@relais/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createAcceptMessages, type Submission, type Submitted } from '../src/accept-messages.ts'
import { ProblemError } from '../src/problem.ts'
import { WALLET } from './api-fixture.ts'

const code = { type: 'otp', to: '+221771234567', code: '482913' } as const

/**
 * An acceptance that gives Redis 50 ms, and a Redis of its own to keep it waiting.
 *
 * @param options.isReached whether the replicas have what was written
 * @param options.isWatched whether there may be rulings of operators, which have to be known first
 */
async function setup(
  options: {
    limits?: Limits
    isReached?: () => Promise<boolean>
    isOut?: () => boolean
    withinMs?: number
    isWatched?: boolean
  } = {},
) {
  const { limits = { cooldownMs: 0, maxPerHour: 0 }, isReached = () => Promise.resolve(true) } = options
  const { withinMs = 50, isWatched = false, isOut = () => false } = options
  const server = await startRedis()
  const redis = openRedis({ kind: 'single', url: server.url }, { failWithinMs: 5000 }, () => undefined)
  const prefix = uniquePrefix()
  const keys = createKeys(prefix)
  const queue = openQueue<MessageJob>('messages', { redis, prefix, onError: () => undefined })
  onTestFinished(async () => {
    await queue.close()
    redis.disconnect()
    await server.stop()
  })
  const encryptionKeys = [{ id: 'k1', key: new Secret(randomBytes(32).toString('base64')) }]
  const store = createMessageStore({ redis, keys, encryptionKeys })
  const watch = isWatched && { watch: createLimitWatch({ redis, keys, onError: () => undefined }) }
  const accept = createAcceptMessages({
    admission: createAdmission({ redis, keys, encryptionKeys, limits, ...watch }),
    capacity: { requireRoom: () => undefined, requireSafety: () => undefined, took: () => undefined },
    acceptance: createAcceptance({ redis, keys, prefix, encryptionKeys }),
    store,
    replication: { isOut, isReached },
    sealer: createSealer(encryptionKeys),
    events: createEvents({
      logger: createLogger({ name: 'api', level: 'silent', isPretty: false }),
      metrics: createMetrics(),
    }),
    defaults: { template: 'otp_login', language: 'fr', ttlSeconds: 300 },
    withinMs,
  })
  await eventually(
    () => redis.status,
    (status) => status === 'ready',
  )
  const refusal = { code: 'queue_unavailable' }
  return {
    server,
    redis,
    accept,
    store,
    /** Redis answers nobody for a while, then does all that it was told. */
    pause: () => redis.call('CLIENT', 'PAUSE', '500', 'ALL'),
    refused: (submission: Submission) => expect(accept(submission)).rejects.toMatchObject(refusal),
    /** Tries until the message is accepted. Whatever was refused before has had its time by then. */
    async accepted(submission: Submission): Promise<Submitted> {
      const tries = () => accept(submission).catch(() => undefined)
      const acceptance = await eventually(tries, (answer) => answer !== undefined)
      return acceptance as Submitted
    },
    async messages() {
      const ids = (await redis.keys(keys.message('*'))).map((name) => name.slice(keys.message('').length))
      const all = await Promise.all(ids.map((id) => store.read(id)))
      return all.flatMap((message) => message ?? [])
    },
    jobs: async () => (await queue.getJobs()).map(({ data }) => data.messageId),
  }
}

const idsOf = ({ results }: Submitted) => results.map((result) => (result as Message).id)

describe('what Redis takes too late', () => {
  it.each([1, 20])('is refused, and then it is canceled and not sent: %i at once', async (count) => {
    const { pause, refused, accepted, messages, jobs } = await setup()
    const submission = { caller: WALLET, requests: Array.from({ length: count }, () => code) }
    await pause()
    await refused(submission)
    const ids = idsOf(await accepted(submission))
    const others = await eventually(
      async () => (await messages()).filter(({ id }) => !ids.includes(id)),
      (left) => left.length >= count && left.every(({ status }) => status === 'canceled'),
    )
    // A job that came too late to be held back finds its message canceled.
    expect(await jobs()).toEqual(expect.arrayContaining(ids))
    expect(others.every(({ timeline }) => timeline.at(-1)?.detail === 'not accepted')).toBe(true)
  })

  it('is canceled right behind what Redis was told before, so that no worker sees it', async () => {
    const { server, redis, refused, messages } = await setup()
    await server.freeze()
    const said = vi.spyOn(redis, 'sendCommand')
    await refused({ caller: WALLET, requests: [code] })
    await eventually(
      () => said.mock.calls.length,
      (commands) => commands === 2,
      { what: 'a second command, before the first is answered' },
    )
    await server.thaw()
    const [message] = await eventually(messages, ([one]) => one?.status === 'canceled')
    expect(message?.timeline.map(({ status }) => status)).toEqual(['queued', 'canceled'])
  })

  it('is not told to Redis any more when the rulings of operators came too late', async () => {
    const { server, redis, refused, messages } = await setup({
      isWatched: true,
      limits: { cooldownMs: 30_000, maxPerHour: 1 },
    })
    await server.freeze()
    const said = vi.spyOn(redis, 'sendCommand')
    await refused({ caller: WALLET, requests: [code], idempotency: { key: 'k', body: '{}' } })
    await server.thaw()
    await eventually(
      () => said.mock.calls.length,
      (commands) => commands === 5,
      { what: 'two looks, and three steps of the withdrawal' },
    )
    expect(await messages()).toEqual([])
    expect(await redis.keys('*')).toEqual([])
  })

  it('is one message when it is repeated with its key, however often it was refused', async () => {
    const { pause, refused, accepted, messages, jobs } = await setup()
    const submission = { caller: WALLET, requests: [code], idempotency: { key: 'k', body: '{}' } }
    await pause()
    await Promise.all([refused(submission), refused(submission), refused(submission)])
    const ids = idsOf(await accepted(submission))
    expect(idsOf(await accepted(submission))).toEqual(ids)
    const live = await eventually(
      async () => (await messages()).filter(({ status }) => status !== 'canceled'),
      ({ length }) => length === 1,
    )
    expect(live.map(({ id }) => id)).toEqual(ids)
    expect(await jobs()).toEqual(expect.arrayContaining(ids))
  })

  it('and what a worker has taken before it could be canceled is the message of the repeat', async () => {
    const isClaimed = async (): Promise<boolean> => {
      const [message] = await messages()
      if (message?.status !== 'queued') return true
      await store.move(message.id, { to: 'sending', set: { claims: 1 } })
      return false
    }
    const { store, refused, accepted, messages } = await setup({ isReached: isClaimed })
    const submission = { caller: WALLET, requests: [code], idempotency: { key: 'k', body: '{}' } }
    await refused(submission)
    // At once: before it can be known whether it was sent.
    const ids = idsOf(await accepted(submission))
    expect(await messages()).toMatchObject([{ id: ids[0], status: 'sending' }])
  })

  it("of a batch of which a worker had taken one is told one by one: that one is the repeat's, the others are refused", async () => {
    let isClaimed = false
    const claimOne = async (): Promise<boolean> => {
      const [first] = await messages()
      if (isClaimed || !first) return true
      isClaimed = true
      await store.move(first.id, { to: 'sending', set: { claims: 1 } })
      return false
    }
    const { store, refused, accepted, messages } = await setup({ isReached: claimOne, withinMs: 10_000 })
    const other = { ...code, to: '+221771234568' }
    const submission = { caller: WALLET, requests: [code, other], idempotency: { key: 'k', body: '{}' } }
    await refused(submission)
    const { results } = await accepted(submission)
    const refusals = results.filter((result) => result instanceof ProblemError)
    expect(refusals).toMatchObject([{ statusCode: 503, code: 'queue_unavailable' }])
    expect((await messages()).map(({ status }) => status).toSorted()).toEqual(['canceled', 'sending'])
  })

  it('is not counted for its recipient', async () => {
    const { pause, refused, accepted } = await setup({ limits: { cooldownMs: 30_000, maxPerHour: 1 } })
    const submission = { caller: WALLET, requests: [code] }
    await pause()
    await refused(submission)
    const isLetIn = ({ results }: Submitted) => !(results[0] instanceof ProblemError)
    await eventually(() => accepted(submission), isLetIn)
    expect((await accepted(submission)).results[0]).toMatchObject({ code: 'recipient_limited' })
  })
})

it('tells Redis nothing while too few replicas are there', async () => {
  const { redis, refused } = await setup({ isOut: () => true })
  const said = vi.spyOn(redis, 'sendCommand')
  await refused({ caller: WALLET, requests: [code], idempotency: { key: 'k', body: '{}' } })
  expect(said).not.toHaveBeenCalled()
})

it('waits for Redis once: behind a request with its key go its messages, before it is answered', async () => {
  const { server, redis, accept, jobs } = await setup({ withinMs: 20_000 })
  const submission = { caller: WALLET, requests: [code], idempotency: { key: 'k', body: '{}' } }
  await server.freeze()
  const said = vi.spyOn(redis, 'sendCommand')
  const accepted = accept(submission)
  await eventually(
    () => said.mock.calls.map(([{ name }]) => name),
    (names) => names.length === 2,
  )
  await server.thaw()
  const ids = idsOf(await accepted)
  expect(await jobs()).toEqual(ids)
  expect(await accept(submission)).toMatchObject({ isRepeat: true, results: [{ id: ids[0] }] })
  expect(await jobs()).toEqual(ids)
})

it('says each thing once to Redis, also when it has to know the rulings of operators first', async () => {
  const { redis, accept } = await setup({ isWatched: true, withinMs: 20_000 })
  const said = vi.spyOn(redis, 'sendCommand')
  await accept({ caller: WALLET, requests: [code], idempotency: { key: 'k', body: '{}' } })
  // Messages that come before their request are not let in, and have to come again.
  expect(said.mock.calls.map(([{ name }]) => name)).toEqual(['hgetall', 'hgetall', 'eval', 'eval'])
})
