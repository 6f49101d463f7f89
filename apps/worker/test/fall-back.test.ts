import { describe, expect, it } from 'vitest'
import {
  createAgeOpen,
  createAgeSeal,
  makeAgeIdentity,
  openContent,
  type MessageContent,
  type Receipt,
} from '@relais/core'
import { workerFixture } from './worker-fixture.ts'

const failedReceipt = (over: Partial<Receipt>): Receipt => ({
  providerMessageId: 'wamid.1',
  status: 'failed',
  at: Date.now(),
  graphCode: 131026,
  title: 'Message Undeliverable',
  ...over,
})

describe('the fallback', () => {
  it('writes the record once, however often it is called', async () => {
    const { accept, fallBack, store, records } = await workerFixture()
    const id = await accept({ reference: 'login-1' })
    await store.decideFallback(id, { reason: 'rate_limited', detail: 'too fast' })
    await fallBack(id)
    await fallBack(id)
    const message = await store.read(id)
    expect(records).toEqual([
      {
        event: 'message.fallback',
        messageId: id,
        app: 'wallet',
        to: '+221771234567',
        code: '482913',
        reason: 'rate_limited',
        expiresAt: new Date(message?.expiresAt ?? 0).toISOString(),
        reference: 'login-1',
      },
    ])
    expect(message?.timeline.at(-1)).toMatchObject({ status: 'fallback', detail: 'too fast' })
  })

  it.each(['plain', 'masked', 'sealed'] as const)(
    'keeps a %s code for an operator to reveal: sealed, and until the deadline',
    async (fallbackCodes) => {
      const { accept, fallBack, store, sealer, redis, keys } = await workerFixture({ fallbackCodes })
      const id = await accept()
      await store.decideFallback(id, { reason: 'rate_limited', detail: 'too fast' })
      await fallBack(id)
      const content = openContent(sealer, id, await store.readContent(id))
      expect(content).toEqual({ type: 'otp', code: '482913' })
      expect(await redis.pexpiretime(keys.content(id))).toBe((await store.read(id))?.expiresAt)
    },
  )

  it.each<MessageContent>([
    { type: 'text', text: 'Your parcel is here' },
    { type: 'template', parameters: ['Awa', '12 500'] },
  ])('erases what is no code and shows nothing of it: $type', async (content) => {
    const { accept, fallBack, store, records } = await workerFixture({ fallbackCodes: 'sealed' })
    const id = await accept({ type: content.type }, content)
    await store.decideFallback(id, { reason: 'rate_limited', detail: 'too fast' })
    await fallBack(id)
    expect(await store.readContent(id)).toBeUndefined()
    expect(records).toMatchObject([{ messageId: id }])
    expect(records[0]).not.toHaveProperty('code')
  })

  it('masked: the record has no code', async () => {
    const { accept, fallBack, store, records } = await workerFixture({ fallbackCodes: 'masked' })
    const id = await accept()
    await store.decideFallback(id, { reason: 'rate_limited', detail: 'too fast' })
    await fallBack(id)
    expect(records).toMatchObject([{ messageId: id, to: '+221771234567' }])
    expect(records[0]).not.toHaveProperty('code')
  })

  it('sealed without a public key: the code opens for who has our keys, and for this message only', async () => {
    const { accept, fallBack, store, sealer, records } = await workerFixture({ fallbackCodes: 'sealed' })
    const [id, other] = [await accept(), await accept()]
    await store.decideFallback(id, { reason: 'rate_limited', detail: 'too fast' })
    await fallBack(id)
    const sealed = String(records[0]?.['code'])
    expect(sealed).not.toContain('482913')
    expect(openContent(sealer, id, sealed)).toEqual({ type: 'otp', code: '482913' })
    expect(openContent(sealer, other, sealed)).toBeUndefined()
  })

  it('sealed to operators: each of them can open the code, Relais cannot and keeps nothing', async () => {
    const pairs = [await makeAgeIdentity(), await makeAgeIdentity()]
    const sealToOperators = await createAgeSeal(pairs.map(({ recipient }) => recipient))
    const fixture = await workerFixture({ fallbackCodes: 'sealed', sealToOperators })
    const { accept, fallBack, store, sealer, records } = fixture
    const id = await accept()
    await store.decideFallback(id, { reason: 'rate_limited', detail: 'too fast' })
    await fallBack(id)
    const sealed = String(records[0]?.['code'])
    for (const { identity } of pairs) expect(await (await createAgeOpen([identity]))(sealed)).toBe('482913')
    const stranger = await createAgeOpen([(await makeAgeIdentity()).identity])
    expect(await stranger(sealed)).toBeUndefined()
    expect(openContent(sealer, id, sealed)).toBeUndefined()
    expect(await store.readContent(id)).toBeUndefined()
    expect(await store.read(id)).toMatchObject({ status: 'fallback' })
  })

  it('that has no code to seal to operators, because its key is gone, still tells who is waiting', async () => {
    const { recipient } = await makeAgeIdentity()
    const sealToOperators = await createAgeSeal([recipient])
    const fixture = await workerFixture({ fallbackCodes: 'sealed', sealToOperators })
    const { accept, fallBack, store, records, redis, keys } = fixture
    const id = await accept()
    await redis.set(keys.content(id), 'v1.gone.AAAA.AAAA')
    await store.decideFallback(id, { reason: 'rate_limited', detail: 'too fast' })
    await fallBack(id)
    expect(records).toMatchObject([{ messageId: id, to: '+221771234567' }])
    expect(records[0]).not.toHaveProperty('code')
  })

  it('after the deadline writes no code, and says so', async () => {
    const { accept, fallBack, store, records, clock } = await workerFixture()
    const id = await accept()
    await store.decideFallback(id, { reason: 'rate_limited', detail: 'too fast' })
    clock.aheadMs = 300_000
    await fallBack(id)
    expect(records).toMatchObject([{ messageId: id, expired: true }])
    expect(records[0]).not.toHaveProperty('code')
  })

  it('of a message that arrived after all writes nothing', async () => {
    const { accept, fallBack, store, records } = await workerFixture()
    const id = await accept()
    await store.decideFallback(id, { reason: 'rate_limited', detail: 'too fast' })
    await store.move(id, { to: 'delivered' })
    await fallBack(id)
    expect(records).toEqual([])
  })

  it('whose key is gone still tells who is waiting', async () => {
    const { accept, fallBack, store, records, redis, keys } = await workerFixture()
    const id = await accept()
    await redis.set(keys.content(id), 'v1.gone.AAAA.AAAA')
    await store.decideFallback(id, { reason: 'rate_limited', detail: 'too fast' })
    await fallBack(id)
    expect(records).toMatchObject([{ messageId: id, to: '+221771234567' }])
  })

  it('that was written but not noted, because the process died, is written again: not lost', async () => {
    const { accept, fallBack, store, records } = await workerFixture()
    const id = await accept()
    await store.decideFallback(id, { reason: 'rate_limited', detail: 'too fast' })
    const { move } = store
    store.move = () => Promise.reject(new Error('the process died here'))
    await expect(fallBack(id)).rejects.toThrow('died')
    store.move = move
    await fallBack(id)
    expect(records.map(({ messageId }) => messageId)).toEqual([id, id])
    expect((await store.read(id))?.status).toBe('fallback')
  })
})

describe('a receipt', () => {
  it('moves the message, in any order, and repeats change nothing', async () => {
    const { accept, deliver, recordReceipt, store } = await workerFixture()
    const id = await accept()
    await deliver(id)
    const at = Date.now()
    for (const status of ['read', 'delivered', 'sent', 'read'] as const) {
      expect(await recordReceipt({ providerMessageId: 'wamid.1', messageId: id, status, at })).toBe(true)
    }
    expect((await store.read(id))?.timeline).toMatchObject([
      { status: 'queued' },
      { status: 'sending' },
      { status: 'sent', detail: 'accepted by Meta' },
      { status: 'read', detail: 'receipt' },
      { status: 'read', detail: 'receipt: delivered came late and changed nothing' },
    ])
  })

  it('that comes after the fallback is recorded, and undoes nothing', async () => {
    const { accept, deliver, fallBack, recordReceipt, store } = await workerFixture()
    const id = await accept()
    await deliver(id)
    await recordReceipt(failedReceipt({ messageId: id }))
    await fallBack(id)
    const receipt = { providerMessageId: 'wamid.1', messageId: id, status: 'delivered', at: 0 } as const
    for (let repeat = 0; repeat < 3; repeat += 1) await recordReceipt(receipt)
    const message = await store.read(id)
    expect(message?.status).toBe('fallback')
    expect(message?.timeline.map(({ detail }) => detail).filter((said) => said?.includes('late'))).toEqual([
      'receipt: delivered came late and changed nothing',
    ])
  })

  it("is found by Meta's id when it carries none of ours", async () => {
    const { accept, deliver, recordReceipt, store } = await workerFixture()
    const id = await accept()
    await deliver(id)
    expect(await recordReceipt({ providerMessageId: 'wamid.1', status: 'delivered', at: 0 })).toBe(true)
    expect((await store.read(id))?.status).toBe('delivered')
  })

  it('of a message nobody knows is told so', async () => {
    const { recordReceipt } = await workerFixture()
    expect(
      await recordReceipt({ providerMessageId: 'wamid.x', messageId: 'msg_x', status: 'read', at: 0 }),
    ).toBe(false)
  })

  it.each([
    [131026, 'recipient_unreachable'],
    [131042, 'sender_blocked'],
    [131043, 'undelivered'],
    [131047, 'request_rejected'],
    [131000, 'provider_unavailable'],
    [130429, 'rate_limited'],
    [999999, 'request_rejected'],
  ])('that failed with %i starts the fallback: %s', async (graphCode, reason) => {
    const { accept, deliver, recordReceipt, store, fallbackJobs } = await workerFixture()
    const id = await accept()
    await deliver(id)
    await recordReceipt(failedReceipt({ graphCode }))
    await recordReceipt(failedReceipt({ graphCode, messageId: id }))
    expect(await store.read(id)).toMatchObject({ status: 'sent', reason })
    expect(await fallbackJobs()).toEqual([{ messageId: id }])
  })

  it('that failed, and whose worker died before the fallback queue had the message, is finished by the next', async () => {
    const { accept, deliver, recordReceipt, store, fallbackJobs } = await workerFixture()
    const id = await accept()
    await deliver(id)
    await store.decideFallback(id, { reason: 'recipient_unreachable', detail: 'receipt: 131026' })
    expect(await fallbackJobs()).toEqual([])
    await recordReceipt(failedReceipt({ messageId: id }))
    expect(await fallbackJobs()).toEqual([{ messageId: id }])
  })

  it('that failed changes nothing once the message was delivered, or was sent again since', async () => {
    const { accept, deliver, recordReceipt, store, fallbackJobs } = await workerFixture()
    const delivered = await accept()
    await deliver(delivered)
    await recordReceipt({ providerMessageId: 'wamid.1', messageId: delivered, status: 'delivered', at: 0 })
    await recordReceipt(failedReceipt({ messageId: delivered }))
    const again = await accept()
    await deliver(again)
    await recordReceipt(failedReceipt({ messageId: again, providerMessageId: 'wamid.earlier' }))
    expect((await store.read(delivered))?.reason).toBeUndefined()
    expect((await store.read(again))?.reason).toBeUndefined()
    expect(await fallbackJobs()).toEqual([])
  })
})
