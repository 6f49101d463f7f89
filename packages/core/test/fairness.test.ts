import {
  FLOW_STEPS,
  LAST_PRIORITY,
  MESSAGE_TYPES,
  OPEN_TAGS,
  RESTART_AT,
  SERVE,
  tagOf,
  type MessageType,
} from '@relais/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { redisFixture } from './redis-fixture.ts'

type Queued = { app: string; type: MessageType; priority: number; place: number }

/** A queue like BullMQ's: the lowest priority first, and first come first served among equals. */
function fixture(options: { restartAt?: number } = {}) {
  const { redis, keys } = redisFixture()
  const { restartAt = RESTART_AT } = options
  const queue: Queued[] = []
  let places = 0

  async function accept(app: string, type: MessageType, count = 1): Promise<number[]> {
    const script = `${OPEN_TAGS}
      local draw, keep = openTags(KEYS[1], tonumber(ARGV[1]))
      local priorities = {}
      for i = 1, tonumber(ARGV[2]) do priorities[i] = draw(ARGV[3], tonumber(ARGV[4])) end
      keep()
      return priorities`
    const about = [restartAt, count, `${type}:${app}`, FLOW_STEPS[type]]
    const priorities = (await redis.eval(script, 1, keys.fairness(), ...about)) as number[]
    for (const priority of priorities) queue.push({ app, type, priority, place: (places += 1) })
    queue.sort((a, b) => a.priority - b.priority || a.place - b.place)
    return priorities
  }

  /** What the claim of a message does to the order. */
  async function claim(priority: number): Promise<void> {
    const script = `${SERVE} serve(KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]))`
    await redis.eval(script, 1, keys.fairness(), tagOf(priority), restartAt)
  }

  async function serve(count = 1): Promise<Queued[]> {
    const served = queue.splice(0, count)
    for (const { priority } of served) await claim(priority)
    return served
  }

  return { redis, keys, queue, accept, claim, serve }
}

/** How many messages go before the last of these. */
function lastOf(served: Queued[], app: string, type: MessageType): number {
  return served.findLastIndex((each) => each.app === app && each.type === type) + 1
}

describe('the order of messages that wait', () => {
  it('a code overtakes texts and templates that came before it', async () => {
    const { accept, serve } = fixture()
    await accept('shop', 'text', 300)
    await accept('shop', 'template', 300)
    await serve(20)
    await accept('wallet', 'otp', 100)
    const served = await serve(130)
    expect(lastOf(served, 'wallet', 'otp')).toBeLessThanOrEqual(100 + 100 / 10 + 100 / 20 + 10)
  })

  it('a flood of codes of one app delays the codes of another by no more than as many of its own', async () => {
    const { accept, serve } = fixture()
    await accept('wallet', 'otp', 2000)
    await serve(300)
    await accept('shop', 'otp', 50)
    expect(lastOf(await serve(200), 'shop', 'otp')).toBeLessThanOrEqual(2 * 50 + 10)
  })

  it('texts do not starve while codes keep coming', async () => {
    const { accept, serve } = fixture()
    await accept('shop', 'text', 20)
    const served: Queued[] = []
    for (let i = 0; i < 60; i += 1) {
      await accept('wallet', 'otp', 10)
      served.push(...(await serve(10)))
    }
    const texts = served.filter(({ type }) => type === 'text').length
    expect(texts).toBeGreaterThanOrEqual(15)
  })

  it('keeps the order of messages of one app and type', async () => {
    const { accept } = fixture()
    const priorities = [...(await accept('wallet', 'otp', 30)), ...(await accept('wallet', 'otp', 30))]
    expect(priorities).toEqual(priorities.toSorted((a, b) => a - b))
  })

  it('gives an app that was quiet no more than its share afterwards', async () => {
    const { accept, serve } = fixture()
    await accept('wallet', 'otp', 500)
    await serve(400)
    await accept('shop', 'otp', 100)
    const served = await serve(100)
    expect(served.filter(({ app }) => app === 'wallet').length).toBeGreaterThanOrEqual(40)
  })

  it('starts again when Redis has lost it: nothing is stuck', async () => {
    const { redis, keys, accept, serve, queue } = fixture()
    await accept('shop', 'text', 100)
    await serve(50)
    await redis.del(keys.fairness())
    const [priority] = await accept('wallet', 'otp')
    expect(priority).toBe(1)
    await serve(51)
    expect(queue).toEqual([])
    expect((await accept('wallet', 'otp'))[0]).toBeGreaterThan(1)
  })

  it('begins anew before the numbers run out, and old numbers do not drag it up again', async () => {
    const { accept, serve, claim } = fixture({ restartAt: 2000 })
    const before = await accept('shop', 'text', 110)
    await serve(105)
    expect(await accept('shop', 'text')).toEqual([1])
    await claim(before.at(-1) ?? 0)
    expect((await accept('wallet', 'otp'))[0]).toBe(1)
  })

  it('leaves nothing behind: its key expires', async () => {
    const { redis, keys, accept, serve } = fixture()
    await accept('shop', 'text', 10)
    await serve(10)
    expect(await redis.pttl(keys.fairness())).toBeGreaterThan(0)
  })

  it('every flow gets its share of any backlog, and every number is one that BullMQ takes', async () => {
    const flow = fc.record({
      app: fc.constantFrom('wallet', 'shop', 'bank'),
      type: fc.constantFrom(...MESSAGE_TYPES),
      count: fc.integer({ min: 1, max: 300 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(flow, { minLength: 1, maxLength: 8 }), fc.nat(200), async (flows, first) => {
        const { accept, serve, queue } = fixture()
        for (const { app, type, count } of flows) {
          for (const priority of await accept(app, type, count)) {
            expect(priority).toBeGreaterThanOrEqual(1)
            expect(priority).toBeLessThanOrEqual(LAST_PRIORITY)
          }
        }
        await serve(first)
        await accept('late', 'otp', 20)
        const flowsWaiting = new Set(queue.map(({ app, type }) => `${type} ${app}`))
        const served = await serve(queue.length)
        const ahead = lastOf(served, 'late', 'otp') - 20
        // Of each other flow as much as its step allows in twenty codes, and one priority's worth before and after.
        const allowed = [...flowsWaiting].reduce((sum, name) => {
          const step = FLOW_STEPS[name.split(' ')[0] as MessageType]
          return sum + Math.ceil((20 + 20) / step)
        }, 0)
        expect(ahead).toBeLessThanOrEqual(allowed)
      }),
      { numRuns: 30 },
    )
  })
})
