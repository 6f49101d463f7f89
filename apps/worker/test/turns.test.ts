import { createClaims, createKeys, createMessageStore, createPacing, openRedis, Secret } from '@relais/core'
import { sharedRedisUrl, uniquePrefix } from '@relais/testing'
import { randomBytes } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createTurns } from '../src/turns.ts'

/** Longer than any of these tests waits. */
const LONG_MS = 30_000

/**
 * @param leftMs for how long a message may wait
 * @param mostSends so many may be claimed and not sent
 */
function setup(ratePerSecond: number, leftMs = LONG_MS, mostSends = 100) {
  const redis = openRedis({ kind: 'single', url: sharedRedisUrl() }, 'patient', () => undefined)
  const stopping = new AbortController()
  onTestFinished(() => {
    stopping.abort()
    redis.disconnect()
  })
  const sender = { phoneNumberId: '106540352242922', ratePerSecond }
  const keys = createKeys(uniquePrefix())
  const pacing = createPacing({ redis, keys })
  const claims = createClaims({ redis, keys, pacing })
  const lost: number[] = []
  const watched: typeof claims = {
    take: (from, asks, unused = 0) => {
      if (unused > 0) lost.push(unused)
      return claims.take(from, asks, unused)
    },
  }
  const way = { isBlocked: false }
  const slowDown = () => pacing.slowDown(sender, { sentMsAgo: -LONG_MS, reason: '130429' })
  const encryptionKeys = [{ id: 'k1', key: new Secret(randomBytes(32).toString('base64')) }]
  const store = createMessageStore({ redis, keys, encryptionKeys })
  return {
    turns: createTurns({
      claims: watched,
      sender,
      mostSends,
      isInTheWay: () => way.isBlocked,
      leftMs: () => leftMs,
      now: Date.now,
      stopping: stopping.signal,
    }),
    way,
    stopping,
    slowDown,
    lost,
    store,

    async accept(): Promise<string> {
      const id = `msg_${randomBytes(8).toString('hex')}`
      const acceptedAt = Date.now()
      const timeline = [{ status: 'queued' as const, at: acceptedAt }]
      const counts = { attempts: 0, claims: 0, waits: 0 }
      const message = {
        id,
        app: 'wallet',
        type: 'otp',
        to: '+221771234567',
        status: 'queued',
        ...counts,
      } as const
      await store.create({ ...message, acceptedAt, expiresAt: acceptedAt + 300_000, timeline }, 'sealed')
      return id
    },
  }
}

/** Keeps the process from doing anything else. */
function hold(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

describe('the turns of messages that wait in a worker', () => {
  it('go by priority, and among equals by who came first', async () => {
    const { turns } = setup(50)
    const order: string[] = []
    const messages = [9, 3, 7, 3, 1, 9, 2].map(async (priority, i) => {
      await turns.slot(priority, LONG_MS)
      order.push(`${priority} ${i}`)
    })
    await Promise.all(messages)
    expect(order).toEqual(['1 4', '2 6', '3 1', '3 3', '7 2', '9 0', '9 5'])
  })

  it('come one gap apart', async () => {
    const { turns } = setup(100)
    const got = await Promise.all(Array.from({ length: 30 }, () => turns.slot(1, LONG_MS)))
    const at = got.flatMap((turn) => (turn.kind === 'slot' && turn.slot !== undefined ? [turn.slot] : []))
    expect(at).toHaveLength(30)
    expect(Math.max(...at) - Math.min(...at)).toBeGreaterThan((29 * 10) / 1.05 - 50)
  })

  it('do not come while the sender is stopped for long: the messages give their places to others', async () => {
    const { turns, slowDown } = setup(50)
    for (const pauseMs of [1000, 2000, 4000]) expect(await slowDown()).toMatchObject({ pauseMs })
    expect(await turns.slot(1, LONG_MS)).toMatchObject({ kind: 'far' })
  })

  it('are not waited for longer than the message can', async () => {
    const { turns, slowDown } = setup(50)
    await slowDown()
    expect(await turns.slot(1, 5)).toMatchObject({ kind: 'out-of-time' })
  })

  it('of messages that came at the same moment are claimed in one call, and each hears of its own', async () => {
    const { turns, accept, store } = setup(0)
    const ids = await Promise.all(Array.from({ length: 5 }, () => accept()))
    const settled = ids[2] ?? ''
    await store.move(settled, { to: 'used' })
    const claimed = await Promise.all(ids.map((id) => turns.claim({ id, from: 'queued', priority: 1 })))
    expect(claimed.map(({ kind }) => kind)).toEqual(['claimed', 'claimed', 'refused', 'claimed', 'claimed'])
    for (const [i, turn] of claimed.entries()) {
      const status = turn.kind === 'claimed' ? 'sending' : 'used'
      expect('message' in turn && turn.message).toMatchObject({ id: ids[i], status })
    }
  })

  it('do not come while something is in the way: the messages are looked at first', async () => {
    const { turns, accept, store, way } = setup(0, LONG_MS, 1)
    const [first, second] = [await accept(), await accept()]
    expect((await turns.claim({ id: first, from: 'queued', priority: 1 })).kind).toBe('claimed')
    const waits = turns.claim({ id: second, from: 'queued', priority: 1 })
    way.isBlocked = true
    turns.over()
    expect(await waits).toMatchObject({ kind: 'in-the-way' })
    expect((await store.read(second))?.status).toBe('queued')
  })

  it('come when there is room among the sends', async () => {
    const { turns, accept, store } = setup(0, LONG_MS, 2)
    const ids = await Promise.all(Array.from({ length: 5 }, accept))
    const claimed: string[] = []
    const all = ids.map(async (id) => {
      if ((await turns.claim({ id, from: 'queued', priority: 1 })).kind === 'claimed') claimed.push(id)
    })
    await Promise.all(all.slice(0, 2))
    // Nothing but a send that is over lets another one in.
    for (const expected of [3, 4, 5]) {
      expect(
        (await Promise.all(ids.map(store.read))).filter((each) => each?.status === 'sending'),
      ).toHaveLength(expected - 1)
      turns.over()
      await all[expected - 1]
    }
    expect(claimed).toEqual(ids)
  })

  it('of messages that are not let go leave their room to others', async () => {
    const { turns, accept, store } = setup(0, LONG_MS, 1)
    const [gone, kept] = [await accept(), await accept()]
    await store.move(gone, { to: 'used' })
    expect((await turns.claim({ id: gone, from: 'queued', priority: 1 })).kind).toBe('refused')
    const slot = await turns.slot(1, LONG_MS)
    expect(slot.kind).toBe('slot')
    turns.giveBack(undefined)
    expect((await turns.claim({ id: kept, from: 'queued', priority: 1 })).kind).toBe('claimed')
  })

  it('are not waited for longer than a message can, and it is known then which one it was', async () => {
    const { turns, accept, slowDown } = setup(50, 5)
    await slowDown()
    const id = await accept()
    const turn = await turns.claim({ id, from: 'queued', priority: 1 })
    expect(turn).toMatchObject({ kind: 'out-of-time', message: { id, status: 'queued' } })
  })

  it('are not waited for by a process that stops, but a claim that is on its way counts', async () => {
    const { turns, accept, stopping } = setup(0)
    const id = await accept()
    const claimed = turns.claim({ id, from: 'queued', priority: 1 })
    await new Promise(setImmediate) // it is asked for
    stopping.abort()
    expect(await claimed).toMatchObject({ kind: 'claimed' })
  })

  it('are not waited for by a process that stops', async () => {
    const { turns, stopping, slowDown } = setup(50)
    await slowDown()
    const waiting = turns.slot(1, LONG_MS)
    stopping.abort()
    expect(await waiting).toMatchObject({ kind: 'stopping' })
    expect(await turns.slot(1, LONG_MS)).toMatchObject({ kind: 'stopping' })
  })

  it('that were missed by a little are used one after another, not all at once', async () => {
    const { turns } = setup(100)
    const from = performance.now() + 10
    const sent: number[] = []
    const sends = Array.from({ length: 8 }, async (_, i) => {
      await turns.comes(from + 10 * i)
      sent.push(performance.now())
    })
    hold(80)
    await Promise.all(sends)
    // Seven gaps at three per cent more than the pace, less what is allowed for timers.
    expect(Math.max(...sent) - Math.min(...sent)).toBeGreaterThan((7 * 10) / 1.03 - 25 - 2)
  })

  it('that were missed by much are given up for the next, and Redis is told', async () => {
    const { turns, lost } = setup(100)
    await turns.comes(performance.now() - 500)
    expect(lost[0]).toBe(1)
    // On a crowded machine the next may be missed as well; each is told once.
    expect(new Set(lost)).toEqual(new Set([1]))
  })
})
