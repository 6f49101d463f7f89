import {
  createApiKeyStore,
  createSealer,
  digestOfKey,
  makeApiKey,
  MOST_WRONG,
  openContent,
  APP_SCOPES,
  Secret,
  TEST_CODES,
  TEST_RECIPIENTS,
  testCodeOf,
  type KeyMode,
  type MessageStatus,
} from '@relais/core'
import { describe, expect, it } from 'vitest'
import { apiFixture, APP_KEY, ENCRYPTION_KEY, OTHER_APP_KEY } from './api-fixture.ts'

const fixture = apiFixture()
const { inject, postTo, inside, keys } = fixture

type Started = {
  id: string
  messageId: string
  expiresAt: string
  resendAfterSeconds: number | null
  via?: string
}

let numbers = 0
/** A recipient of the test's own. */
const recipient = () => `+2217712${String(30_000 + (numbers += 1)).padStart(5, '0')}`

const start = (body: object = {}, headers?: Record<string, string>) =>
  postTo('/api/verifications', { to: recipient(), ...body }, headers)
const check = (id: string, code: unknown, headers?: Record<string, string>) =>
  postTo(`/api/verifications/${id}/check`, { code }, headers)
const resend = (id: string, body: object = {}, headers?: Record<string, string>) =>
  postTo(`/api/verifications/${id}/resend`, body, headers)
const look = (url: string, key = APP_KEY) => inject({ url, headers: { authorization: `Bearer ${key}` } })

/** A verification that was started, and its code, as only its recipient has it. */
async function started(body: object = {}) {
  const answer = await start(body)
  expect(answer.statusCode).toBe(202)
  const verification = answer.json<Started>()
  const code = await codeOf(verification.messageId)
  return { ...verification, code }
}

async function codeOf(messageId: string): Promise<string> {
  const { store } = inside()
  const sealer = createSealer([{ id: 'k1', key: new Secret(ENCRYPTION_KEY) }])
  const content = openContent(sealer, messageId, await store.readContent(messageId))
  if (content?.type !== 'otp') throw new Error('there is no code')
  return content.code
}

/** Lets the time of waiting be over. */
async function mayResend(id: string): Promise<void> {
  await inside().redis.hset(keys.verification(id), 'resendAt', Date.now() - 1)
}

function wrongCodes(code: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    String((Number(code) + i + 1) % 10 ** code.length).padStart(code.length, '0'),
  )
}

/** A key of the app, of this mode. */
async function newKey(mode: KeyMode, recipients?: string[]): Promise<string> {
  const { redis } = inside()
  const sealer = createSealer([{ id: 'k1', key: new Secret(ENCRYPTION_KEY) }])
  const { id, text } = makeApiKey(`rk_${mode}`)
  await createApiKeyStore({ redis, keys, sealer }).create({
    id,
    kind: 'app',
    name: 'wallet',
    mode,
    ...(recipients && { recipients }),
    scopes: APP_SCOPES,
    sha256: digestOfKey(text.reveal()).toString('base64url'),
    createdAt: Date.now(),
    createdBy: 'cli:test',
    expiresAt: Date.now() + 60_000,
  })
  return text.reveal()
}

describe('POST /api/verifications', () => {
  it('makes a code, sends it as a message, and tells it to nobody', async () => {
    const to = recipient()
    const answer = await start({ to, reference: 'login-1', ttlSeconds: 120 })
    const { id, messageId, expiresAt, resendAfterSeconds } = answer.json<Started>()
    expect(answer.statusCode).toBe(202)
    expect(answer.headers['location']).toBe(`/api/verifications/${id}`)
    expect(id).toBe(messageId.replace('msg_', 'ver_'))
    expect(resendAfterSeconds).toBe(30)
    const message = (await look(`/api/messages/${messageId}`)).json<Record<string, string>>()
    expect(message).toMatchObject({ type: 'otp', to, expiresAt, reference: 'login-1', template: 'otp_login' })
    const code = await codeOf(messageId)
    expect(code).toMatch(/^\d{6}$/)
    expect(await inside().queue.getJob(messageId)).toBeDefined()
    const shown = await look(`/api/verifications/${id}`)
    expect(shown.json()).toEqual({
      id,
      status: 'pending',
      attemptsLeft: MOST_WRONG,
      expiresAt,
      messageId,
      resendsLeft: 3,
      resendAfterSeconds: 30,
    })
    const told = [answer, shown].map(({ body, headers }) => body + JSON.stringify(headers)).join()
    expect(told).not.toContain(code)
    expect(told).not.toContain(to.slice(1))
  })

  it.each([4, 10])('makes codes of %i digits', async (length) => {
    expect((await started({ length })).code).toMatch(new RegExp(`^\\d{${length}}$`))
  })

  it.each<[object, string]>([
    [{ length: 3 }, '/length'],
    [{ length: 11 }, '/length'],
    [{ length: '6' }, '/length'],
    [{ ttlSeconds: 29 }, '/ttlSeconds'],
    [{ ttlSeconds: 601 }, '/ttlSeconds'],
    [{ to: '+12' }, '/to'],
    [{ to: undefined }, '/to'],
    [{ code: '482913' }, '/code'],
    [{ expiresAt: 1 }, '/expiresAt'],
    [{ sourceIp: 'here' }, '/sourceIp'],
    [{ template: 'No!' }, '/template'],
  ])('refuses %j', async (body, pointer) => {
    const answer = await start(body)
    expect(answer.json()).toMatchObject({ status: 422, code: 'invalid_request', errors: [{ pointer }] })
  })

  it('repeated with its Idempotency-Key is the same verification, with the code of the first', async () => {
    const [body, headers] = [{ to: recipient() }, { 'idempotency-key': `start-${numbers}` }]
    const [first, second] = [await start(body, headers), await start(body, headers)]
    expect(second.json()).toEqual(first.json())
    expect([first, second].map((each) => each.headers['idempotency-replayed'])).toEqual([undefined, 'true'])
    const { id, messageId } = first.json<Started>()
    expect((await check(id, await codeOf(messageId))).json()).toEqual({ valid: true })
    const other = await start({ ...body, length: 8 }, headers)
    expect(other.json()).toMatchObject({ status: 422, code: 'idempotency_mismatch' })
    const message = await postTo('/api/messages', { ...body, type: 'otp', code: '482913' }, headers)
    expect(message.json()).toMatchObject({ status: 422, code: 'idempotency_mismatch' })
  })

  it('of many repeats at once is one', async () => {
    const [body, headers] = [{ to: recipient() }, { 'idempotency-key': `many-${numbers}` }]
    const answers = await Promise.all(Array.from({ length: 20 }, () => start(body, headers)))
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([202]))
    expect(new Set(answers.map((each) => each.json<Started>().id)).size).toBe(1)
    const [first] = answers.map((each) => each.json<Started>())
    expect((await check(first?.id ?? '', await codeOf(first?.messageId ?? ''))).json()).toEqual({
      valid: true,
    })
  })

  it('answers a number that had a code before like one that never had', async () => {
    const known = recipient()
    await started({ to: known })
    const shapes = await Promise.all(
      [known, recipient()].map(async (to) => {
        const answer = await start({ to })
        return [answer.statusCode, Object.keys(answer.json<object>()), Object.keys(answer.headers).toSorted()]
      }),
    )
    expect(shapes[0]).toEqual(shapes[1])
  })

  it('is refused after a hundred wrong answers in a row, for this recipient', async () => {
    const to = recipient()
    const { id, code, messageId } = await started({ to })
    const [digest = ''] = await inside().redis.hmget(keys.verification(id), 'recipient')
    await inside().redis.set(keys.wrongInARow(digest ?? ''), 99, 'PX', 50_000)
    expect((await check(id, wrongCodes(code, 1)[0])).json()).toEqual({ valid: false, attemptsLeft: 4 })
    expect((await check(id, code)).json()).toMatchObject({ status: 410 })
    const refused = await start({ to })
    expect(refused.json()).toMatchObject({
      status: 429,
      code: 'recipient_limited',
      retryAfterSeconds: 86_400,
    })
    expect((await start()).statusCode).toBe(202)
    expect((await look(`/api/messages/${messageId}`)).statusCode).toBe(200)
  })
})

describe('POST /api/verifications/{id}/check', () => {
  it('says true once; then it is over', async () => {
    const { id, code, messageId } = await started()
    const answers = [await check(id, code), await check(id, code)]
    expect(answers[0]?.json()).toEqual({ valid: true })
    expect(answers[1]?.json()).toMatchObject({ status: 410, code: 'verification_ended' })
    expect((await look(`/api/messages/${messageId}`)).json()).toMatchObject({ status: 'used' })
    expect(await inside().store.readContent(messageId)).toBeUndefined()
    expect((await look(`/api/verifications/${id}`)).json()).toMatchObject({
      status: 'verified',
      attemptsLeft: 0,
      resendsLeft: 0,
      resendAfterSeconds: null,
    })
  })

  it('counts five wrong ones, and sends nothing more that is over', async () => {
    const { id, code, messageId } = await started()
    const answers = []
    for (const wrong of wrongCodes(code, 5)) answers.push((await check(id, wrong)).json())
    expect(answers).toEqual([4, 3, 2, 1, 0].map((attemptsLeft) => ({ valid: false, attemptsLeft })))
    expect((await check(id, code)).json()).toMatchObject({ status: 410, code: 'verification_ended' })
    expect((await look(`/api/messages/${messageId}`)).json()).toMatchObject({ status: 'canceled' })
    expect((await look(`/api/verifications/${id}`)).json()).toMatchObject({
      status: 'ended',
      attemptsLeft: 0,
    })
  })

  it.each([
    undefined,
    482_913,
    '48291',
    '123',
    '12345678901',
    '48291a',
    '４８２９１３',
    ' 482913',
    '482913\n',
    null,
    ['482913'],
  ])('a body with %j is a 422 and no try, if it has not the form of a code', async (code) => {
    const { id } = await started({ length: 6 })
    const answer = await check(id, code)
    // Five digits have the form of a code, if not of this one.
    const isTry = code === '48291'
    expect(answer.statusCode).toBe(isTry ? 200 : 422)
    expect(answer.body).not.toContain('482913')
    expect((await look(`/api/verifications/${id}`)).json()).toMatchObject({ attemptsLeft: isTry ? 4 : 5 })
  })

  it('of fifty right ones at once says true to one', async () => {
    const { id, code } = await started()
    const answers = await Promise.all(Array.from({ length: 50 }, () => check(id, code)))
    expect(answers.filter(({ body }) => body === '{"valid":true}')).toHaveLength(1)
    expect(answers.filter(({ statusCode }) => statusCode === 410)).toHaveLength(49)
  })

  it('of 5,000 wrong ones at a hundred verifications tells nobody more than five', async () => {
    const all = await Promise.all(Array.from({ length: 100 }, () => started()))
    const tries = new Map<string, number>()
    for (let round = 0; round < 10; round += 1) {
      const answers = await Promise.all(
        all.flatMap(({ id, code }) =>
          wrongCodes(code, 50)
            .slice(round * 5, round * 5 + 5)
            .map(async (wrong) => ({ id, answer: await check(id, wrong) })),
        ),
      )
      for (const { id, answer } of answers) {
        expect([200, 410]).toContain(answer.statusCode)
        if (answer.statusCode === 200) tries.set(id, (tries.get(id) ?? 0) + 1)
      }
    }
    expect([...tries.values()]).toEqual(all.map(() => MOST_WRONG))
    const late = await Promise.all(all.map(({ id, code }) => check(id, code)))
    expect(new Set(late.map(({ statusCode }) => statusCode))).toEqual(new Set([410]))
  })

  it('is a 410 after the deadline, and a 404 when the record is gone', async () => {
    const { redis } = inside()
    const { id, code } = await started()
    await redis.hset(keys.verification(id), 'expiresAt', Date.now() - 1)
    expect((await check(id, code)).json()).toMatchObject({ status: 410, code: 'verification_ended' })
    expect((await look(`/api/verifications/${id}`)).json()).toMatchObject({ status: 'ended' })
    await redis.del(keys.verification(id))
    expect((await check(id, code)).json()).toMatchObject({ status: 404, code: 'not_found' })
  })

  it('says the same 410 whatever the reason', async () => {
    const ended = await Promise.all(Array.from({ length: 4 }, () => started()))
    const [right, wrong, late, canceled] = ended
    await check(right?.id ?? '', right?.code)
    for (const guess of wrongCodes(wrong?.code ?? '', 5)) await check(wrong?.id ?? '', guess)
    await inside().redis.hset(keys.verification(late?.id ?? ''), 'expiresAt', Date.now() - 1)
    await inject({
      method: 'DELETE',
      url: `/api/messages/${canceled?.messageId}`,
      headers: { authorization: `Bearer ${APP_KEY}` },
    })
    const answers = await Promise.all(ended.map(({ id, code }) => check(id, code)))
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([410, 410, 410, 410])
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1)
  })

  it('with an Idempotency-Key can be repeated: the same answer, counted once', async () => {
    const { id, code, messageId } = await started()
    const [wrong = ''] = wrongCodes(code, 1)
    const key = (name: string) => ({ 'idempotency-key': name })
    const answers = [
      await check(id, wrong, key('1')),
      await check(id, wrong, key('1')),
      await check(id, code, key('2')),
      await check(id, code, key('2')),
      await check(id, code, key('3')),
    ]
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200, 410])
    expect(answers[1]?.json()).toEqual({ valid: false, attemptsLeft: 4 })
    expect(answers[3]?.json()).toEqual({ valid: true })
    expect(answers.map((each) => each.headers['idempotency-replayed'])).toEqual([
      undefined,
      'true',
      undefined,
      'true',
      undefined,
    ])
    expect((await look(`/api/messages/${messageId}`)).json()).toMatchObject({ status: 'used' })
  })
})

describe('POST /api/verifications/{id}/resend', () => {
  it('sends the same code until the same deadline, in a message of its own, and not too soon', async () => {
    const { id, code, messageId, expiresAt } = await started({ reference: 'r-1', language: 'en_US' })
    const early = await resend(id)
    expect(early.json()).toMatchObject({ status: 429, code: 'resend_too_soon' })
    expect(Number(early.headers['retry-after'])).toBeGreaterThan(25)
    expect(Number(early.headers['retry-after'])).toBeLessThanOrEqual(30)
    await mayResend(id)
    const answer = await resend(id)
    expect(answer.statusCode).toBe(202)
    const again = answer.json<Started>()
    expect(again).toMatchObject({ id, expiresAt, resendAfterSeconds: 60, via: 'whatsapp' })
    expect(again.messageId).not.toBe(messageId)
    expect(await codeOf(again.messageId)).toBe(code)
    const message = (await look(`/api/messages/${again.messageId}`)).json()
    expect(message).toMatchObject({ type: 'otp', expiresAt, reference: 'r-1' })
    expect((await check(id, code)).json()).toEqual({ valid: true })
    for (const each of [messageId, again.messageId]) {
      expect((await look(`/api/messages/${each}`)).json()).toMatchObject({ status: 'used' })
    }
    expect((await resend(id)).json()).toMatchObject({ status: 410, code: 'verification_ended' })
  })

  it('three times, with the tries that are left', async () => {
    const { id, code } = await started()
    const told: unknown[] = []
    for (const wrong of wrongCodes(code, 3)) {
      told.push((await check(id, wrong)).json<{ attemptsLeft: number }>().attemptsLeft)
      await mayResend(id)
      told.push((await resend(id)).json<Started>().resendAfterSeconds)
    }
    expect(told).toEqual([4, 60, 3, 120, 2, null])
    await mayResend(id)
    expect((await resend(id)).json()).toMatchObject({ status: 429, code: 'resend_too_soon' })
    const shown = (await look(`/api/verifications/${id}`)).json()
    expect(shown).toMatchObject({ resendsLeft: 0, resendAfterSeconds: null, attemptsLeft: 2 })
  })

  it('takes no body as well as an empty one, and nothing that it does not know', async () => {
    const { id } = await started()
    await mayResend(id)
    const bare = await inject({
      method: 'POST',
      url: `/api/verifications/${id}/resend`,
      headers: { authorization: `Bearer ${APP_KEY}` },
    })
    expect(bare.statusCode).toBe(202)
    for (const [body, pointer] of [
      [{ via: 'pigeon' }, '/via'],
      [{ code: '482913' }, '/code'],
    ] as const) {
      expect((await resend(id, body)).json()).toMatchObject({ status: 422, errors: [{ pointer }] })
    }
  })

  it('repeated with its Idempotency-Key sends nothing more', async () => {
    const { id } = await started()
    await mayResend(id)
    const headers = { 'idempotency-key': 'again' }
    const [first, second] = [await resend(id, {}, headers), await resend(id, {}, headers)]
    expect([first.statusCode, second.statusCode]).toEqual([202, 202])
    expect(second.json()).toEqual(first.json())
    expect(second.headers['idempotency-replayed']).toBe('true')
    const record = await inside().redis.hgetall(keys.verification(id))
    expect(record).toMatchObject({ resends: '1' })
    expect(record['messageIds']?.split(',')).toHaveLength(2)
  })

  it('finishes what an API that died after counting it has left', async () => {
    const { id, code } = await started()
    await mayResend(id)
    const headers = { 'idempotency-key': 'dead' }
    const { messageId } = (await resend(id, {}, headers)).json<Started>()
    const { redis, queue } = inside()
    await queue.remove(messageId)
    await redis.del(keys.message(messageId), keys.content(messageId))
    expect((await resend(id, {}, headers)).json()).toMatchObject({ messageId })
    expect(await codeOf(messageId)).toBe(code)
  })

  it.each<MessageStatus[]>([[], ['sending'], ['sending', 'uncertain'], ['sent']])(
    'by the fallback gives a message that is not delivered to the operators at once (%s)',
    async (...path) => {
      const { id, messageId, code } = await started()
      const { store, redis } = inside()
      for (const to of path) await store.move(messageId, { to })
      expect((await resend(id, { via: 'fallback' })).json()).toMatchObject({ code: 'resend_too_soon' })
      await mayResend(id)
      const answer = await resend(id, { via: 'fallback' }, { 'idempotency-key': 'f' })
      expect(answer.statusCode).toBe(202)
      expect(answer.json()).toMatchObject({ id, messageId, via: 'fallback', resendAfterSeconds: 60 })
      expect(await store.read(messageId)).toMatchObject({ reason: 'undelivered' })
      expect(await redis.exists(`${fixture.prefix}:fallback:${messageId}`)).toBe(1)
      const repeat = await resend(id, { via: 'fallback' }, { 'idempotency-key': 'f' })
      expect(repeat.json()).toMatchObject({ messageId })
      // The operators have it by now; what they read out is right.
      await store.move(messageId, { to: 'fallback', keepsContent: true })
      await mayResend(id)
      expect((await resend(id, { via: 'fallback' })).json()).toMatchObject({ messageId })
      expect((await check(id, code)).json()).toEqual({ valid: true })
      expect(await store.read(messageId)).toMatchObject({ usedAt: expect.any(Number) })
      expect(await store.readContent(messageId)).toBeUndefined()
    },
  )

  it.each<MessageStatus[]>([['sent', 'delivered'], ['read']])(
    'by the fallback is a 409 once WhatsApp has delivered it (%s), and does not count',
    async (...path) => {
      const { id, messageId } = await started()
      for (const to of path) await inside().store.move(messageId, { to })
      await mayResend(id)
      expect((await resend(id, { via: 'fallback' })).json()).toMatchObject({
        status: 409,
        code: 'already_ended',
      })
      expect((await look(`/api/verifications/${id}`)).json()).toMatchObject({ resendsLeft: 3 })
      const again = await resend(id)
      expect(again.statusCode).toBe(202)
      expect(again.json<Started>().messageId).not.toBe(messageId)
    },
  )
})

describe('who may', () => {
  it("another app's verification answers like one that never was, and is not touched", async () => {
    const { id, code } = await started()
    await mayResend(id)
    const headers = { authorization: `Bearer ${OTHER_APP_KEY}` }
    for (const [theirs, none] of await Promise.all([
      Promise.all([id, 'ver_0123456789012345678901'].map((each) => check(each, code, headers))),
      Promise.all([id, 'ver_0123456789012345678901'].map((each) => resend(each, {}, headers))),
      Promise.all([id, 'ver_none'].map((each) => look(`/api/verifications/${each}`, OTHER_APP_KEY))),
    ])) {
      expect(theirs?.statusCode).toBe(404)
      expect(theirs?.body).toBe(none?.body)
    }
    expect((await look(`/api/verifications/${id}`)).json()).toMatchObject({ attemptsLeft: 5, resendsLeft: 3 })
    expect((await check(id, code)).json()).toEqual({ valid: true })
  })

  it('a team key verifies its team only', async () => {
    const [one, other] = [recipient(), recipient()]
    const headers = { authorization: `Bearer ${await newKey('team', [one])}` }
    expect((await start({ to: one }, headers)).statusCode).toBe(202)
    expect((await start({ to: other }, headers)).json()).toMatchObject({ status: 403 })
  })
})

describe('with a test key', () => {
  it('every number has a code that its app can know', async () => {
    const headers = { authorization: `Bearer ${await newKey('test')}` }
    const endings = [...Object.keys(TEST_RECIPIENTS), ...Object.keys(TEST_CODES), '4567']
    for (const ending of endings) {
      for (const length of [4, 6, 10]) {
        const to = `+22177123${ending}`
        const { id } = (await start({ to, length }, headers)).json<Started>()
        const code = testCodeOf(to, length)
        expect(code).toHaveLength(length)
        const wrong = code === '0'.repeat(length) ? '1'.repeat(length) : '0'.repeat(length)
        expect((await check(id, wrong, headers)).json()).toEqual({ valid: false, attemptsLeft: 4 })
        expect((await check(id, code, headers)).json()).toEqual({ valid: true })
        expect((await check(id, code, headers)).statusCode).toBe(410)
      }
    }
    expect(testCodeOf('+221771230111', 6)).toBe('111111')
    expect(testCodeOf('+221771230123', 6)).toBe('123456')
    expect(testCodeOf('+221771234567', 6)).toBe('456745')
  })

  it('it is a world of its own, and nothing of it stays longer than an hour', async () => {
    const headers = { authorization: `Bearer ${await newKey('test')}`, 'idempotency-key': 'test-1' }
    const { redis } = inside()
    const earlier = new Set(await redis.keys(`${fixture.prefix}:*`))
    const to = '+221771230111'
    const { id, messageId } = (await start({ to, ttlSeconds: 600 }, headers)).json<Started>()
    expect((await check(id, '111111')).statusCode).toBe(404)
    expect((await look(`/api/verifications/${id}`)).statusCode).toBe(404)
    await check(id, '000000', headers)
    await mayResend(id)
    await resend(id, {}, headers)
    await inside().store.move(messageId, { to: 'sent', set: { providerMessageId: `test.${messageId}` } })
    const names = (await redis.keys(`${fixture.prefix}:*`)).filter((name) => !earlier.has(name))
    const own = names.filter((name) =>
      /:(message|content|verification|verification-code|idempotency|provider-message|wrong-in-a-row):/.test(
        name,
      ),
    )
    expect(own.length).toBeGreaterThanOrEqual(6)
    for (const name of own) {
      const left = await redis.pttl(name)
      expect([name, left > 0 && left <= 3600_000]).toEqual([name, true])
    }
  })
})

describe('with limits', () => {
  const limited = apiFixture({ RECIPIENT_MAX_PER_HOUR: '2' })

  it('a start and a resend are refused like any message, and what is refused does not count', async () => {
    const to = recipient()
    const { id } = (await limited.postTo('/api/verifications', { to })).json<Started>()
    const again = () => limited.postTo(`/api/verifications/${id}/resend`, {})
    const wait = () => limited.inside().redis.hset(limited.keys.verification(id), 'resendAt', Date.now() - 1)
    await wait()
    expect((await again()).statusCode).toBe(202)
    const before = await limited.inside().redis.hgetall(limited.keys.verification(id))
    await wait()
    const refused = await again()
    expect(refused.json()).toMatchObject({ status: 429, code: 'recipient_limited' })
    expect(refused.headers['retry-after']).toBeDefined()
    const after = await limited.inside().redis.hgetall(limited.keys.verification(id))
    expect([after['resends'], after['messageIds']]).toEqual([before['resends'], before['messageIds']])
    const start = await limited.postTo('/api/verifications', { to })
    expect(start.json()).toMatchObject({ status: 429, code: 'recipient_limited' })
    // By the operators it goes all the same: that is no further message.
    const helped = await limited.postTo(`/api/verifications/${id}/resend`, { via: 'fallback' })
    expect(helped.statusCode).toBe(202)
  })
})

it('no code is in what the API logs', async () => {
  const codes = []
  for (let i = 0; i < 5; i += 1) {
    const { id, code } = await started({ length: 10 })
    const [wrong = ''] = wrongCodes(code, 1)
    await check(id, wrong)
    await check(id, `${code}x`)
    await mayResend(id)
    await resend(id)
    await check(id, code)
    codes.push(code, wrong)
  }
  const logged = fixture.logged()
  expect(logged).toContain('verification.verified')
  for (const code of codes) expect(logged).not.toContain(code)
})
