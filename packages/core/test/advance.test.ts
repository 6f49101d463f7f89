import {
  createAdvance,
  createEvents,
  createLogger,
  createMessageStore,
  createMetrics,
  type Move,
} from '@relais/core'
import fc from 'fast-check'
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { encryptionKeys, newMessage } from './message-fixture.ts'
import { redisFixture } from './redis-fixture.ts'

const ARRIVALS = ['sent', 'delivered', 'read'] as const

/** `of`: which of three messages. */
type Told = { of: number; to: (typeof ARRIVALS)[number] }
/** A webhook, or a worker or an app that moves a message in between. */
type Happening = { webhook: Told[] } | { of: number; move: Move }

function setup() {
  const { redis, keys } = redisFixture()
  const metrics = createMetrics()
  const logger = createLogger({ name: 'test', level: 'silent', isPretty: false })
  const store = createMessageStore({ redis, keys, encryptionKeys, deliverWithinMs: 60_000 })
  const advance = createAdvance({ store, events: createEvents({ logger, metrics }) })
  const counted = async () => (await metrics.ended.get()).values[0]?.value ?? 0

  /** Lets it all happen to three new messages, and answers what became of them. */
  async function live(happenings: Happening[]) {
    const ids = [1, 2, 3].map(() => `msg_${randomUUID()}`)
    const id = (of: number) => ids[of] ?? ''
    await Promise.all(ids.map((each) => store.create(newMessage({ id: each }), 'sealed')))
    const before = await counted()
    for (const each of happenings) {
      if ('move' in each) await store.move(id(each.of), each.move)
      else await Promise.all(each.webhook.map(({ of, to }) => advance(id(of), to, `wamid.${of}`)))
    }
    const messages = await Promise.all(ids.map((each) => store.read(each)))
    const became = messages.map((message) => ({
      status: message?.status,
      told: message?.timeline.map(({ status, detail }) => `${status} ${detail}`),
    }))
    return { became, counted: (await counted()) - before }
  }

  return { store, advance, live }
}

const of = fc.nat({ max: 2 })
const webhook = fc.array(fc.record({ of, to: fc.constantFrom(...ARRIVALS) }), { minLength: 1, maxLength: 9 })
const move = fc.constantFrom<Move>(
  { to: 'sending' },
  { to: 'sent', detail: 'accepted by Meta' },
  { to: 'uncertain' },
  { to: 'fallback' },
  { to: 'used' },
)
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ webhook }) },
  { weight: 1, arbitrary: fc.record({ of, move }) },
)

/** The same receipts twice, and how many of the second order make a webhook. */
const inTwoOrders = webhook.chain((all) =>
  fc.tuple(
    fc.constant(all),
    fc.shuffledSubarray(all, { minLength: all.length }),
    fc.integer({ min: 1, max: 4 }),
  ),
)

describe('receipts of arrivals', { timeout: 60_000 }, () => {
  it('of one webhook do what they would do one by one, in any order, however often', async () => {
    const { live } = setup()
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 10 }), async (happenings) => {
        const oneByOne = happenings.flatMap((each): Happening[] =>
          'move' in each ? [each] : each.webhook.map((told) => ({ webhook: [told] })),
        )
        expect(await live(happenings)).toEqual(await live(oneByOne))
      }),
      { numRuns: 100 },
    )
  })

  it('lead to the same state in whatever order and in whatever webhooks they come', async () => {
    const { live } = setup()
    await fc.assert(
      fc.asyncProperty(inTwoOrders, async ([all, shuffled, size]) => {
        const split: Happening[] = []
        while (shuffled.length > 0) split.push({ webhook: shuffled.splice(0, size) })
        const [together, apart] = [await live([{ webhook: all }]), await live(split)]
        const furthest = [0, 1, 2].map((each) => {
          const told = all.filter((one) => one.of === each).map(({ to }) => ARRIVALS.indexOf(to))
          return told.length === 0 ? 'queued' : ARRIVALS[Math.max(...told)]
        })
        for (const { became, counted } of [together, apart]) {
          expect(became.map(({ status }) => status)).toEqual(furthest)
          // Each message arrives once, whatever says so.
          expect(counted).toBe(
            furthest.filter((status) => ['delivered', 'read'].includes(status ?? '')).length,
          )
        }
      }),
      { numRuns: 100 },
    )
  })

  it('that come late are told of once, and not at all where the timeline has the status', async () => {
    const { store, advance } = setup()
    await store.create(newMessage(), 'sealed')
    for (const to of ['sending', 'sent'] as const) await store.move('msg_1', { to })
    for (const to of ['read', 'delivered', 'sent', 'delivered', 'read'] as const) {
      expect(await advance('msg_1', to, 'wamid.1')).toBe(true)
    }
    expect((await store.read('msg_1'))?.timeline).toMatchObject([
      { status: 'queued' },
      { status: 'sending' },
      { status: 'sent' },
      { status: 'read', detail: 'receipt' },
      { status: 'read', detail: 'receipt: delivered came late and changed nothing' },
    ])
  })

  it('of a message that we do not know are told so, beside others', async () => {
    const { store, advance } = setup()
    await store.create(newMessage(), 'sealed')
    const answers = ['msg_0', 'msg_1', 'msg_2'].map((id) => advance(id, 'delivered', 'wamid.1'))
    expect(await Promise.all(answers)).toEqual([false, true, false])
    expect(await store.read('msg_0')).toBeUndefined()
    expect(await store.read('msg_1')).toMatchObject({ status: 'delivered', providerMessageId: 'wamid.1' })
  })
})
