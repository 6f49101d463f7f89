import { type Outcome } from '@relais/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createCircuitBreaker } from '../src/circuit-breaker.ts'
import { accepted, senderId, workerFixture } from './worker-fixture.ts'

const unsent: Outcome = { kind: 'unsent', detail: 'no connection within 5000 ms' }
const unreadable: Outcome = { kind: 'ambiguous', detail: 'HTTP 502 without a JSON body' }
const refused: Outcome = { kind: 'failed', failure: 'transient', detail: '131016 Service unavailable' }
const TEN = Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? unsent : unreadable))

function newBreaker() {
  const said: unknown[] = []
  const stopping = new AbortController()
  const breaker = createCircuitBreaker({
    events: {
      providerUnreachable: (detail) => void said.push(`unreachable: ${detail}`),
      providerReachable: ({ probes }) => void said.push(`reachable after ${probes} probes`),
    },
    stopping: stopping.signal,
  })
  const openIt = () => TEN.forEach(breaker.note)
  /** The answers of those that wait, in the order in which they get them. */
  const told: string[] = []
  const wait = (name: string, ms = 60_000) =>
    void breaker.untilWorthTrying(ms).then((mayTry) => told.push(`${name} ${mayTry ? 'tries' : 'does not'}`))
  return { breaker, openIt, said, told, wait, stopping }
}

describe('the circuit breaker', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('opens when ten sends in a row got no answer, and says so once', async () => {
    const { breaker, said } = newBreaker()
    TEN.slice(1).forEach(breaker.note)
    expect([breaker.isOpen(), breaker.mayEnter(), await breaker.untilWorthTrying(0)]).toEqual([
      false,
      true,
      true,
    ])
    breaker.note(unreadable)
    expect([breaker.isOpen(), breaker.mayEnter()]).toEqual([true, false])
    TEN.forEach(breaker.note)
    expect(said).toEqual(['unreachable: HTTP 502 without a JSON body'])
  })

  it.each([accepted, refused])('begins to count anew with any answer: $kind', (answer) => {
    const { breaker } = newBreaker()
    for (let i = 0; i < 3; i += 1) {
      TEN.slice(1).forEach(breaker.note)
      breaker.note(answer)
    }
    expect(breaker.isOpen()).toBe(false)
  })

  it('lets one of those that wait through after a second, and more and more seldom after that', async () => {
    const { breaker, openIt, told, wait } = newBreaker()
    openIt()
    const triedAt: number[] = []
    for (let ms = 0; ms <= 60_000; ms += 100) {
      wait('a message', 5000)
      await vi.advanceTimersByTimeAsync(100)
      for (let mayEnter = breaker.mayEnter(); mayEnter; mayEnter = breaker.mayEnter()) triedAt.push(ms + 100)
    }
    expect(triedAt.slice(0, 3)).toEqual([1000, 2200, 3700])
    const gaps = triedAt.slice(1).map((at, i) => at - (triedAt[i] ?? 0))
    expect(Math.max(...gaps)).toBe(5000)
    expect(told.filter((one) => one === 'a message tries')).toHaveLength(triedAt.length)
  })

  it('keeps a probe that nobody is there for, and never has two', async () => {
    const { breaker, openIt, told, wait } = newBreaker()
    openIt()
    await vi.advanceTimersByTimeAsync(30_000)
    wait('the first')
    await vi.advanceTimersByTimeAsync(0)
    expect(told).toEqual(['the first tries'])
    expect([breaker.mayEnter(), breaker.mayEnter()]).toEqual([true, false])
  })

  it('closes with the first answer: all who wait go on', async () => {
    const { breaker, openIt, said, told, wait } = newBreaker()
    openIt()
    for (const name of ['a', 'b', 'c']) wait(name)
    await vi.advanceTimersByTimeAsync(1000)
    expect(told).toEqual(['a tries'])
    breaker.note(refused)
    await vi.advanceTimersByTimeAsync(0)
    expect(told).toEqual(['a tries', 'b tries', 'c tries'])
    expect(said.slice(1)).toEqual(['reachable after 1 probes'])
    await vi.advanceTimersByTimeAsync(60_000)
    expect([breaker.mayEnter(), breaker.mayEnter()]).toEqual([true, true])
  })

  it('keeps nobody longer than that one can wait, and nobody at all when the process stops', async () => {
    const { openIt, told, wait, stopping } = newBreaker()
    openIt()
    wait('a', 900)
    wait('b')
    await vi.advanceTimersByTimeAsync(900)
    expect(told).toEqual(['a does not'])
    stopping.abort()
    await vi.advanceTimersByTimeAsync(0)
    wait('c')
    await vi.advanceTimersByTimeAsync(0)
    expect(told).toEqual(['a does not', 'b does not', 'c does not'])
  })
})

describe('while Meta does not answer', () => {
  /** Ten messages have found out. */
  async function outage(options: Parameters<typeof workerFixture>[0] = {}) {
    const fixture = await workerFixture(options)
    fixture.meta.answers.push(...TEN)
    for (let i = 0; i < TEN.length; i += 1) await fixture.deliver(await fixture.accept())
    return fixture
  }

  it('messages wait, one finds out that it is over, and all go', async () => {
    const { accept, deliver, meta, store } = await outage()
    const ids = [await accept(), await accept(), await accept()]
    const probe = meta.sends.length
    const deliveries = await Promise.all(ids.map((id) => deliver(id)))
    expect(deliveries).toEqual([{ kind: 'done' }, { kind: 'done' }, { kind: 'done' }])
    expect(meta.sends).toHaveLength(probe + 3)
    for (const id of ids) expect(await store.read(id)).toMatchObject({ status: 'sent', attempts: 1 })
  })

  it('a message that waits spends no attempt, and is given back when the process stops', async () => {
    const { accept, deliver, meta, store, stopping } = await outage()
    const id = await accept()
    const waiting = deliver(id)
    stopping.abort()
    expect(await waiting).toMatchObject({ kind: 'later' })
    expect(await store.read(id)).toMatchObject({ status: 'queued', attempts: 0 })
    expect(meta.sends).toHaveLength(TEN.length)
  })

  it('one whose moment comes goes to the fallback for that reason', async () => {
    const { accept, deliver, meta, clock } = await outage({ deliverWithinMs: 20_000 })
    const id = await accept()
    clock.aheadMs = 19_900
    expect(await deliver(id)).toEqual({ kind: 'fell-back', reason: 'provider_unavailable' })
    expect(meta.sends).toHaveLength(TEN.length)
  })

  it('so does one that could have found out, and got no slot in time', async () => {
    const fixture = await workerFixture({ deliverWithinMs: 20_000, ratePerSecond: 1 })
    const { accept, deliver, breaker, clock, meta } = fixture
    TEN.forEach(breaker.note)
    expect(await breaker.untilWorthTrying(10_000)).toBe(true)
    const id = await accept()
    clock.aheadMs = 19_990
    // Another worker took the slot of this second.
    const sender = { phoneNumberId: senderId, ratePerSecond: 1 }
    expect((await fixture.claims.take(sender, [{ kind: 'slot' }])).answers).toMatchObject([{ kind: 'slot' }])
    expect(await deliver(id)).toEqual({ kind: 'fell-back', reason: 'provider_unavailable' })
    expect(meta.sends).toEqual([])
  })

  it('one that no worker had time for does so too, by the sweep', async () => {
    const { accept, sweep, store, clock } = await outage({ deliverWithinMs: 20_000 })
    const id = await accept()
    clock.aheadMs = 20_001
    await sweep.once()
    expect(await store.read(id)).toMatchObject({ reason: 'provider_unavailable', attempts: 0 })
  })

  it('one that may be with Meta already goes there as such', async () => {
    const { accept, deliver, meta, store, clock } = await outage({ deliverWithinMs: 20_000 })
    const id = await accept()
    meta.answers.push(unreadable)
    expect(await deliver(id)).toEqual({ kind: 'later', delayMs: 8000 })
    expect(await store.read(id)).toMatchObject({ status: 'uncertain', attempts: 1 })
    clock.aheadMs = 19_900
    expect(await deliver(id)).toEqual({ kind: 'fell-back', reason: 'outcome_unknown' })
    expect(meta.sends).toHaveLength(TEN.length + 1)
  })
})
