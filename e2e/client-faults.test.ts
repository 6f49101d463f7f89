/**
 * The client against every fault in the book: between it and a real API every second request or more is harmed. Whatever happens, a message is
 * sent once, and the app either has its id or an error with which it can find out.
 */
import { createRelais, NetworkError, ProblemError, RelaisError, TimeoutError } from '@relais/client'
import { eventually } from '@relais/testing'
import { describe, it } from 'vitest'
import { FAULTS, openFaultyProxy } from './faulty-proxy.ts'
import { sharedSystem } from './system.ts'

const RUNS = 1000
const AT_ONCE = 60
const SEED = 1

/** Of an app that is in a hurry: some calls end with an error. */
const HURRIED = { tryTimeoutMs: 800, timeoutMs: 6000, retries: 3 }

const shared = sharedSystem()

/** A recipient of its own for each message. */
const recipient = (n: number) => `+22177${String(2_000_000 + n * 10 + 5)}`

const codeTo = (to: string) => ({ to, type: 'otp', code: '482913' }) as const

/** Runs so many at a time. */
async function inLanes(count: number, run: (n: number) => Promise<void>): Promise<void> {
  const waiting = Array.from({ length: count }, (_, n) => n).values()
  const lane = async () => {
    for (const n of waiting) await run(n)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

/** What Meta has taken, by recipient. */
function takenBy(numbers: readonly string[]): Map<string, number> {
  const counts = new Map(numbers.map((to) => [to, 0]))
  for (const { to } of shared().simulator.messages()) {
    const count = counts.get(to)
    if (count !== undefined) counts.set(to, count + 1)
  }
  return counts
}

describe('a client whose requests and answers are lost', { timeout: 300_000 }, () => {
  it(`sends each of ${RUNS} messages once, and every call answers its id or an error that helps`, async (t) => {
    const { apiUrl, secrets } = shared()
    const proxy = await openFaultyProxy(t, { apiUrl, seed: SEED })
    const relais = createRelais({ url: proxy.url, key: secrets.apiKey, ...HURRIED })
    const direct = createRelais({ url: apiUrl, key: secrets.apiKey, timeoutMs: 120_000, retries: 50 })
    const ids: string[] = []
    const kinds = new Map<string, number>()
    await inLanes(RUNS, async (n) => {
      const message = codeTo(recipient(n))
      const idempotencyKey = `run-${n}`
      const result = await relais.send(message, { idempotencyKey }).catch((error: unknown) => error)
      const isClear = [ProblemError, NetworkError, TimeoutError].some((kind) => result instanceof kind)
      if (result instanceof RelaisError && isClear) {
        kinds.set(result.name, (kinds.get(result.name) ?? 0) + 1)
        t.expect(result.idempotencyKey).toBe(idempotencyKey)
      }
      const before = proxy.idsOf(idempotencyKey)
      // Asked again in any case: after an error it finds what was begun, or begins it; after an answer the same.
      const again = await direct.send(message, { idempotencyKey })
      const known = result instanceof Error ? before : [...before, (result as { id: string }).id]
      t.expect(new Set([...known, again.id]), `run ${n}`).toEqual(new Set([again.id]))
      ids.push(again.id)
    })
    const counts = proxy.counts()
    t.expect(FAULTS.filter((fault) => !counts.has(fault))).toEqual([])
    // Some of both: answers in spite of all, and errors.
    const failed = [...kinds.values()].reduce((sum, count) => sum + count, 0)
    t.expect([failed > 0, failed < RUNS]).toEqual([true, true])
    t.expect(new Set(ids).size).toBe(RUNS)

    const numbers = Array.from({ length: RUNS }, (_, n) => recipient(n))
    await eventually(
      () => [...takenBy(numbers).values()].filter((count) => count > 0).length,
      (arrived) => arrived === RUNS,
      { timeoutMs: 60_000, everyMs: 200, what: 'all messages at Meta' },
    )
    const last = await direct.send(codeTo(recipient(RUNS)))
    await direct.waitFor(last.id)
    t.expect([...takenBy(numbers)].filter(([, count]) => count !== 1)).toEqual([])
  })

  it('sends each message of many batches once, and tells of each what became of it', async (t) => {
    const { apiUrl, secrets } = shared()
    const proxy = await openFaultyProxy(t, { apiUrl, seed: SEED + 1 })
    const relais = createRelais({ url: proxy.url, key: secrets.apiKey, ...HURRIED })
    const direct = createRelais({ url: apiUrl, key: secrets.apiKey, timeoutMs: 120_000, retries: 50 })
    const [lists, size] = [60, 10]
    const numberOf = (n: number, i: number) => recipient(RUNS + 1 + n * size + i)
    await inLanes(lists, async (n) => {
      const messages = Array.from({ length: size }, (_, i) => codeTo(numberOf(n, i)))
      const idempotencyKey = `list-${n}`
      const first = await relais.sendMany(messages, { idempotencyKey })
      const again = await direct.sendMany(messages, { idempotencyKey })
      for (const [i, result] of again.entries()) {
        t.expect(result).toMatchObject({ ok: true, message: { to: numberOf(n, i) } })
        const earlier = first[i]
        if (earlier?.ok && result.ok) t.expect(earlier.message.id).toBe(result.message.id)
        else if (!earlier?.ok) t.expect(earlier?.error).toBeInstanceOf(RelaisError)
      }
    })
    const numbers = Array.from({ length: lists * size }, (_, n) => recipient(RUNS + 1 + n))
    await eventually(
      () => [...takenBy(numbers).values()].filter((count) => count > 0).length,
      (arrived) => arrived === numbers.length,
      { timeoutMs: 60_000, everyMs: 200, what: 'all messages at Meta' },
    )
    const last = await direct.send(codeTo(recipient(RUNS + 1 + lists * size)))
    await direct.waitFor(last.id)
    t.expect([...takenBy(numbers)].filter(([, count]) => count !== 1)).toEqual([])
  })
})
