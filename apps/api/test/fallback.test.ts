import { randomBytes } from 'node:crypto'
import {
  createAudit,
  createEvents,
  createFallen,
  createLogger,
  createMetrics,
  createSealer,
  Secret,
  type Audit,
} from '@relais/core'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ProblemError } from '../src/problem.ts'
import { createRevealCode } from '../src/reveal-code.ts'
import { apiFixture, APP_KEY, OPS_KEY, OTHER_APP_KEY } from './api-fixture.ts'

const ENCRYPTION_KEY = randomBytes(32).toString('base64')
const encryptionKeys = [{ id: 'k1', key: new Secret(ENCRYPTION_KEY) }]
const { inject, post, postTo, inside, keys } = apiFixture({
  ENCRYPTION_KEYS: `k1:${ENCRYPTION_KEY}`,
  OPS_KEYS: `awa:${OPS_KEY},moussa:moussa-key-0123456789`,
})
const moussa = { authorization: 'Bearer moussa-key-0123456789' }

let made = 0
/** The audit knows its entries by these; so does the test. */
const newCode = () => `9${String((made += 1)).padStart(5, '0')}`

/** A message that fell back, with a code of its own. */
async function fallBack(how: { app?: string; body?: object; keepsContent?: boolean } = {}) {
  const { store, redis } = inside()
  const code = newCode()
  const body = { to: '+221771234567', type: 'otp', code, reference: `login-${code}`, ...how.body }
  const key = how.app === 'shop' ? OTHER_APP_KEY : APP_KEY
  const { id } = (await post(body, { authorization: `Bearer ${key}` })).json<{ id: string }>()
  await store.decideFallback(id, { reason: 'recipient_unreachable', detail: 'Meta says 131026' })
  await store.move(id, { to: 'fallback', keepsContent: how.keepsContent ?? true })
  return { id, code, store, redis }
}

/** Who did what, the latest first. */
const auditOf = () => {
  const { redis } = inside()
  return createAudit({ redis, keys, encryptionKeys, keptDays: 1 }).latest(1000)
}

beforeEach(async () => {
  const { redis } = inside()
  await redis.del(keys.reveals('awa'), keys.reveals('moussa'))
})

const headers = { authorization: `Bearer ${OPS_KEY}` }
const list = (query = '') => inject({ method: 'GET', url: `/api/fallback${query}`, headers })
const reveal = (id: string, body: unknown = { reason: 'the person called' }, as = headers) =>
  postTo(`/api/fallback/${id}/reveal`, body, as)
type List = { records: Record<string, unknown>[]; next: string | null }

describe('GET /api/fallback', () => {
  it('tells who fell back of late, without a code or a whole number', async () => {
    const { id, code } = await fallBack()
    const answer = await list('?limit=1')
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['cache-control']).toBe('no-store')
    const { records, next } = answer.json<List>()
    expect(records).toEqual([
      {
        messageId: id,
        app: 'wallet',
        type: 'otp',
        to: '…4567',
        reason: 'recipient_unreachable',
        detail: 'Meta says 131026',
        fellBackAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        expiresAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        reference: `login-${code}`,
        isRevealable: true,
      },
    ])
    expect(next).toBe(id)
    expect(answer.body.replace(`login-${code}`, '')).not.toContain(code)
  })

  it('goes on where it stopped, to the end, and tells one app from another', async () => {
    const shop: string[] = []
    for (let i = 0; i < 4; i += 1) {
      shop.unshift((await fallBack({ app: 'shop' })).id)
      await fallBack()
    }
    const seen: unknown[] = []
    let before: string | null = ''
    while (before !== null) {
      const query: string = `?limit=3&app=shop${before ? `&before=${before}` : ''}`
      const { records, next }: List = (await list(query)).json()
      seen.push(...records.map(({ messageId }) => messageId))
      before = next
    }
    expect(seen).toEqual(shop)
    expect((await list('?before=msg_unknown')).json()).toEqual({ records: [], next: null })
  })

  it('tells what is not to be revealed: has no code, was revealed, was used', async () => {
    const text = await fallBack({
      body: { type: 'text', text: 'hello', code: undefined },
      keepsContent: false,
    })
    const revealed = await fallBack()
    await reveal(revealed.id)
    const used = await fallBack()
    await postTo(`/api/messages/${used.id}/used`, '')
    const { records } = (await list('?limit=3')).json<List>()
    const of = ({ id }: { id: string }) => records.find(({ messageId }) => messageId === id)
    expect(of(text)).toMatchObject({ type: 'text', isRevealable: false })
    expect(of(revealed)).toMatchObject({
      isRevealable: false,
      revealedBy: 'awa',
      revealedAt: expect.stringMatching(/Z$/) as string,
    })
    expect(of(used)).toMatchObject({ isRevealable: false, usedAt: expect.stringMatching(/Z$/) as string })
  })

  it.each(['limit=0', 'limit=201', 'limit=ten', 'limit=1.5', 'before=a%20b', 'app=%2A', 'what=1'])(
    'does not take %s',
    async (query) => {
      expect((await list(`?${query}`)).json()).toMatchObject({ status: 422, code: 'invalid_request' })
    },
  )
})

describe('POST /api/fallback/{id}/reveal', () => {
  it('gives the code, once, and the audit says who had it and why', async () => {
    const { id, code, store } = await fallBack()
    const answer = await reveal(id, { reason: 'the person called, ticket 17' })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['cache-control']).toBe('no-store')
    const message = await store.read(id)
    expect(answer.json()).toEqual({
      messageId: id,
      to: '+221771234567',
      code,
      expiresAt: new Date(message?.expiresAt ?? 0).toISOString(),
    })
    for (const as of [headers, moussa]) {
      const again = await reveal(id, undefined, as)
      expect(again.json()).toMatchObject({
        status: 409,
        code: 'already_revealed',
        detail: expect.stringContaining(
          `to awa at ${new Date(message?.revealedAt ?? 0).toISOString()}`,
        ) as string,
      })
      expect(again.headers['cache-control']).toBe('no-store')
      expect(again.body).not.toContain(code)
    }
    const [entry, ...others] = (await auditOf()).filter(({ subject }) => subject === id)
    expect(others).toEqual([])
    expect(entry).toMatchObject({
      actor: 'operator:awa',
      action: 'code.revealed',
      detail: { app: 'wallet', reason: 'the person called, ticket 17' },
    })
    expect(JSON.stringify(entry)).not.toContain(code)
    expect(await store.read(id)).toMatchObject({ status: 'fallback' })
  })

  it('of twenty at the same moment gives it to one', async () => {
    const { id, code } = await fallBack()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => reveal(id, undefined, i % 2 ? headers : moussa)),
    )
    expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(1)
    expect(answers.filter(({ body }) => body.includes(code))).toHaveLength(1)
    expect((await auditOf()).filter(({ subject }) => subject === id)).toHaveLength(1)
  })

  it('keeps the code out of the audit where the reason has it', async () => {
    const { id, code } = await fallBack()
    expect((await reveal(id, { reason: `is it ${code}? (${code})` })).statusCode).toBe(200)
    const [entry] = (await auditOf()).filter(({ subject }) => subject === id)
    expect(entry?.detail).toMatchObject({ reason: 'is it [code]? ([code])' })
  })

  it('is a 404 for what is not there, or did not fall back', async () => {
    const { id } = (await post({ to: '+221771234567', type: 'otp', code: '482913' })).json<{ id: string }>()
    for (const each of [id, 'msg_unknown'])
      expect((await reveal(each)).json()).toMatchObject({ status: 404, code: 'not_found' })
  })

  it('is a 410 after the deadline, even when nobody had the code', async () => {
    const { id, code, redis } = await fallBack()
    await redis.persist(keys.content(id))
    await redis.hset(keys.message(id), 'expiresAt', Date.now() - 1)
    const answer = await reveal(id)
    expect(answer.json()).toMatchObject({ status: 410, code: 'code_expired' })
    expect(answer.body).not.toContain(code)
    expect((await auditOf()).filter(({ subject }) => subject === id)).toEqual([])
  })

  it('is a 409 once the app said that the code was used, and the code is erased', async () => {
    const { id, store } = await fallBack()
    for (let repeat = 0; repeat < 2; repeat += 1) {
      const answer = await postTo(`/api/messages/${id}/used`, '')
      expect(answer.json()).toMatchObject({ id, status: 'fallback' })
    }
    expect(await store.readContent(id)).toBeUndefined()
    expect(
      (await store.read(id))?.timeline.filter(({ detail }) => detail === 'the code was used'),
    ).toHaveLength(1)
    expect((await reveal(id)).json()).toMatchObject({ status: 409, code: 'already_ended' })
  })

  it('is a 409 where Relais has no code that it can read, and leaves no trace of a reveal', async () => {
    const sealedToOperators = await fallBack({ keepsContent: false })
    const underOldKey = await fallBack()
    const { redis } = underOldKey
    await redis.set(keys.content(underOldKey.id), 'v1.gone.AAAA.AAAA', 'KEEPTTL')
    for (const { id, store } of [sealedToOperators, underOldKey]) {
      expect((await reveal(id)).json()).toMatchObject({ status: 409, code: 'reveal_unavailable' })
      expect(await store.read(id)).not.toHaveProperty('revealedAt')
      expect((await auditOf()).filter(({ subject }) => subject === id)).toEqual([])
    }
  })

  it.each([
    ['no body', null],
    ['no reason', {}],
    ['too short', { reason: 'ab' }],
    ['too long', { reason: 'a'.repeat(201) }],
    ['blank', { reason: '     ' }],
    ['two lines', { reason: 'two\nlines' }],
    ['two lines of another kind', { reason: 'two\u2028lines' }],
    ['a control character', { reason: 'esc \u001b[2J' }],
    ['another direction', { reason: 'turned \u202e round' }],
    ['a number', { reason: 17 }],
    ['more than a reason', { reason: 'they called', code: '1' }],
  ])('what is no reason is refused: %s', async (_what, body: unknown) => {
    const { id, store } = await fallBack()
    expect((await reveal(id, body)).json()).toMatchObject({ status: 422, code: 'invalid_request' })
    expect(await store.read(id)).not.toHaveProperty('revealedAt')
  })

  it.each(['ça va', 'x'.repeat(200), 'سبب وجيه', 'the person called 📞'])('%s is one', async (reason) => {
    const { id } = await fallBack()
    expect((await reveal(id, { reason })).statusCode).toBe(200)
  })

  it("does not take an app's key, nor none", async () => {
    const { id } = await fallBack()
    expect((await reveal(id, undefined, { authorization: `Bearer ${APP_KEY}` })).statusCode).toBe(403)
    expect((await inject({ method: 'GET', url: '/api/fallback' })).statusCode).toBe(401)
  })
})

describe('ten a minute', () => {
  it('an operator is told when the next may be revealed, and others are not held up', async () => {
    for (let i = 0; i < 10; i += 1) expect((await reveal((await fallBack()).id)).statusCode).toBe(200)
    const { id, code } = await fallBack()
    const answer = await reveal(id)
    expect(answer.json()).toMatchObject({ status: 429, code: 'operator_limited' })
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect((await reveal(id, undefined, moussa)).json()).toMatchObject({ code })
  })
})

describe('a reveal that nobody would know of', () => {
  function useCase(audit: Pick<Audit, 'append'>) {
    const { redis, store } = inside()
    const sealer = createSealer(encryptionKeys)
    const logger = createLogger({ name: 'api', level: 'silent', isPretty: false })
    const warn = vi.spyOn(logger, 'warn')
    const lines = () => warn.mock.calls.map(([facts]) => facts)
    const events = createEvents({ logger, metrics: createMetrics() })
    const fallen = createFallen({ redis, keys })
    return { store, lines, revealCode: createRevealCode({ store, fallen, sealer, audit, events }) }
  }
  const how = { operator: 'khady', reason: 'the person called' }

  it('is not made: without the audit nothing is given, and another may ask', async () => {
    const { id, code } = await fallBack()
    const failing = useCase({ append: () => Promise.reject(new Error('the stream is full')) })
    const refusal = await failing.revealCode(id, how).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(ProblemError)
    expect(refusal).toMatchObject({ statusCode: 503, code: 'queue_unavailable' })
    expect(failing.lines()).toEqual([])
    expect(await failing.store.read(id)).not.toHaveProperty('revealedAt')
    expect((await reveal(id, undefined, moussa)).json()).toMatchObject({ code })
  })

  it('is not made by a process that dies over the audit: the code counts as revealed, and nobody has it', async () => {
    const { id } = await fallBack()
    let died = () => {}
    const dead = new Promise<void>((resolve) => (died = resolve))
    const dying = useCase({
      append() {
        died()
        return new Promise<never>(() => {})
      },
    })
    void dying.revealCode(id, how)
    await dead
    expect((await reveal(id, undefined, moussa)).json()).toMatchObject({ code: 'already_revealed' })
  })

  it('is in the log, without the code, the reason or the whole number', async () => {
    const { id, code } = await fallBack()
    const { redis } = inside()
    const audit = createAudit({ redis, keys: keys, encryptionKeys, keptDays: 1 })
    const { revealCode, lines } = useCase(audit)
    expect(await revealCode(id, how)).toMatchObject({ code })
    expect(lines()).toMatchObject([
      { event: 'code.revealed', messageId: id, app: 'wallet', to: '…4567', operator: 'khady' },
    ])
    const logged = JSON.stringify(lines()).replace(`login-${code}`, '')
    for (const secret of [code, how.reason, '+221771234567']) expect(logged).not.toContain(secret)
  })
})
