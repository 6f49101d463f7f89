import { createKeys, createPacing, openRedis } from '@relais/core'
import { sharedRedisUrl, uniquePrefix } from '@relais/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createTurns } from '../src/turns.ts'

/** Longer than any of these tests waits. */
const LONG_MS = 30_000

function setup(ratePerSecond: number) {
  const redis = openRedis({ kind: 'single', url: sharedRedisUrl() }, 'patient', () => undefined)
  const stopping = new AbortController()
  onTestFinished(() => {
    stopping.abort()
    redis.disconnect()
  })
  const sender = { phoneNumberId: '106540352242922', ratePerSecond }
  const pacing = createPacing({ redis, keys: createKeys(uniquePrefix()) })
  const lost: number[] = []
  const watched = {
    ...pacing,
    reserve: (...[from, most, unused = 0]: Parameters<typeof pacing.reserve>) => {
      if (unused > 0) lost.push(unused)
      return pacing.reserve(from, most, unused)
    },
  }
  const slowDown = () => pacing.slowDown(sender, { sentMsAgo: -LONG_MS, reason: '130429' })
  return {
    turns: createTurns({ pacing: watched, sender, stopping: stopping.signal }),
    stopping,
    slowDown,
    lost,
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
      await turns.next(priority, LONG_MS)
      order.push(`${priority} ${i}`)
    })
    await Promise.all(messages)
    expect(order).toEqual(['1 4', '2 6', '3 1', '3 3', '7 2', '9 0', '9 5'])
  })

  it('come one gap apart', async () => {
    const { turns } = setup(100)
    const got = await Promise.all(Array.from({ length: 30 }, () => turns.next(1, LONG_MS)))
    const at = got.flatMap((turn) => (turn.kind === 'slot' ? [turn.at] : []))
    expect(at).toHaveLength(30)
    expect(Math.max(...at) - Math.min(...at)).toBeGreaterThan((29 * 10) / 1.05 - 50)
  })

  it('do not come while the sender is stopped for long: the messages give their places to others', async () => {
    const { turns, slowDown } = setup(50)
    for (const pauseMs of [1000, 2000, 4000]) expect(await slowDown()).toMatchObject({ pauseMs })
    expect(await turns.next(1, LONG_MS)).toMatchObject({ kind: 'far' })
  })

  it('are not waited for longer than the message can', async () => {
    const { turns, slowDown } = setup(50)
    await slowDown()
    expect(await turns.next(1, 5)).toEqual({ kind: 'out-of-time' })
  })

  it('are not waited for by a process that stops', async () => {
    const { turns, stopping, slowDown } = setup(50)
    await slowDown()
    const waiting = turns.next(1, LONG_MS)
    stopping.abort()
    expect(await waiting).toEqual({ kind: 'stopping' })
    expect(await turns.next(1, LONG_MS)).toEqual({ kind: 'stopping' })
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
