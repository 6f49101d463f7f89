import { describe, expect, it } from 'vitest'
import {
  afterFailure,
  afterTaken,
  againAt,
  CALLBACK_TIMES,
  PAUSED_AFTER_FAILURES,
  type EndpointHealth,
} from './callback-event.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

describe('an event that was not taken', () => {
  it.each([
    [1, 5000],
    [2, 10_000],
    [5, 80_000],
    [10, 30 * MINUTE_MS],
    [1000, 30 * MINUTE_MS],
  ])(
    'is posted again after try %i in %i ms at the most, and in half of that at the least',
    (tries, mostMs) => {
      const event = { tries, since: 0 }
      expect(againAt(event, 1000, 0, CALLBACK_TIMES)).toBe(1000 + mostMs)
      expect(againAt(event, 1000, 1, CALLBACK_TIMES)).toBe(1000 + mostMs / 2)
    },
  )

  it('is given up when it has waited for a day', () => {
    expect(againAt({ tries: 50, since: 0 }, DAY_MS - 1, 0, CALLBACK_TIMES)).toBeGreaterThan(DAY_MS)
    expect(againAt({ tries: 50, since: 0 }, DAY_MS, 0, CALLBACK_TIMES)).toBeUndefined()
  })
})

describe('an endpoint', () => {
  const failing = (count: number, everyMs: number): EndpointHealth => {
    let health: EndpointHealth = { failures: 0 }
    for (let i = 0; i < count; i += 1) health = afterFailure(health, i * everyMs, 'HTTP 500', CALLBACK_TIMES)
    return health
  }

  it.each([
    ['fails often within a moment', PAUSED_AFTER_FAILURES * 10, 10, false],
    ['fails for long and seldom', PAUSED_AFTER_FAILURES - 1, MINUTE_MS, false],
    ['fails often and for long', PAUSED_AFTER_FAILURES, MINUTE_MS, true],
  ])('that %s is paused: %#', (_what, count, everyMs, isPaused) => {
    expect(failing(count, everyMs).pausedAt !== undefined).toBe(isPaused)
  })

  it('that is paused stays so from then on, and is tried now and then, until it takes something', () => {
    const paused = failing(PAUSED_AFTER_FAILURES, MINUTE_MS)
    const later = afterFailure(paused, 90 * MINUTE_MS, 'HTTP 502', CALLBACK_TIMES)
    expect(later).toMatchObject({
      pausedAt: paused.pausedAt,
      failingSince: 0,
      heldUntil: 91 * MINUTE_MS,
      lastFault: 'HTTP 502',
    })
    expect(afterTaken(92 * MINUTE_MS)).toEqual({ failures: 0, deliveredAt: 92 * MINUTE_MS })
  })
})
