import { enqueueMessages } from '@relais/core'
import { eventually } from '@relais/testing'
import { Worker } from 'bullmq'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createDeliverAlone } from '../src/deliver-alone.ts'
import { accepted, workerFixture } from './worker-fixture.ts'

const receipts = { deliverWithinMs: 60_000 }

describe('a message to which nothing happens', () => {
  it('that was sent and not delivered in time goes to the fallback, once', async () => {
    const { accept, deliver, sweep, clock, store, fallbackJobs } = await workerFixture(receipts)
    const id = await accept()
    await deliver(id)
    clock.aheadMs += 59_000
    await sweep.once()
    expect((await store.read(id))?.reason).toBeUndefined()
    clock.aheadMs += 1000
    await Promise.all([sweep.once(), sweep.once(), sweep.once()])
    expect(await store.read(id)).toMatchObject({ status: 'sent', reason: 'undelivered' })
    expect(await fallbackJobs()).toEqual([{ messageId: id }])
  })

  it('and that says itself how long it waits', async () => {
    const { accept, deliver, sweep, clock, store } = await workerFixture(receipts)
    const id = await accept({ deliverWithinSeconds: 5 })
    await deliver(id)
    clock.aheadMs += 5000
    await sweep.once()
    expect((await store.read(id))?.reason).toBe('undelivered')
  })

  it('without receipts nobody waits for a delivery', async () => {
    const { accept, deliver, sweep, clock, store, redis, keys } = await workerFixture()
    const id = await accept()
    await deliver(id)
    expect(await redis.zcard(keys.timers())).toBe(0)
    clock.aheadMs += 250_000
    await sweep.once()
    expect((await store.read(id))?.status).toBe('sent')
  })

  it.each([
    ['that waits for its turn', {}, {}, 'rate_limited'],
    ['that was tried in vain', { attempts: 2 }, {}, 'provider_unavailable'],
    ['that has no token to go with', {}, { token: null }, 'token_unavailable'],
  ])(
    '%s falls back while its code is of use, whatever became of its job',
    async (_what, over, options, reason) => {
      const { accept, sweep, clock, store, fallbackJobs } = await workerFixture(options)
      const id = await accept(over)
      clock.aheadMs += 239_000
      await sweep.once()
      expect((await store.read(id))?.reason).toBeUndefined()
      clock.aheadMs += 1000
      await sweep.once()
      expect(await store.read(id)).toMatchObject({ status: 'queued', reason })
      expect(await fallbackJobs()).toEqual([{ messageId: id }])
    },
  )

  it('whose deadline has passed in the queue expires', async () => {
    const { accept, sweep, clock, store, redis, keys } = await workerFixture()
    const id = await accept()
    clock.aheadMs += 300_000
    await sweep.once()
    expect((await store.read(id))?.status).toBe('expired')
    expect(await store.readContent(id)).toBeUndefined()
    expect(await redis.zcard(keys.timers())).toBe(0)
  })

  it('is left to the worker that is sending it, and found uncertain once that one is gone', async () => {
    const { accept, deliver, sweep, clock, store, holdNextSend } = await workerFixture(receipts)
    const id = await accept()
    clock.aheadMs += 58_000
    const send = holdNextSend()
    const delivery = deliver(id)
    await send.hasBegun
    clock.aheadMs += 3000
    await sweep.once()
    expect((await store.read(id))?.reason).toBeUndefined()
    clock.aheadMs += 8000
    await sweep.once()
    expect((await store.read(id))?.reason).toBe('outcome_unknown')
    send.answer(accepted)
    await delivery
    expect((await store.read(id))?.status).toBe('sent')
  })

  it('whose fallback was decided and never queued is handed over', async () => {
    const { accept, sweep, clock, store, fallbackJobs } = await workerFixture()
    const id = await accept()
    await store.decideFallback(id, { reason: 'recipient_unreachable', detail: '131026' })
    clock.aheadMs += 4000
    await sweep.once()
    expect(await fallbackJobs()).toEqual([])
    clock.aheadMs += 1000
    await sweep.once()
    expect(await fallbackJobs()).toEqual([{ messageId: id }])
  })

  it('comes again if the one who took it died', async () => {
    const { accept, sweep, clock, store, unsettled, redis, keys } = await workerFixture()
    const id = await accept()
    clock.aheadMs += 240_000
    const how = { most: 10, againMs: 5000, turnMs: 60_000 }
    expect(await unsettled.takeDue('the one who dies', how)).toEqual({ due: [id], unsettled: 1 })
    // It has the turn for as long as it may be alive.
    await sweep.once()
    clock.aheadMs += 5000
    await sweep.once()
    expect((await store.read(id))?.reason).toBeUndefined()
    await redis.del(keys.sweeper())
    clock.aheadMs += 5000
    await sweep.once()
    expect((await store.read(id))?.reason).toBe('rate_limited')
  })

  it('is found as well when there were none for a while', async () => {
    const { accept, sweep, clock, store, redis, keys } = await workerFixture()
    sweep.start()
    onTestFinished(() => sweep.close())
    await eventually(
      () => redis.exists(keys.sweeper()),
      (exists) => exists === 1,
    )
    const id = await accept()
    clock.aheadMs += 240_000
    await eventually(
      () => store.read(id),
      (message) => message?.reason === 'rate_limited',
    )
  })

  it('costs no timer once it is settled', async () => {
    const { accept, deliver, recordReceipt, redis, keys } = await workerFixture(receipts)
    const id = await accept()
    await deliver(id)
    expect(await redis.zcard(keys.timers())).toBe(1)
    await recordReceipt({ providerMessageId: 'wamid.1', messageId: id, status: 'delivered', at: 0 })
    expect(await redis.zcard(keys.timers())).toBe(0)
  })
})

describe('a message whose job is lost', () => {
  it('gets a new one, once nobody can be about to give it one', async () => {
    const { accept, sweep, clock, messageQueue } = await workerFixture()
    const id = await accept()
    clock.aheadMs += 4000
    await sweep.once()
    expect(await messageQueue.getJob(id)).toBeUndefined()
    clock.aheadMs += 2000
    await sweep.once()
    expect((await messageQueue.getJob(id))?.data).toEqual({ messageId: id })
  })

  it('gets one as well when its job has ended without it', async () => {
    const { accept, sweep, clock, messageQueue, prefix, redis } = await workerFixture()
    const id = await accept()
    await enqueueMessages(messageQueue, [{ message: { id }, priority: 7 }])
    const worker = new Worker(messageQueue.name, async () => undefined, { connection: redis, prefix })
    await new Promise((resolve) => worker.once('completed', resolve))
    await worker.close()
    clock.aheadMs += 6000
    await sweep.once()
    expect(await (await messageQueue.getJob(id))?.getState()).toBe('prioritized')
  })

  it('is found among many, a part at each look; what is waiting, sent or ended is left alone', async () => {
    const { accept, deliver, sweep, clock, messageQueue, store } = await workerFixture(receipts)
    const sent = await accept()
    await deliver(sent)
    const decided = await accept()
    await store.decideFallback(decided, { reason: 'request_rejected', detail: '100' })
    const waiting = await Promise.all(Array.from({ length: 600 }, () => accept()))
    const places = waiting.map((id) => ({ message: { id }, priority: 7 }))
    await enqueueMessages(messageQueue, places)
    const lost = await accept()
    clock.aheadMs += 6000
    for (let i = 0; i < 3; i += 1) await sweep.once()
    expect(await messageQueue.getJobCounts('prioritized')).toEqual({ prioritized: 601 })
    expect(await messageQueue.getJob(lost)).toBeDefined()
    expect(await messageQueue.getJob(sent)).toBeUndefined()
    expect(await messageQueue.getJob(decided)).toBeUndefined()
  })
})

describe('how many of an app have not ended', () => {
  it('is counted with each that comes and each that ends, and nothing is left of it', async () => {
    const { accept, deliver, recordReceipt, store, unsettled, redis, keys } = await workerFixture(receipts)
    const [first, second] = [await accept(), await accept({ to: '+221771234568' })]
    await accept({ app: 'shop' })
    expect([...(await unsettled.countByApp())]).toEqual([
      ['wallet', 2],
      ['shop', 1],
    ])
    await deliver(first)
    expect((await unsettled.countByApp()).get('wallet')).toBe(2)
    const receipt = { providerMessageId: 'wamid.1', messageId: first, status: 'delivered', at: 0 } as const
    await recordReceipt(receipt)
    await recordReceipt({ ...receipt, status: 'read' })
    expect((await unsettled.countByApp()).get('wallet')).toBe(1)
    await store.move(second, { to: 'canceled' })
    expect((await unsettled.countByApp()).get('wallet')).toBe(0)
    const [last = ''] = await unsettled.list(0, 10)
    // What Redis has lost cannot be told whose it was.
    await redis.del(keys.message(last))
    await unsettled.setTimer(last, 'none')
    expect(await redis.exists(keys.unsettled())).toBe(0)
  })
})

describe('a message that kills its workers', () => {
  it('goes to the fallback after some of them; those beside it do not', async () => {
    const { accept, deliver, store, unsettled, end, events, fallbackJobs, redis, keys } =
      await workerFixture()
    const never = () => new Promise<never>(() => undefined)
    const [killer, other] = [await accept(), await accept({ to: '+221771234568' })]
    for (const runs of ['1', '2']) {
      const dying = createDeliverAlone({ store, unsettled, end, events, deliver: never })
      void dying(killer)
      void dying(other)
      await eventually(
        () => redis.get(keys.runs(killer)),
        (counted) => counted === runs,
      )
    }
    const alone = createDeliverAlone({ store, unsettled, end, events, deliver })
    expect(await alone(killer)).toEqual({ kind: 'fell-back', reason: 'worker_lost' })
    expect(await alone(other)).toEqual({ kind: 'done' })
    expect((await store.read(other))?.status).toBe('sent')
    expect(await fallbackJobs()).toEqual([{ messageId: killer }])
  })
})

describe('a sender that Meta has blocked', () => {
  const blocked = {
    kind: 'failed',
    failure: 'account-blocked',
    detail: '368 blocked',
    pauses: 'sender',
  } as const

  it('sends nothing more but probes: messages fall back at once', async () => {
    const { accept, deliver, meta, store, clock } = await workerFixture()
    meta.answers.push(blocked)
    expect(await deliver(await accept())).toEqual({ kind: 'fell-back', reason: 'sender_blocked' })
    const next = await accept()
    expect(await deliver(next)).toEqual({ kind: 'fell-back', reason: 'sender_blocked' })
    expect(meta.sends).toHaveLength(1)
    expect((await store.read(next))?.attempts).toBe(0)
    clock.aheadMs += 5000
    const probe = await accept({
      to: '+221771234568',
      acceptedAt: Date.now() + 5000,
      expiresAt: Date.now() + 305_000,
    })
    expect((await deliver(probe)).kind).toBe('done')
    const after = await accept({
      to: '+221771234569',
      acceptedAt: Date.now() + 5000,
      expiresAt: Date.now() + 305_000,
    })
    expect((await deliver(after)).kind).toBe('done')
  })

  it('is known from a receipt as well, and from what Meta says of the account', async () => {
    const { accept, deliver, recordReceipt, recordNotice, pauses } = await workerFixture()
    const id = await accept()
    await deliver(id)
    const receipt = { providerMessageId: 'wamid.1', messageId: id, status: 'failed', at: 0 } as const
    await recordReceipt({ ...receipt, graphCode: 131042 })
    expect(await pauses.all()).toMatchObject([{ what: 'sender', reason: 'sender_blocked' }])
    const account = { kind: 'account', field: 'account_update', event: 'DISABLED_UPDATE' } as const
    await recordNotice({ ...account, detail: 'REINSTATE' })
    expect(await pauses.all()).toEqual([])
    await recordNotice({ ...account, detail: 'DISABLE' })
    expect(await pauses.all()).toMatchObject([{ what: 'sender' }])
  })
})

describe('a template that Meta has paused', () => {
  it('is not used until Meta says that it is good again; others are', async () => {
    const { accept, deliver, recordNotice, meta } = await workerFixture()
    const template = { kind: 'template', name: 'otp_login', language: 'fr' } as const
    await recordNotice({ ...template, event: 'PAUSED', reason: 'LOW_QUALITY' })
    expect(await deliver(await accept())).toEqual({ kind: 'fell-back', reason: 'template_rejected' })
    expect((await deliver(await accept({ language: 'en' }))).kind).toBe('done')
    await recordNotice({ ...template, event: 'APPROVED' })
    expect((await deliver(await accept())).kind).toBe('done')
    expect(meta.sends).toHaveLength(2)
  })
})

describe('many refusals at once', () => {
  it('are one pause: those on their way were refused as well', async () => {
    const { accept, newDeliver, meta, pauses } = await workerFixture()
    const failed = { kind: 'failed', failure: 'account-blocked', detail: '131031', pauses: 'sender' } as const
    const ids = await Promise.all(Array.from({ length: 8 }, (_, i) => accept({ to: `+22177123456${i}` })))
    let sending = 0
    let answer = (): void => undefined
    const all = new Promise<void>((resolve) => (answer = resolve))
    for (const _id of ids)
      meta.answers.push(async () => {
        sending += 1
        if (sending === ids.length) answer()
        await all
        return failed
      })
    await Promise.all(ids.map((id) => newDeliver()(id)))
    expect(await pauses.all()).toMatchObject([{ what: 'sender', probes: 0 }])
  })

  it('a message that waits is no probe: the next one that goes is', async () => {
    const { accept, deliver, pauses, clock, meta } = await workerFixture({ token: null })
    await pauses.begin('sender', { reason: 'sender_blocked', detail: '368' })
    clock.aheadMs += 5000
    expect((await deliver(await accept())).kind).toBe('later')
    expect(await pauses.all()).toMatchObject([{ probes: 0 }])
    expect(meta.sends).toEqual([])
  })
})

describe('what Meta accepted', () => {
  it('stays accepted, whatever fails afterwards', async () => {
    const { accept, deliver, pauses, store, meta } = await workerFixture()
    pauses.end = () => Promise.reject(new Error('LOADING'))
    const id = await accept()
    await deliver(id).catch(() => undefined)
    expect((await store.read(id))?.status).toBe('sent')
    expect(meta.sends).toHaveLength(1)
  })

  it('is counted once, though delivered and read come in one webhook', async () => {
    const { accept, deliver, recordReceipt, events } = await workerFixture({ deliverWithinMs: 60_000 })
    let arrivals = 0
    events.messageArrived = () => void (arrivals += 1)
    const id = await accept()
    await deliver(id)
    const receipt = { providerMessageId: 'wamid.1', messageId: id, at: 0 }
    await Promise.all([
      recordReceipt({ ...receipt, status: 'delivered' }),
      recordReceipt({ ...receipt, status: 'read' }),
      recordReceipt({ ...receipt, status: 'delivered' }),
    ])
    expect(arrivals).toBe(1)
  })

  it('and whose fallback was decided meanwhile keeps its timer until that is done', async () => {
    const { accept, deliver, store, holdNextSend, sweep, clock, fallbackJobs } = await workerFixture()
    const id = await accept()
    const send = holdNextSend()
    const delivery = deliver(id)
    await send.hasBegun
    await store.decideFallback(id, { reason: 'undelivered', detail: 'decided elsewhere' })
    send.answer(accepted)
    await delivery
    clock.aheadMs += 240_000
    await sweep.once()
    expect(await fallbackJobs()).toEqual([{ messageId: id }])
  })
})

describe('an uncertain message', () => {
  it('where no receipts can come is sent once more, not again and again', async () => {
    const { accept, deliver, meta, policy } = await workerFixture()
    policy.uncertainWaitMs = 0
    for (let i = 0; i < 5; i += 1) meta.answers.push({ kind: 'ambiguous', detail: 'HTML' })
    const id = await accept()
    for (let i = 0; i < 6; i += 1) await deliver(id)
    expect(meta.sends).toHaveLength(2)
  })

  it('whose deadline passes ends with the operators, who learn that the person may have it', async () => {
    const { accept, deliver, meta, clock, store } = await workerFixture()
    meta.answers.push({ kind: 'ambiguous', detail: 'no whole answer' })
    const id = await accept()
    await deliver(id)
    clock.aheadMs += 300_001
    expect(await deliver(id)).toEqual({ kind: 'fell-back', reason: 'outcome_unknown' })
    expect((await store.read(id))?.reason).toBe('outcome_unknown')
  })
})
