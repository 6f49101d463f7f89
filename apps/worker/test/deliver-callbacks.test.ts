/** Events of apps on a real Redis, posted to real receivers, with a clock that the test holds. */
import { randomBytes } from 'node:crypto'
import {
  CALLBACK_TIMES,
  createCallbackOutbox,
  createCallbackSettings,
  createEvents,
  createKeys,
  createLogger,
  createMessageStore,
  createMetrics,
  createPostCallback,
  createSealer,
  openQueue,
  openRedis,
  sealContent,
  Secret,
  type CallbackBody,
  type CallbackJob,
  type Message,
  type MessageStatus,
} from '@relais/core'
import { eventually, sharedRedisUrl, startReceiver, uniquePrefix, type Receiver } from '@relais/testing'
import { Worker } from 'bullmq'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createDeliverCallbacks } from '../src/deliver-callbacks.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const NUMBER = '+221771234567'

/** @param startsMs what the clock shows at first, from now on */
async function setup({ startsMs = 0 } = {}) {
  const redis = openRedis({ kind: 'single', url: sharedRedisUrl() }, 'patient', () => undefined)
  const prefix = uniquePrefix()
  const keys = createKeys(prefix)
  const encryptionKeys = [{ id: 'k1', key: new Secret(randomBytes(32).toString('base64')) }]
  const sealer = createSealer(encryptionKeys)
  const clock = { aheadMs: startsMs }
  const now = () => Date.now() + clock.aheadMs
  const store = createMessageStore({ redis, keys, encryptionKeys, now })
  const settings = createCallbackSettings({ redis, keys, sealer, now })
  const outbox = createCallbackOutbox({ redis, keys })
  const queue = openQueue<CallbackJob>('callbacks', { redis, prefix, onError: () => undefined })
  const poster = createPostCallback({ isPrivateAllowed: true, withinMs: 60_000 })
  const lines: Record<string, unknown>[] = []
  const logger = createLogger({ name: 'worker', level: 'silent', isPretty: false })
  const keep = (line: unknown) => void lines.push(line as Record<string, unknown>)
  Object.assign(logger, { debug: keep, info: keep, warn: keep, error: keep })
  const metrics = createMetrics()
  const events = createEvents({ logger, metrics, now })
  const stopping = new AbortController()
  const newDeliver = (post = poster.post, withSealer = sealer) =>
    createDeliverCallbacks({
      settings: createCallbackSettings({ redis, keys, sealer: withSealer, now }),
      outbox,
      queue,
      post,
      events,
      stopping: stopping.signal,
      onError: () => undefined,
      now,
      random: () => 0.5,
    })
  onTestFinished(async () => {
    stopping.abort()
    await poster.close()
    await queue.close()
    redis.disconnect()
  })
  const endpoints = new Map<string, { receiver: Receiver; secret: string }>()
  const { deliver } = newDeliver()

  return {
    redis,
    keys,
    prefix,
    clock,
    now,
    store,
    settings,
    outbox,
    lines,
    metrics,
    newDeliver,
    deliver,
    saidOf: (event: string) => lines.filter((line) => line['event'] === event),

    /** An app with an endpoint of its own. */
    async app(name: string): Promise<Receiver> {
      const receiver = await startReceiver()
      onTestFinished(() => receiver.close())
      const set = await settings.set(name, `${receiver.url}/hook`)
      if (set === 'too-many' || !set.secret) throw new Error('it has one already')
      endpoints.set(name, { receiver, secret: set.secret.reveal() })
      return receiver
    },

    /** What an app has got, each checked by the official library. @param since leaves out so many */
    got(name: string, since = 0): CallbackBody[] {
      const { receiver, secret = '' } = endpoints.get(name) ?? {}
      return (receiver?.received() ?? []).slice(since).map(({ body, headers }) => {
        const verified = new Webhook(secret).verify(body, headers as Record<string, string>) as CallbackBody
        expect(verified.id).toBe(headers['webhook-id'])
        return verified
      })
    },

    async accept(over: Partial<Message> = {}): Promise<string> {
      const acceptedAt = now()
      const message: Message = {
        id: `msg_${randomBytes(8).toString('hex')}`,
        app: 'wallet',
        type: 'otp',
        to: NUMBER,
        status: 'queued',
        attempts: 0,
        claims: 0,
        waits: 0,
        acceptedAt,
        expiresAt: acceptedAt + 300_000,
        timeline: [{ status: 'queued', at: acceptedAt }],
        ...over,
      }
      await store.create(message, sealContent(sealer, message.id, { type: 'otp', code: '482913' }))
      return message.id
    },

    async move(id: string, ...statuses: MessageStatus[]): Promise<void> {
      for (const to of statuses)
        await store.move(id, { to, ...(to === 'sent' && { set: { providerMessageId: 'wamid.hidden' } }) })
    },

    /** Turns of an app, as the clock goes on, until it is enough. */
    async turns(name: string, everyMs: number, isEnough: () => boolean | Promise<boolean>): Promise<void> {
      for (let turn = 0; !(await isEnough()); turn += 1) {
        if (turn > 3000) throw new Error('it is never enough')
        clock.aheadMs += everyMs
        if ((await outbox.dueApps(now()))?.includes(name)) await deliver(name)
      }
    },

    /** A worker as `consume.ts` starts it, that looks for what is due. */
    work(): void {
      const deliverCallbacks = newDeliver()
      const worker = new Worker<CallbackJob>('callbacks', (job) => deliverCallbacks.deliver(job.data.app), {
        connection: redis,
        prefix,
        concurrency: 50,
      })
      worker.on('error', () => undefined)
      deliverCallbacks.start()
      onTestFinished(async () => {
        stopping.abort()
        deliverCallbacks.close()
        await worker.close()
      })
    },
  }
}

type Fixture = Awaited<ReturnType<typeof setup>>

const sequencesOf = (bodies: readonly CallbackBody[], id: string) =>
  bodies.filter(({ messageId }) => messageId === id).map(({ sequence }) => sequence)

/** More than the endpoint may fail at a moment, and then for long enough. */
async function pause({ clock, outbox, deliver, accept, move }: Fixture): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < 20; i += 1) {
    const id = await accept()
    ids.push(id)
    await move(id, 'sent')
  }
  await deliver('wallet')
  clock.aheadMs += CALLBACK_TIMES.pausedAfterMs
  await deliver('wallet')
  expect((await outbox.state('wallet')).pausedAt).toBeDefined()
  return ids
}

describe('an app with a callback', () => {
  it('is told of each change that stays, in order, signed, and of nothing secret', async () => {
    const { app, accept, move, store, deliver, got, lines } = await setup()
    const receiver = await app('wallet')
    const id = await accept({ reference: 'login-7781' })
    await move(id, 'sending', 'uncertain', 'queued', 'sending', 'sent', 'delivered', 'read', 'used')
    await deliver('wallet')
    const at: unknown = expect.any(String)
    const common = { app: 'wallet', messageId: id, to: '…4567', reference: 'login-7781', at }
    expect(got('wallet')).toEqual(
      ['sent', 'delivered', 'read', 'used'].map((status, i) => {
        const sequence = i + 1
        return { ...common, type: `message.${status}`, status, sequence, id: `${id}.${sequence}` }
      }),
    )
    const { timeline } = (await store.read(id)) ?? { timeline: [] }
    const told = timeline.filter(({ status }) => !['queued', 'sending', 'uncertain'].includes(status))
    expect(got('wallet').map((body) => Date.parse(body.at))).toEqual(told.map((entry) => entry.at))
    const said = JSON.stringify([receiver.received().map(({ body }) => body), lines])
    for (const hidden of ['482913', NUMBER, NUMBER.slice(1), 'wamid', receiver.url, '/hook', 'whsec'])
      expect(said).not.toContain(hidden)
  })

  it.each(['expired', 'canceled'] as const)('is told that a message is %s', async (status) => {
    const { app, accept, move, deliver, got } = await setup()
    await app('wallet')
    const id = await accept({ isTest: true })
    await move(id, status)
    await move(id, 'sent')
    await deliver('wallet')
    expect(got('wallet')).toMatchObject([{ status, sequence: 1, isTest: true, messageId: id }])
  })

  it('is told why a message fell back', async () => {
    const { app, accept, move, store, deliver, got } = await setup()
    await app('wallet')
    const id = await accept()
    await store.decideFallback(id, { reason: 'recipient_unreachable', detail: 'no WhatsApp' })
    await move(id, 'fallback')
    await deliver('wallet')
    expect(got('wallet')).toMatchObject([{ status: 'fallback', reason: 'recipient_unreachable' }])
  })

  it('leaves nothing behind once it has taken all, and an app without one leaves nothing at all', async () => {
    const { app, accept, move, deliver, redis, keys, prefix } = await setup()
    await app('wallet')
    await move(await accept(), 'sent', 'delivered')
    await move(await accept({ app: 'shop' }), 'sent', 'delivered')
    await deliver('wallet')
    const left = await redis.keys(`${prefix}:callback-*`)
    expect(left.toSorted()).toEqual([keys.callbackHealth('wallet'), keys.callbacks()].toSorted())
  })

  it('gets every event, in sequence for each message, when its endpoint was down for half an hour', async () => {
    // So that what it gets in the end is signed for the present.
    const fixture = await setup({ startsMs: -33 * MINUTE_MS })
    const { app, accept, move, turns, got, clock, outbox, saidOf, now } = fixture
    const receiver = await app('wallet')
    receiver.answer(503)
    const began = now()
    const ids: string[] = []
    while (now() - began < 30 * MINUTE_MS) {
      const id = await accept()
      ids.push(id)
      await move(id, 'sent', 'delivered')
      const moment = now()
      await turns('wallet', 10 * SECOND_MS, () => now() - moment >= 50 * SECOND_MS)
      await move(id, ids.length % 2 === 0 ? 'read' : 'used')
    }
    const tried = receiver.received().length
    expect(saidOf('callback.paused')).toHaveLength(1)
    receiver.answer(204)
    await turns('wallet', 10 * SECOND_MS, async () => (await outbox.state('wallet')).waiting === 0)
    expect(clock.aheadMs).toBeLessThan(0)
    const taken = got('wallet', tried)
    expect(ids.length).toBeGreaterThan(30)
    for (const id of ids) expect(sequencesOf(taken, id)).toEqual([1, 2, 3])
    expect(new Set(taken.map(({ id }) => id)).size).toBe(taken.length)
    expect(saidOf('callback.resumed')).toHaveLength(1)
    expect(await outbox.state('wallet')).toMatchObject({ waiting: 0, dead: 0, failures: 0 })
  })

  it('is not held up by another whose endpoint does not answer', async () => {
    const { app, accept, move, work, got } = await setup()
    const slow = await app('slow')
    await app('wallet')
    slow.answer('hangs')
    for (let i = 0; i < 30; i += 1) await move(await accept({ app: 'slow' }), 'sent')
    work()
    await eventually(
      () => slow.received().length,
      (count) => count === 8,
      { what: 'posts that hang' },
    )
    const ids: string[] = []
    for (let i = 0; i < 30; i += 1) {
      const id = await accept()
      ids.push(id)
      await move(id, 'sent', 'delivered')
    }
    const bodies = await eventually(
      () => got('wallet'),
      (all) => all.length >= 60,
      { what: 'all events of the other app' },
    )
    for (const id of ids) expect(sequencesOf(bodies, id)).toEqual([1, 2])
    // As many as may be under way, and not one has had an answer.
    expect(slow.received()).toHaveLength(8)
    slow.answer(204)
    await eventually(
      () => new Set(got('slow').map(({ id }) => id)).size,
      (count) => count === 30,
      { what: 'the events of the slow one' },
    )
  })

  it('is not told of the next change before it has taken the one before, while its other messages go on', async () => {
    const { app, accept, move, deliver, clock, got, outbox } = await setup()
    const receiver = await app('wallet')
    const first = await accept()
    await move(first, 'sent')
    receiver.answer(500)
    await deliver('wallet')
    receiver.answer(204)
    await move(first, 'delivered')
    const second = await accept()
    await move(second, 'sent')
    await deliver('wallet')
    expect(got('wallet', 1)).toMatchObject([{ messageId: second }])
    clock.aheadMs += CALLBACK_TIMES.firstAgainMs
    await deliver('wallet')
    expect(sequencesOf(got('wallet'), first)).toEqual([1, 1, 2])
    expect((await outbox.state('wallet')).waiting).toBe(0)
  })

  it('gets an event once more, with the same id, when the worker died with the answer', async () => {
    const { app, accept, move, newDeliver, deliver } = await setup()
    const receiver = await app('wallet')
    const id = await accept()
    await move(id, 'sent', 'delivered')
    const dying = newDeliver(async (target, event) => {
      await fetch(target.url.reveal(), { method: 'POST', body: event.body })
      throw new Error('killed')
    })
    await expect(dying.deliver('wallet')).rejects.toThrow('killed')
    expect(receiver.received()).toHaveLength(1)
    await deliver('wallet')
    const ids = receiver.received().map(({ body }) => (JSON.parse(body) as CallbackBody).id)
    expect(ids).toEqual([`${id}.1`, `${id}.1`, `${id}.2`])
  })

  it('is signed with both secrets after a rotation', async () => {
    const { app, accept, move, settings, deliver, got } = await setup()
    const receiver = await app('wallet')
    const rotated = await settings.rotate('wallet')
    await move(await accept(), 'sent')
    await deliver('wallet')
    // By the old secret, and by the new one.
    expect(got('wallet')).toHaveLength(1)
    const [first] = receiver.received()
    const present = new Webhook(rotated?.secret.reveal() ?? '')
    const headers = first?.headers as Record<string, string>
    expect(present.verify(first?.body ?? '', headers)).toMatchObject({ status: 'sent' })
  })

  it('that is removed is told nothing more, and nothing waits for it', async () => {
    const { app, accept, move, settings, deliver, redis, prefix } = await setup()
    const receiver = await app('wallet')
    const id = await accept()
    await move(id, 'sent')
    await settings.remove('wallet')
    await deliver('wallet')
    await move(id, 'delivered')
    expect(receiver.received()).toEqual([])
    expect(await redis.keys(`${prefix}:callback-*`)).toEqual([])
  })

  it('has its events wait while its settings do not open', async () => {
    const { app, accept, move, newDeliver, deliver, got, outbox, now, clock, saidOf } = await setup()
    const receiver = await app('wallet')
    await move(await accept(), 'sent')
    const other = createSealer([{ id: 'k2', key: new Secret(randomBytes(32).toString('base64')) }])
    await newDeliver(undefined, other).deliver('wallet')
    expect(saidOf('callback.unreadable')).toHaveLength(1)
    expect(await outbox.dueApps(now())).toEqual([])
    clock.aheadMs += CALLBACK_TIMES.probeEveryMs
    expect(await outbox.dueApps(now())).toEqual(['wallet'])
    // Once they do, an event that is not taken waits as always.
    receiver.answer(500)
    await deliver('wallet')
    expect(await outbox.dueApps(now())).toEqual([])
    receiver.answer(204)
    clock.aheadMs += CALLBACK_TIMES.firstAgainMs
    await deliver('wallet')
    expect(got('wallet')).toHaveLength(2)
  })
})

describe('an endpoint that fails', () => {
  it('is paused, tried with one event now and then, and gets all once it has taken that', async () => {
    const fixture = await setup()
    const { app, outbox, clock, now, deliver, saidOf } = fixture
    const receiver = await app('wallet')
    receiver.answer(500)
    const ids = await pause(fixture)
    expect(saidOf('callback.paused')).toMatchObject([{ app: 'wallet', why: 'HTTP 500' }])
    expect(await outbox.dueApps(now())).toEqual([])
    clock.aheadMs += CALLBACK_TIMES.probeEveryMs
    expect(await outbox.dueApps(now())).toEqual(['wallet'])
    const before = receiver.received().length
    await deliver('wallet')
    expect(receiver.received()).toHaveLength(before + 1)
    expect(await outbox.dueApps(now())).toEqual([])
    receiver.answer(204)
    clock.aheadMs += CALLBACK_TIMES.probeEveryMs
    await deliver('wallet')
    const taken = receiver
      .received()
      .slice(before + 1)
      .map(({ headers }) => headers['webhook-id'])
    expect(taken).toHaveLength(ids.length)
    expect(new Set(taken)).toEqual(new Set(ids.map((id) => `${id}.1`)))
    expect(saidOf('callback.resumed')).toHaveLength(1)
    expect(await outbox.state('wallet')).toMatchObject({ waiting: 0, failures: 0 })
  })

  it('gets all that waits at once when an operator resumes it', async () => {
    const fixture = await setup()
    const { app, outbox, now, deliver } = fixture
    const receiver = await app('wallet')
    receiver.answer(500)
    const ids = await pause(fixture)
    receiver.answer(204)
    const before = receiver.received().length
    expect([await outbox.resume('wallet'), await outbox.resume('wallet')]).toEqual([true, false])
    expect(await outbox.dueApps(now())).toEqual(['wallet'])
    await deliver('wallet')
    expect(receiver.received()).toHaveLength(before + ids.length)
  })

  it('leaves dead letters after a day, which are posted in order when they are driven again', async () => {
    const { app, accept, move, outbox, clock, now, deliver, saidOf, metrics } = await setup()
    const receiver = await app('wallet')
    receiver.answer(500)
    const id = await accept()
    await move(id, 'sent', 'delivered')
    await deliver('wallet')
    clock.aheadMs += 24 * HOUR_MS
    await deliver('wallet')
    await move(id, 'used')
    expect(saidOf('callback.dead')).toMatchObject([{ app: 'wallet', count: 2 }])
    expect(await metrics.registry.metrics()).toContain('relais_callbacks_total{outcome="dead"} 2')
    expect(await outbox.dead('wallet', 10)).toMatchObject([
      { messageId: id, sequence: 2, status: 'delivered', why: 'not taken within a day' },
      { messageId: id, sequence: 1, status: 'sent', tries: 1 },
    ])
    receiver.answer(204)
    const before = receiver.received().length
    expect([await outbox.redrive('wallet', now()), await outbox.redrive('wallet', now())]).toEqual([2, 0])
    await deliver('wallet')
    const bodies = receiver
      .received()
      .slice(before)
      .map(({ body }) => JSON.parse(body) as CallbackBody)
    expect(sequencesOf(bodies, id)).toEqual([1, 2, 3])
    expect(await outbox.state('wallet')).toMatchObject({ waiting: 0, dead: 0 })
  })

  it('and is paused for a day leaves dead letters as well', async () => {
    const fixture = await setup()
    const { app, outbox, clock, deliver } = fixture
    const receiver = await app('wallet')
    receiver.answer(500)
    await pause(fixture)
    clock.aheadMs += 24 * HOUR_MS
    await deliver('wallet')
    expect(await outbox.state('wallet')).toMatchObject({ waiting: 0, dead: 20 })
  })

  it('has the oldest given up when too many wait', async () => {
    const { app, accept, move, outbox, redis, keys, now } = await setup()
    await app('wallet')
    const oldest = await accept()
    await move(oldest, 'sent')
    const others = Array.from({ length: 9999 }, (_, i) => [now() + 60_000, `msg_other${i}`]).flat()
    await redis.zadd(keys.callbackWaiting('wallet'), ...others)
    expect((await outbox.state('wallet')).dead).toBe(0)
    await move(await accept(), 'sent')
    expect(await outbox.state('wallet')).toMatchObject({ waiting: 10_000, dead: 1 })
    expect(await outbox.dead('wallet', 1)).toMatchObject([{ messageId: oldest, why: 'too many wait' }])
  })
})
