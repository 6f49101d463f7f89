import { FALLBACK_REASONS, TEST_RECIPIENTS, type Message, type TestOutcome } from '@relais/core'
import { describe, expect, it } from 'vitest'
import { workerFixture } from './worker-fixture.ts'

/** Delivers until nothing is left to do; says how long it was asked to wait in all. */
async function runOut(fixture: Awaited<ReturnType<typeof workerFixture>>, id: string): Promise<number> {
  let waitedMs = 0
  for (let steps = 0; steps < 10; steps += 1) {
    const delivery = await fixture.deliver(id)
    if (delivery.kind === 'fell-back') await fixture.fallBack(id)
    if (delivery.kind !== 'later') return waitedMs
    waitedMs += delivery.delayMs
    fixture.clock.aheadMs += delivery.delayMs
  }
  throw new Error('there is no end to it')
}

const statuses = (message: Message | undefined) => message?.timeline.map(({ status }) => status)

function endOf(outcome: TestOutcome): string[] {
  switch (outcome.kind) {
    case 'arrives':
      return ['queued', 'sending', outcome.after ?? 'sent', 'delivered', ...(outcome.isRead ? ['read'] : [])]
    case 'expires':
      return ['queued', 'expired']
    case 'falls-back':
      return [
        ...{
          queued: ['queued'],
          sent: ['queued', 'sending', 'sent'],
          uncertain: ['queued', 'sending', 'uncertain'],
        }[outcome.after],
        'fallback',
      ]
  }
}

describe('a message of a test key', () => {
  it.for([...Object.entries(TEST_RECIPIENTS), ['4567', { kind: 'arrives', isRead: true }] as const])(
    'to a number that ends in %s',
    async ([ending, outcome]) => {
      const fixture = await workerFixture({ token: null, deliverWithinMs: 60_000 })
      const id = await fixture.accept({ isTest: true, to: `+22177123${ending}` })
      await runOut(fixture, id)
      const message = await fixture.store.read(id)
      expect(statuses(message)).toEqual(endOf(outcome))
      if (outcome.kind === 'falls-back') expect(message?.reason).toBe(outcome.reason)
      // Nothing has left, and nothing is kept of the code.
      expect(fixture.meta.sends).toEqual([])
      expect(fixture.records).toEqual([])
      expect(await fixture.store.readContent(id)).toBeUndefined()
      expect(await fixture.redis.pttl(fixture.keys.message(id))).toBeLessThanOrEqual(3600_000)
    },
  )

  it('can end for every reason there is', () => {
    const reasons = Object.values(TEST_RECIPIENTS).flatMap((outcome) =>
      outcome.kind === 'falls-back' ? [outcome.reason] : [],
    )
    expect(reasons.toSorted()).toEqual([...FALLBACK_REASONS].toSorted())
  })

  it('ends where its app ends it', async () => {
    const fixture = await workerFixture({ token: null })
    const id = await fixture.accept({ isTest: true })
    await fixture.deliver(id)
    await fixture.store.move(id, { to: 'used' })
    expect(await fixture.deliver(id)).toEqual({ kind: 'done' })
    expect((await fixture.store.read(id))?.status).toBe('used')
  })

  it('goes on where its worker has died', async () => {
    const fixture = await workerFixture({ token: null })
    const id = await fixture.accept({ isTest: true })
    await fixture.deliver(id)
    expect((await fixture.store.read(id))?.status).toBe('sending')
    await runOut(fixture, id)
    expect((await fixture.store.read(id))?.status).toBe('read')
  })
})
