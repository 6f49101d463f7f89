/**
 * Whatever happens to a message, in whatever order: sends that succeed, fail or end unknown, two workers at once, receipts of every kind,
 * timers, its fallback, its app that cancels it or reports its code as used. It walks a legal path and reaches one end, once.
 */
import {
  isSettled,
  LEGAL_MOVES,
  type Message,
  type MessageStatus,
  type Outcome,
  type Receipt,
} from '@relais/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { accepted, refusedToken, workerFixture } from './worker-fixture.ts'

const outcomes: Record<string, Outcome> = {
  accepted,
  ambiguous: { kind: 'ambiguous', detail: 'no whole answer' },
  transient: { kind: 'failed', failure: 'transient', detail: '131000' },
  unsent: { kind: 'unsent', detail: 'no connection' },
  unreachable: { kind: 'failed', failure: 'permanent-recipient', detail: '131026' },
  'dead token': refusedToken,
}

type Action =
  | { kind: 'take' }
  | { kind: 'answer'; outcome: string }
  | { kind: 'receipt'; status: Receipt['status'] }
  | { kind: 'sweep' | 'fall back' | 'cancel' | 'used' }
  | { kind: 'time'; seconds: number }

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'take' as const }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      outcome: fc.constantFrom(...Object.keys(outcomes)),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('receipt' as const),
      status: fc.constantFrom('sent' as const, 'delivered' as const, 'read' as const, 'failed' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('sweep' as const, 'fall back' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('cancel' as const, 'used' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('time' as const), seconds: fc.integer({ min: 1, max: 40 }) }),
  },
)

/** One message and everything that can happen to it. */
async function newLife(fixture: Awaited<ReturnType<typeof workerFixture>>) {
  const { store, meta, records } = fixture
  const at = Date.now() + fixture.clock.aheadMs
  const id = await fixture.accept({ acceptedAt: at, expiresAt: at + 300_000 })
  const sending: { answer: (outcome: Outcome) => void; done: Promise<unknown> }[] = []
  meta.answers.length = 0
  records.length = 0

  /** A worker takes the message; if it sends, the answer is left open. */
  async function take(): Promise<void> {
    let answer: ((outcome: Outcome) => void) | undefined
    meta.answers.push(() => new Promise<Outcome>((resolve) => (answer = resolve)))
    let isDone = false
    const done = fixture
      .newDeliver()(id)
      .finally(() => (isDone = true))
    while (!isDone && answer === undefined) await new Promise((resolve) => setImmediate(resolve))
    if (answer) sending.push({ answer, done })
    else meta.answers.length = 0
    if (isDone) await done
  }

  async function answerWith(outcome: Outcome): Promise<void> {
    const open = sending.shift()
    open?.answer(outcome)
    await open?.done
  }

  async function perform(what: Action): Promise<void> {
    switch (what.kind) {
      case 'take':
        return take()
      case 'answer':
        return answerWith(outcomes[what.outcome] ?? accepted)
      case 'receipt': {
        const failed = what.status === 'failed' && { graphCode: 131026 }
        await fixture.recordReceipt({
          providerMessageId: 'wamid.1',
          messageId: id,
          status: what.status,
          at: 0,
          ...failed,
        })
        return
      }
      case 'sweep':
        return void (await fixture.sweep.once())
      case 'fall back':
        return fixture.fallBack(id)
      case 'cancel':
        return void (await store.move(id, { to: 'canceled' }))
      case 'used':
        return void (await store.move(id, { to: 'used' }))
      case 'time':
        fixture.clock.aheadMs += what.seconds * 1000
    }
  }

  async function read(): Promise<Message> {
    const message = await store.read(id)
    if (!message) throw new Error('the record is gone')
    return message
  }

  return {
    perform,
    read,
    answerAll: async () => {
      while (sending.length > 0) await answerWith(accepted)
    },
  }
}

function isLegal(path: MessageStatus[]): boolean {
  return path.every((to, i) => {
    const from = path[i - 1]
    return from === undefined || from === to || (LEGAL_MOVES[from] as readonly string[]).includes(to)
  })
}

it('walks a legal path and reaches one end, once', { timeout: 180_000 }, async () => {
  const fixture = await workerFixture({ deliverWithinMs: 60_000 })
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), async (actions) => {
      const life = await newLife(fixture)
      let end: MessageStatus | undefined
      for (const what of actions) {
        await life.perform(what)
        const { status, timeline } = await life.read()
        expect(isLegal(timeline.map((entry) => entry.status))).toBe(true)
        // An end stays the end; a delivered message may still be read or used.
        if (end === undefined || ['delivered', 'read'].includes(end))
          end = isSettled(status) ? status : undefined
        else expect(status).toBe(end)
      }
      // Then everybody goes home: calls end, time passes, timers run out, and the fallback queue is worked off.
      await life.answerAll()
      for (let round = 0; round < 4; round += 1) {
        await life.perform({ kind: 'time', seconds: 100 })
        await life.perform({ kind: 'sweep' })
        await life.perform({ kind: 'fall back' })
      }
      const { status, reason } = await life.read()
      expect(isSettled(status)).toBe(true)
      expect(fixture.records.length).toBeLessThanOrEqual(1)
      if (status === 'fallback')
        expect({ reason, records: fixture.records.length }).toMatchObject({ records: 1 })
    }),
    { numRuns: 60 },
  )
})
