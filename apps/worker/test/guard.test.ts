import { describe, expect, it } from 'vitest'
import { workerFixture } from './worker-fixture.ts'

/** A guard that knows the app, and has counted a code to this block. */
async function setup() {
  const fixture = await workerFixture({ deliverWithinMs: 60_000 })
  const { guard, redis, keys, store, accept } = fixture
  const name = keys.guard('wallet', '+22177123')
  await guard.used({ app: 'wallet', to: '+2250701020304', type: 'otp' })
  await redis.set(name, `10 0 ${Date.now()} -`)
  return {
    ...fixture,
    sent: async () => Number((await redis.get(name))?.split(' ')[0]),
    failures: async () => Number((await redis.get(keys.failing('wallet', '+22177123')))?.split(' ')[0] ?? 0),
    async fallenBack(reason: 'undelivered' | 'recipient_unreachable' | 'provider_unavailable') {
      const id = await accept()
      await store.decideFallback(id, { reason, detail: 'why' })
      await fixture.fallBack(id)
      await fixture.fallBack(id)
    },
  }
}

describe('the guard against pumping', () => {
  it.each(['undelivered', 'recipient_unreachable'] as const)(
    'counts a code that failed for %s, once, and holds it against its block',
    async (reason) => {
      const { fallenBack, sent, failures } = await setup()
      await fallenBack(reason)
      expect(await failures()).toBe(1)
      expect(await sent()).toBe(10)
    },
  )

  it('forgives, once, what was not delivered for our reasons or those of Meta', async () => {
    const { fallenBack, sent, failures } = await setup()
    await fallenBack('provider_unavailable')
    expect(await sent()).toBeCloseTo(9, 2)
    expect(await failures()).toBe(0)
  })

  it('forgives, once, what has expired unsent', async () => {
    const { accept, store, end, sent } = await setup()
    const message = await store.read(await accept())
    if (!message) throw new Error('no message')
    await end.expire(message)
    await end.expire(message)
    expect(await sent()).toBeCloseTo(9, 2)
  })

  it('hears once that a person did not request a code, however often Meta says so', async () => {
    const { accept, store, recordNotice, sent } = await setup()
    const id = await accept()
    await store.move(id, { to: 'sent', set: { providerMessageId: 'wamid.out' } })
    const notice = { kind: 'not-requested', providerMessageId: 'wamid.out' } as const
    await recordNotice(notice)
    await recordNotice(notice)
    expect(await sent()).toBeCloseTo(15, 2)
    const message = await store.read(id)
    expect(message?.status).toBe('sent')
    expect(message?.timeline.filter(({ detail }) => detail?.includes('did not request'))).toHaveLength(1)
  })
})
