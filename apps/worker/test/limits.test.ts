import type { Outcome } from '@relais/core'
import { expect, it } from 'vitest'
import { workerFixture } from './worker-fixture.ts'

const tooFast = (failure: 'rate-limited-pair' | 'rate-limited-sender'): Outcome => ({
  kind: 'failed',
  failure,
  detail: 'too fast',
})

it('a recipient that gets too much (131056) is left alone, and nobody else is', async () => {
  const { accept, deliver, meta } = await workerFixture()
  meta.answers.push(tooFast('rate-limited-pair'))
  const refused = await deliver(await accept())
  expect(refused).toEqual({ kind: 'later', delayMs: 6000 })
  const second = await deliver(await accept())
  expect(second).toMatchObject({ kind: 'later' })
  expect(second.kind === 'later' && second.delayMs).toBeGreaterThan(5000)
  expect(meta.sends).toHaveLength(1)
  expect(await deliver(await accept({ to: '+221771234568' }))).toEqual({ kind: 'done' })
})

it('a message that would wait too long for its recipient goes to the fallback at once', async () => {
  const { accept, deliver, meta } = await workerFixture({ deliverWithinMs: 20_000 })
  for (let i = 0; i < 40; i += 1) expect(await deliver(await accept())).toEqual({ kind: 'done' })
  expect(await deliver(await accept())).toEqual({ kind: 'fell-back', reason: 'rate_limited' })
  expect(meta.sends).toHaveLength(40)
})

it('"slow down" from Meta (130429) stops the sender for all recipients', async () => {
  const { accept, deliver, newDeliver, meta } = await workerFixture({ ratePerSecond: 80 })
  meta.answers.push(tooFast('rate-limited-sender'))
  const refusedAt = Date.now()
  expect(await deliver(await accept())).toMatchObject({ kind: 'later' })
  // Another worker: it waits for the end of the pause.
  expect(await newDeliver()(await accept({ to: '+221771234568' }))).toEqual({ kind: 'done' })
  expect(Date.now() - refusedAt).toBeGreaterThanOrEqual(950)
})
