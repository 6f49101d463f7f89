import {
  createMessageStore,
  LEGAL_MOVES,
  MESSAGE_STATUSES,
  type Message,
  type MessageStatus,
} from '@relais/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encryptionKeys, newMessage } from './message-fixture.ts'
import { redisFixture } from './redis-fixture.ts'

const message = (over: Partial<Message> = {}): Message =>
  newMessage({ template: 'otp_login', language: 'fr', reference: 'login-7781', ...over })

function setup() {
  const { redis, keys } = redisFixture()
  return { redis, keys, store: createMessageStore({ redis, keys, encryptionKeys }) }
}

/** Puts a message straight into a state, by legal moves. */
async function bring(store: ReturnType<typeof setup>['store'], id: string, to: MessageStatus): Promise<void> {
  const paths: Record<MessageStatus, MessageStatus[]> = {
    queued: [],
    sending: ['sending'],
    uncertain: ['sending', 'uncertain'],
    sent: ['sending', 'sent'],
    delivered: ['delivered'],
    read: ['read'],
    fallback: ['fallback'],
    expired: ['expired'],
    canceled: ['canceled'],
    used: ['used'],
  }
  for (const step of paths[to]) expect((await store.move(id, { to: step })).moved).toBe(true)
}

describe('the record of a message', () => {
  it('reads as it was written, and its content apart', async () => {
    const { store } = setup()
    const written = message({ deliverWithinSeconds: 20 })
    expect(await store.create(written, 'sealed')).toBe(true)
    expect(await store.read('msg_1')).toEqual(written)
    expect(await store.readContent('msg_1')).toBe('sealed')
    expect(await store.read('msg_2')).toBeUndefined()
  })

  it('is never written over', async () => {
    const { store } = setup()
    await store.create(message(), 'sealed')
    expect(await store.create(message({ app: 'shop' }), 'other')).toBe(false)
    expect(await store.read('msg_1')).toMatchObject({ app: 'wallet' })
    expect(await store.readContent('msg_1')).toBe('sealed')
  })

  it('goes a day after the deadline, the content at the deadline, by themselves', async () => {
    const { store, redis, keys } = setup()
    const written = message()
    await store.create(written, 'sealed')
    expect(await redis.pexpiretime(keys.message('msg_1'))).toBe(written.expiresAt + 86_400_000)
    expect(await redis.pexpiretime(keys.content('msg_1'))).toBe(written.expiresAt)
  })

  it.each(MESSAGE_STATUSES.flatMap((from) => MESSAGE_STATUSES.map((to) => [from, to] as const)))(
    'from %s to %s: as the table of moves says',
    async (from, to) => {
      const { store } = setup()
      await store.create(message(), 'sealed')
      await bring(store, 'msg_1', from)
      const isLegal = (LEGAL_MOVES[from] as readonly string[]).includes(to)
      const result = await store.move('msg_1', { to })
      expect(result.moved).toBe(isLegal)
      expect(result.message?.status).toBe(isLegal ? to : from)
    },
  )

  it('a message that is not there is not made by a move', async () => {
    const { store, redis, keys } = setup()
    expect(await store.move('msg_1', { to: 'sent' })).toEqual({ moved: false, message: undefined })
    expect(await redis.exists(keys.message('msg_1'))).toBe(0)
  })

  it.each(['delivered', 'read', 'fallback', 'expired', 'canceled', 'used'] as const)(
    'the content is erased with the move to %s',
    async (to) => {
      const { store } = setup()
      await store.create(message(), 'sealed')
      await bring(store, 'msg_1', to)
      expect(await store.readContent('msg_1')).toBeUndefined()
    },
  )

  it('a code may stay through the fallback until its deadline; used, it is erased, and the message stays', async () => {
    const { store, redis, keys } = setup()
    const written = message()
    await store.create(written, 'sealed')
    await store.decideFallback('msg_1', { reason: 'rate_limited', detail: 'why' })
    await store.move('msg_1', { to: 'fallback', keepsContent: true })
    expect(await store.readContent('msg_1')).toBe('sealed')
    expect(await redis.pexpiretime(keys.content('msg_1'))).toBe(written.expiresAt)
    expect(await redis.zcard(keys.timers())).toBe(0)
    expect(await redis.hgetall(keys.unsettled())).toEqual({ wallet: '0' })

    const { moved, message: used } = await store.noteUsed('msg_1', 'the code was used')
    expect(moved).toBe(true)
    expect(used).toMatchObject({ status: 'fallback', usedAt: expect.any(Number) as number })
    expect(await store.readContent('msg_1')).toBeUndefined()
    expect(await redis.hgetall(keys.unsettled())).toEqual({ wallet: '0' })
  })

  it('is noted as used only when it fell back', async () => {
    const { store } = setup()
    await store.create(message(), 'sealed')
    expect((await store.noteUsed('msg_1', 'the code was used')).moved).toBe(false)
    expect((await store.noteUsed('msg_2', 'the code was used')).moved).toBe(false)
    expect(await store.readContent('msg_1')).toBe('sealed')
  })

  it('of many workers that claim it at once one wins', async () => {
    const { store } = setup()
    await store.create(message(), 'sealed')
    const claim = () => store.move('msg_1', { to: 'sending', claims: 0, set: { claims: 1, attempts: 1 } })
    const results = await Promise.all(Array.from({ length: 20 }, claim))
    expect(results.filter(({ moved }) => moved)).toHaveLength(1)
  })

  it('a worker whose claim was taken over changes nothing', async () => {
    const { store } = setup()
    await store.create(message(), 'sealed')
    await store.move('msg_1', { to: 'sending', set: { claims: 1, attempts: 1 } })
    await store.move('msg_1', { to: 'uncertain' })
    await store.move('msg_1', { to: 'sending', claims: 1, set: { claims: 2, attempts: 2 } })
    expect((await store.move('msg_1', { to: 'queued', claims: 1 })).moved).toBe(false)
    expect(await store.read('msg_1')).toMatchObject({ status: 'sending', claims: 2 })
  })

  it('once the fallback is decided it is not sent, and decided it is once', async () => {
    const { store } = setup()
    await store.create(message(), 'sealed')
    const decide = (reason: 'rate_limited' | 'token_unavailable') =>
      store.decideFallback('msg_1', { reason, detail: 'why' })
    expect((await decide('rate_limited')).moved).toBe(true)
    expect((await decide('token_unavailable')).moved).toBe(false)
    expect((await store.move('msg_1', { to: 'sending', unlessFallingBack: true })).moved).toBe(false)
    expect(await store.read('msg_1')).toMatchObject({ status: 'queued', reason: 'rate_limited' })
    expect(await store.readContent('msg_1')).toBe('sealed')
  })

  it("is found by Meta's id, which stands in no key", async () => {
    const { store, redis, keys } = setup()
    await store.create(message(), 'sealed')
    await store.move('msg_1', { to: 'sent', set: { providerMessageId: 'wamid.HBgMMjIx' } })
    expect(await store.findByProviderId('wamid.HBgMMjIx')).toBe('msg_1')
    expect(await store.findByProviderId('wamid.other')).toBeUndefined()
    const everything = await Promise.all(
      (await redis.keys(keys.foundBy(0, '').replace('0:', '*'))).map(async (key) => [
        key,
        ...(await redis.zrange(key, '0', '-1')),
      ]),
    )
    expect(everything.length).toBeGreaterThan(0)
    expect(JSON.stringify(everything)).not.toContain('HBgMMjIx')
  })

  it('its timeline tells every step, and is bounded', async () => {
    const { store } = setup()
    await store.create(message(), 'sealed')
    for (let i = 0; i < 150; i += 1) {
      await store.move('msg_1', { to: 'sending', detail: `attempt ${i} ${'.'.repeat(40)}` })
      await store.move('msg_1', { to: 'queued', detail: 'again' })
    }
    await store.move('msg_1', { to: 'expired' })
    const timeline = (await store.read('msg_1'))?.timeline ?? []
    expect(timeline.at(-1)?.status).toBe('expired')
    expect(JSON.stringify(timeline).length).toBeLessThan(16_384)
  })

  it('reaches one end, once, whatever comes in whatever order', async () => {
    const { store } = setup()
    let n = 0
    const moves = fc.array(fc.constantFrom(...MESSAGE_STATUSES), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(moves, async (wanted) => {
        const id = `msg_${(n += 1)}`
        await store.create(message({ id }), 'sealed')
        await Promise.all(wanted.map((to) => store.move(id, { to })))
        const { timeline = [] } = (await store.read(id)) ?? {}
        for (const [index, entry] of timeline.entries()) {
          const before = timeline[index - 1]
          if (before) expect(LEGAL_MOVES[before.status]).toContain(entry.status)
        }
        const ends = timeline.filter(({ status }) => LEGAL_MOVES[status].length === 0)
        expect(ends.length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 100 },
    )
  })
})
