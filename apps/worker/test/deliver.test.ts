import type { Outcome } from '@relais/core'
import { describe, expect, it } from 'vitest'
import { accepted, refusedToken, workerFixture } from './worker-fixture.ts'

const reset: Outcome = { kind: 'ambiguous', detail: 'the connection failed: ECONNRESET' }
const broken: Outcome = { kind: 'failed', failure: 'transient', detail: '131000 Something went wrong' }
const unknownNumber: Outcome = {
  kind: 'failed',
  failure: 'permanent-recipient',
  detail: '131030 not allowed',
}

describe('a delivery', () => {
  it('sends what was sealed, once, and is done', async () => {
    const { accept, deliver, meta, store } = await workerFixture()
    const id = await accept()
    expect(await deliver(id)).toEqual({ kind: 'done' })
    expect(meta.sends).toEqual([`${id} {"type":"otp","code":"482913"}`])
    expect(await store.read(id)).toMatchObject({ status: 'sent', attempts: 1, providerMessageId: 'wamid.1' })
  })

  it('of a message that was sent, ended or never was does nothing', async () => {
    const { accept, deliver, meta, store } = await workerFixture()
    const sent = await accept()
    await deliver(sent)
    const used = await accept()
    await store.move(used, { to: 'used' })
    for (const id of [sent, used, 'msg_never']) expect(await deliver(id)).toEqual({ kind: 'done' })
    expect(meta.sends).toHaveLength(1)
  })

  it('by two workers at once is one send', async () => {
    const { accept, newDeliver, meta } = await workerFixture()
    const id = await accept()
    await Promise.all([newDeliver()(id), newDeliver()(id), newDeliver()(id)])
    expect(meta.sends).toHaveLength(1)
  })

  it('that fails for now comes back; out of attempts it falls back', async () => {
    const { accept, deliver, meta, store, fallbackJobs } = await workerFixture()
    meta.answers.push(broken, broken, broken)
    const id = await accept()
    expect(await deliver(id)).toEqual({ kind: 'later', delayMs: 1000 })
    expect(await store.read(id)).toMatchObject({ status: 'queued', attempts: 1 })
    expect(await deliver(id)).toEqual({ kind: 'later', delayMs: 2000 })
    expect(await deliver(id)).toEqual({ kind: 'fell-back', reason: 'provider_unavailable' })
    expect(await fallbackJobs()).toEqual([{ messageId: id }])
    expect(await deliver(id)).toEqual({ kind: 'fell-back', reason: 'provider_unavailable' })
    expect(await fallbackJobs()).toHaveLength(1)
    expect(meta.sends).toHaveLength(3)
  })

  it('past the deadline sends nothing: the message expires', async () => {
    const { accept, deliver, meta, store, clock } = await workerFixture()
    const id = await accept()
    clock.aheadMs = 300_000
    expect(await deliver(id)).toEqual({ kind: 'done' })
    expect((await store.read(id))?.status).toBe('expired')
    expect(await store.readContent(id)).toBeUndefined()
    expect(meta.sends).toEqual([])
  })

  it('whose turn comes in the last minute leaves that minute to the operators', async () => {
    const { accept, deliver, meta, clock } = await workerFixture()
    const id = await accept()
    clock.aheadMs = 241_000
    expect(await deliver(id)).toEqual({ kind: 'fell-back', reason: 'worker_lost' })
    expect(meta.sends).toEqual([])
  })

  it('without a token waits without spending an attempt, and in the end falls back', async () => {
    const { accept, deliver, meta, store, clock } = await workerFixture({ token: null })
    const id = await accept()
    expect((await deliver(id)).kind).toBe('later')
    expect(await store.read(id)).toMatchObject({ status: 'queued', attempts: 0 })
    clock.aheadMs = 239_900
    expect(await deliver(id)).toEqual({ kind: 'fell-back', reason: 'token_unavailable' })
    expect(meta.sends).toEqual([])
  })

  it('refused for its token costs no attempt, and the next one does not try that token again', async () => {
    const { accept, deliver, meta, store } = await workerFixture()
    meta.answers.push(refusedToken)
    const id = await accept()
    expect(await deliver(id)).toMatchObject({ kind: 'later' })
    expect(await store.read(id)).toMatchObject({ status: 'queued', attempts: 0, waits: 1 })
    expect(await deliver(await accept())).toMatchObject({ kind: 'later' })
    expect(meta.sends).toHaveLength(1)
  })

  it('whose content cannot be opened is told to the operators, not tried for ever', async () => {
    const { accept, deliver, redis, keys } = await workerFixture()
    const id = await accept()
    await redis.set(keys.content(id), 'v1.gone.AAAA.AAAA')
    expect(await deliver(id)).toEqual({ kind: 'fell-back', reason: 'request_rejected' })
  })

  it('that waits for a slot is given back when the process stops', async () => {
    const { accept, deliver, meta, stopping, store } = await workerFixture({ ratePerSecond: 1 })
    await deliver(await accept())
    const id = await accept()
    const waiting = deliver(id)
    stopping.abort()
    expect(await waiting).toEqual({ kind: 'later', delayMs: 0 })
    expect(await store.read(id)).toMatchObject({ status: 'queued', attempts: 0 })
    expect(meta.sends).toHaveLength(1)
  })
})

describe('a send of which nobody knows whether Meta took it', () => {
  it('is held, then sent again once when no receipt comes', async () => {
    const { accept, deliver, meta, store, clock } = await workerFixture()
    meta.answers.push(reset)
    const id = await accept()
    expect(await deliver(id)).toEqual({ kind: 'later', delayMs: 8000 })
    expect((await store.read(id))?.status).toBe('uncertain')
    const early = await deliver(id)
    expect(early.kind).toBe('later')
    expect(meta.sends).toHaveLength(1)
    clock.aheadMs = 8001
    expect(await deliver(id)).toEqual({ kind: 'done' })
    expect(await store.read(id)).toMatchObject({ status: 'sent', attempts: 2 })
    expect(meta.sends).toHaveLength(2)
  })

  it('is never sent again if that is the setting', async () => {
    const { accept, deliver, meta, clock } = await workerFixture({ onUncertain: 'fallback' })
    meta.answers.push(reset)
    const id = await accept()
    await deliver(id)
    clock.aheadMs = 8001
    expect(await deliver(id)).toEqual({ kind: 'fell-back', reason: 'outcome_unknown' })
    expect(meta.sends).toHaveLength(1)
  })

  it('is settled by its receipt', async () => {
    const { accept, deliver, recordReceipt, meta, store, clock } = await workerFixture()
    meta.answers.push(reset)
    const id = await accept()
    await deliver(id)
    const receipt = {
      providerMessageId: 'wamid.9',
      messageId: id,
      status: 'delivered',
      at: Date.now(),
    } as const
    expect(await recordReceipt(receipt)).toBe(true)
    clock.aheadMs = 8001
    expect(await deliver(id)).toEqual({ kind: 'done' })
    expect(await store.read(id)).toMatchObject({ status: 'delivered', providerMessageId: 'wamid.9' })
    expect(meta.sends).toHaveLength(1)
  })

  it('is what a message found in sending is: its worker was lost', async () => {
    const { accept, newDeliver, holdNextSend, meta, store, clock } = await workerFixture()
    const { hasBegun, answer } = holdNextSend()
    const id = await accept()
    const first = newDeliver()(id)
    await hasBegun
    // As long as a call may take it is left to whoever makes it.
    expect((await newDeliver()(id)).kind).toBe('later')
    expect((await store.read(id))?.status).toBe('sending')
    clock.aheadMs = 10_000
    expect(await newDeliver()(id)).toEqual({ kind: 'later', delayMs: 8000 })
    expect((await store.read(id))?.status).toBe('uncertain')
    // The first worker was only slow: what it knows is worth more than the doubt.
    answer(accepted)
    await first
    expect(await store.read(id)).toMatchObject({ status: 'sent', attempts: 1 })
    expect(meta.sends).toHaveLength(1)
  })

  it('a worker that comes late, after another has sent again, changes nothing', async () => {
    const { accept, newDeliver, holdNextSend, store, clock } = await workerFixture()
    const { hasBegun, answer } = holdNextSend()
    const id = await accept()
    const first = newDeliver()(id)
    await hasBegun
    clock.aheadMs = 10_000
    await newDeliver()(id)
    clock.aheadMs = 18_001
    await newDeliver()(id)
    const before = await store.read(id)
    answer(unknownNumber)
    expect(await first).toEqual({ kind: 'done' })
    expect(await store.read(id)).toEqual(before)
    expect(before).toMatchObject({ status: 'sent', attempts: 2 })
  })
})

describe('a fault of Redis in the middle', () => {
  it('a claim whose answer was lost leaves a job that comes again, not a message nobody has', async () => {
    const { accept, deliver, meta, store, claims, clock } = await workerFixture()
    const id = await accept()
    const { take } = claims
    // The connection was cut between the claim and its answer, and the claim was sent again.
    claims.take = async (...args) => {
      claims.take = take
      await take(...args)
      return take(...args)
    }
    expect(await deliver(id)).toMatchObject({ kind: 'later' })
    clock.aheadMs = 10_000
    expect(await deliver(id)).toMatchObject({ kind: 'later', delayMs: 8000 })
    expect((await store.read(id))?.status).toBe('uncertain')
    expect(meta.sends).toEqual([])
  })

  it("Meta's yes is noted in the end: nothing is sent twice for a write that failed", async () => {
    const { accept, deliver, meta, store } = await workerFixture()
    const id = await accept()
    const { move } = store
    let failures = 0
    store.move = async (messageId, step) => {
      if (step.to !== 'sent' || (failures += 1) > 2) return move(messageId, step)
      throw new Error('READONLY You can not write against a read only replica.')
    }
    expect(await deliver(id)).toEqual({ kind: 'done' })
    expect(await store.read(id)).toMatchObject({ status: 'sent', attempts: 1 })
    expect(meta.sends).toHaveLength(1)
  })

  it('a claim that took too long is not used, and no dead code is sent', async () => {
    const { accept, deliver, meta, claims, clock } = await workerFixture()
    const id = await accept()
    const { take } = claims
    claims.take = async (...args) => {
      const answers = await take(...args)
      clock.aheadMs = 600_000
      return answers
    }
    expect(await deliver(id)).toMatchObject({ kind: 'fell-back' })
    expect(meta.sends).toEqual([])
  })
})
