/** What operators see of messages and do about them: as data, and on the pages. That a code arrives is in `e2e/resend.test.ts`. */
import {
  createAudit,
  createResends,
  MESSAGE_STATUSES,
  openContent,
  createSealer,
  messageIdOf,
  newSeed,
  Secret,
  type Message,
} from '@relais/core'
import { eventually } from '@relais/testing'
import { describe, expect, it } from 'vitest'
import { apiFixture, APP_KEY, ENCRYPTION_KEY, OPS_KEY } from './api-fixture.ts'

const WAMID = 'wamid.HBgMMjIxNzcxMjM0NTY3FQIAERgS'
const encryptionKeys = [{ id: 'k1', key: new Secret(ENCRYPTION_KEY) }]
const { inject, post, postTo, inside, keys, logged } = apiFixture()

const bearer = { authorization: `Bearer ${OPS_KEY}` }
const basic = { authorization: `Basic ${Buffer.from(`awa:${OPS_KEY}`).toString('base64')}` }

let made = 0
/** Each test keeps to a number and a code of its own. */
function newPerson() {
  made += 1
  return { to: `+2217712${String(40_000 + made)}`, code: `8${String(made).padStart(5, '0')}` }
}

async function send(person: { to: string; code: string }, more: object = {}): Promise<string> {
  const answer = await post({ ...person, type: 'otp', ...more })
  expect(answer.statusCode).toBe(202)
  return answer.json<{ id: string }>().id
}

/** Brings a message to a state, as workers and receipts would. */
async function bringTo(id: string, status: Message['status']): Promise<void> {
  const { store } = inside()
  const move = (to: Message['status'], more: object = {}) => store.move(id, { to, ...more })
  switch (status) {
    case 'queued':
      return
    case 'fallback':
      await store.decideFallback(id, { reason: 'undelivered', detail: 'no receipt' })
      await move('fallback', { keepsContent: true })
      return
    case 'canceled':
    case 'expired':
      await move(status)
      return
    case 'sending':
      await move('sending', { set: { claims: 1, attempts: 1 }, detail: 'attempt 1' })
      return
    case 'uncertain':
      await bringTo(id, 'sending')
      await move('uncertain')
      return
    case 'sent':
      await bringTo(id, 'sending')
      await move('sent', { set: { providerMessageId: WAMID }, detail: 'accepted by Meta' })
      return
    case 'delivered':
    case 'read':
    case 'used':
      await bringTo(id, 'sent')
      await move(status, { detail: 'receipt' })
  }
}

const search = (body: unknown) => postTo('/api/admin/messages/search', body, bearer)
const look = async (id: string) => inject({ url: `/api/admin/messages/${id}`, headers: bearer })
const act = (id: string, what: 'resend' | 'cancel', body: unknown = '') =>
  postTo(`/api/admin/messages/${id}/${what}`, body, bearer)
type Found = { messages: { id: string }[] }
type Shown = { status: string; story: object[]; canResend: object; canCancel: object; resentAs?: string }

const auditOf = (action: string) => {
  const { redis } = inside()
  const audit = createAudit({ redis, keys, encryptionKeys, keptDays: 1 })
  return audit.latest(500).then((entries) => entries.filter((entry) => entry.action === action))
}

/** What a message would be sent with, if it were sent now. */
async function codeIn(id: string): Promise<string | undefined> {
  const content = openContent(createSealer(encryptionKeys), id, await inside().store.readContent(id))
  return content?.type === 'otp' ? content.code : undefined
}

describe('the search', () => {
  it("finds a message by its recipient, its reference, its id and Meta's, the latest first", async () => {
    const person = newPerson()
    const first = await send(person, { reference: `r-${person.code}` })
    const second = await send(person)
    await inside().store.move(first, { to: 'sent', set: { providerMessageId: `${WAMID}${person.code}` } })
    const found = async (body: object) => (await search(body)).json<Found>().messages.map(({ id }) => id)
    expect((await found({ to: person.to })).toSorted()).toEqual([first, second].toSorted())
    expect(await found({ to: `+221 ${person.to.slice(4)}` })).toHaveLength(2)
    expect(await found({ reference: `r-${person.code}` })).toEqual([first])
    expect(await found({ id: second })).toEqual([second])
    expect(await found({ providerMessageId: `${WAMID}${person.code}` })).toEqual([first])
    for (const body of [
      { to: '+221771299999' },
      { reference: 'r' },
      { id: 'msg_none' },
      { providerMessageId: 'x' },
    ]) {
      expect(await found(body)).toEqual([])
    }
  })

  it('shows who it is for by the last four digits, and neither the code nor what was looked for', async () => {
    const person = newPerson()
    const id = await send(person, { reference: 'order-7' })
    await bringTo(id, 'sent')
    const answer = await search({ to: person.to })
    expect(answer.json()).toEqual({
      messages: [
        {
          id,
          app: 'wallet',
          type: 'otp',
          to: `…${person.to.slice(-4)}`,
          template: 'otp_login',
          language: 'fr',
          reference: 'order-7',
          status: 'sent',
          attempts: 1,
          acceptedAt: expect.stringMatching(/Z$/) as string,
          expiresAt: expect.stringMatching(/Z$/) as string,
        },
      ],
    })
    for (const secret of [person.to.slice(4), person.code, WAMID]) {
      expect(answer.body).not.toContain(secret)
      expect(logged()).not.toContain(secret)
    }
  })

  it.each([
    ['nothing', {}],
    ['two things', { to: '+221771234567', id: 'msg_1' }],
    ['no number', { to: '60409' }],
    ['something else', { code: '482913' }],
    ['too much', { reference: 'x'.repeat(129) }],
    ['an empty word', { reference: '' }],
  ])('a search for %s is a 422 that does not repeat it', async (_what, body) => {
    const answer = await search(body)
    expect(answer.json()).toMatchObject({ status: 422, code: 'invalid_request' })
    for (const asked of ['60409', '482913', 'msg_1']) expect(answer.body).not.toContain(asked)
  })

  it('for a number is in the audit before it is answered, by the last four digits; others are not', async () => {
    const { to } = newPerson()
    const before = (await auditOf('message.searched')).length
    await search({ reference: 'somebody' })
    await search({ to })
    const entries = await auditOf('message.searched')
    expect(entries.length - before).toBe(1)
    expect(entries[0]).toMatchObject({ actor: 'operator:awa', detail: { to: `…${to.slice(-4)}` } })
    expect(JSON.stringify(entries)).not.toContain(to.slice(4))
  })

  it('answers fifty at most', async () => {
    const { to } = newPerson()
    const messages = Array.from({ length: 60 }, (_, i) => ({ to, type: 'otp', code: String(1000 + i) }))
    expect((await postTo('/api/messages/batch', { messages })).json()).toMatchObject({ accepted: 60 })
    expect((await search({ to })).json<Found>().messages).toHaveLength(50)
  })

  it('goes by the record where two have the same digest', async () => {
    const [one, other] = [newPerson(), newPerson()]
    const id = await send(one)
    const otherId = await send(other)
    const { redis } = inside()
    // As if the digest of the one were that of the other as well.
    for (const name of await redis.keys(keys.foundBy(0, '').replace(':0:', ':*'))) {
      for (const entry of await redis.zrange(name, '0', '-1')) {
        if (!entry.endsWith(id.slice(4))) continue
        await redis.zadd(name, 0, entry.slice(0, -id.length + 4) + otherId.slice(4))
      }
    }
    expect((await search({ to: one.to })).json<Found>().messages.map((each) => each.id)).toEqual([id])
  })
})

describe('the story', () => {
  it('tells each step, why it fell back, and what can be done', async () => {
    const person = newPerson()
    const id = await send(person)
    const { store } = inside()
    await bringTo(id, 'sending')
    const detail = `131026 Message Undeliverable for ${person.to} (permanent-recipient) (fbtrace_id AbC)`
    await store.decideFallback(id, { reason: 'recipient_unreachable', detail })
    await store.move(id, { to: 'fallback', keepsContent: true, detail })
    const answer = await look(id)
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['cache-control']).toBe('no-store')
    const shown = answer.json<Shown>()
    expect(shown).toMatchObject({
      id,
      status: 'fallback',
      reason: 'recipient_unreachable',
      cause: expect.stringContaining('131026') as string,
      remedy: expect.any(String) as string,
      canResend: { ok: true },
      canCancel: { ok: false, why: expect.stringContaining('has ended before') as string },
    })
    expect(shown.story).toMatchObject([
      { status: 'queued', spentOn: 'turn', durationMs: expect.any(Number) as number },
      { status: 'sending', spentOn: 'call', attempt: 1 },
      { status: 'sending', spentOn: 'fallback', detail: 'goes to the fallback: recipient_unreachable' },
      { status: 'fallback', detail: expect.stringContaining('(fbtrace_id AbC)') as string },
    ])
    expect(answer.body).not.toContain(person.to.slice(4))
    expect(answer.body).not.toContain(person.code)
  })

  it('of a message that is not there is a 404', async () => {
    expect((await look('msg_none')).json()).toMatchObject({ status: 404, code: 'not_found' })
    expect((await act('msg_none', 'resend')).json()).toMatchObject({ status: 404, code: 'not_found' })
    expect((await act('msg_none', 'cancel')).json()).toMatchObject({ status: 404, code: 'not_found' })
  })
})

describe('a code that an operator sends again', () => {
  it.each(MESSAGE_STATUSES)('from the state %s', async (status) => {
    const person = newPerson()
    const id = await send(person, { reference: 'order-7', deliverWithinSeconds: 90, ttlSeconds: 600 })
    await bringTo(id, status)
    const isPossible = status === 'sent' || status === 'fallback'
    expect((await look(id)).json<Shown>().canResend).toMatchObject({ ok: isPossible })
    const answer = await act(id, 'resend')
    const { store } = inside()
    const original = await store.read(id)
    if (!isPossible) {
      expect(answer.json()).toMatchObject({ status: 409, code: 'resend_not_possible' })
      expect(answer.json<{ detail: string }>().detail).toContain(status)
      expect(original).not.toHaveProperty('resentAs')
      return
    }
    expect(answer.statusCode).toBe(202)
    const { id: copyId, ...rest } = answer.json<{ id: string }>()
    expect(rest).toEqual({ resendOf: id, expiresAt: new Date(original?.expiresAt ?? 0).toISOString() })
    const copy = await store.read(copyId)
    expect(copy).toMatchObject({
      app: 'wallet',
      to: person.to,
      template: 'otp_login',
      language: 'fr',
      reference: 'order-7',
      deliverWithinSeconds: 90,
      status: 'queued',
      attempts: 0,
      expiresAt: original?.expiresAt,
      resendOf: id,
    })
    expect(original?.resentAs).toBe(copyId)
    expect(await codeIn(copyId)).toBe(person.code)
    // It has a job, and is found as any other.
    expect(await inside().queue.getJob(copyId)).toBeDefined()
    expect((await search({ to: person.to })).json<Found>().messages).toHaveLength(2)
    const [entry] = await eventually(
      () => auditOf('message.resent'),
      (entries) => entries.some(({ subject }) => subject === id),
    )
    expect(entry).toMatchObject({ actor: 'operator:awa', subject: id, detail: { app: 'wallet', as: copyId } })
    expect(logged()).toContain('"event":"message.resent"')
    expect(logged()).not.toContain(person.code)
  })

  it('goes out once, however many ask at the same moment, and however often', async () => {
    const id = await send(newPerson())
    await bringTo(id, 'fallback')
    const answers = await Promise.all(Array.from({ length: 5 }, () => act(id, 'resend')))
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([202, 202, 202, 202, 202])
    const again = await act(id, 'resend')
    expect([again.statusCode, again.headers['idempotency-replayed']]).toEqual([202, 'true'])
    const ids = [...answers, again].map((answer) => answer.json<{ id: string }>().id)
    expect(new Set(ids).size).toBe(1)
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1)
    const entries = await auditOf('message.resent')
    expect(entries.filter(({ subject }) => subject === id)).toHaveLength(1)
    expect((await look(id)).json<Shown>()).toMatchObject({
      resentAs: ids[0],
      canResend: { ok: false, why: expect.stringContaining(ids[0] ?? '-') as string },
    })
  })

  it('is made by who asks next, when the first died between the mark and the copy', async () => {
    const id = await send(newPerson())
    await bringTo(id, 'fallback')
    const { redis, store } = inside()
    const copyId = messageIdOf(newSeed(), 0)
    expect(await createResends({ redis, keys }).mark(id, copyId)).toEqual({ copyId, isNew: true })
    expect(await store.read(copyId)).toBeUndefined()
    expect((await look(id)).json<Shown>().canResend).toEqual({ ok: true })
    const answers = await Promise.all([act(id, 'resend'), act(id, 'resend')])
    expect(answers.map((answer) => [answer.statusCode, answer.json<{ id: string }>().id])).toEqual([
      [202, copyId],
      [202, copyId],
    ])
    expect(await store.read(copyId)).toMatchObject({ status: 'queued', resendOf: id })
  })

  it('is not sent when Relais cannot read it, nor one of a message of a test key', async () => {
    const id = await send(newPerson())
    await bringTo(id, 'fallback')
    const { redis } = inside()
    await redis.set(keys.content(id), 'v1.old.AAAA.BBBB')
    expect((await act(id, 'resend')).json()).toMatchObject({
      status: 409,
      detail: expect.stringContaining('ENCRYPTION_KEYS') as string,
    })
    await redis.del(keys.content(id))
    expect((await act(id, 'resend')).json()).toMatchObject({
      status: 409,
      detail: expect.stringContaining('fallback open') as string,
    })
    const test = await send(newPerson())
    await redis.hset(keys.message(test), 'isTest', 'true')
    await bringTo(test, 'fallback')
    expect((await act(test, 'resend')).json()).toMatchObject({ status: 409, code: 'resend_not_possible' })
    expect((await search({ id: test })).json()).toMatchObject({ messages: [{ isTest: true }] })
  })

  it('is used when its app says so of the message that it knows', async () => {
    const id = await send(newPerson())
    await bringTo(id, 'fallback')
    const { id: copyId } = (await act(id, 'resend')).json<{ id: string }>()
    expect((await postTo(`/api/messages/${id}/used`, '')).statusCode).toBe(200)
    const { store } = inside()
    expect(await store.read(copyId)).toMatchObject({ status: 'used' })
    expect(await codeIn(copyId)).toBeUndefined()
    expect((await act(copyId, 'resend')).json()).toMatchObject({ status: 409 })
  })

  it('takes no body but an empty one', async () => {
    const id = await send(newPerson())
    await bringTo(id, 'sent')
    expect((await act(id, 'resend', { code: '482913' })).statusCode).toBe(422)
    expect((await act(id, 'resend', {})).statusCode).toBe(202)
  })
})

describe('a message that an operator takes back', () => {
  it.each(MESSAGE_STATUSES)('in the state %s', async (status) => {
    const id = await send(newPerson())
    await bringTo(id, status)
    const answer = await act(id, 'cancel')
    if (status === 'queued' || status === 'canceled') {
      expect(answer.json()).toMatchObject({ id, status: 'canceled' })
    } else {
      expect(answer.json()).toMatchObject({ status: 409 })
      expect(['already_sent', 'already_ended']).toContain(answer.json<{ code: string }>().code)
    }
    if (status !== 'queued') return
    expect(await codeIn(id)).toBeUndefined()
    const entries = await eventually(
      () => auditOf('message.canceled'),
      (all) => all.some(({ subject }) => subject === id),
    )
    expect(entries[0]).toMatchObject({ actor: 'operator:awa', subject: id })
  })
})

describe('the pages', () => {
  const submit = (url: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    inject({
      method: 'POST',
      url,
      headers: {
        ...basic,
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      },
      payload: new URLSearchParams(fields).toString(),
    })
  const page = (url: string) => inject({ url, headers: basic })

  it('find a message by a form that puts nothing into the URL, and lead to it', async () => {
    const person = newPerson()
    const id = await send(person, { reference: 'order-7' })
    const empty = await page('/admin/messages')
    expect(empty.statusCode).toBe(200)
    expect(empty.body).toContain('<form method="post" action="/admin/messages"')
    const found = await submit('/admin/messages', { by: 'to', text: ` ${person.to} ` })
    expect(found.statusCode).toBe(200)
    expect(found.body).toContain(`href="/admin/messages/${id}"`)
    expect(found.body).not.toContain(person.to.slice(4))
    const none = await submit('/admin/messages', { by: 'reference', text: 'nobody' })
    expect([none.statusCode, none.body.includes('There is no such message')]).toEqual([200, true])
    const wrong = await submit('/admin/messages', { by: 'to', text: '77' })
    expect([wrong.statusCode, wrong.body.includes('must be a phone number')]).toEqual([422, true])
    expect((await submit('/admin/messages', { by: '__proto__' })).statusCode).toBe(422)
  })

  it('run nothing and show nothing secret, whatever a record holds', async () => {
    const person = newPerson()
    const hostile = `"><script>alert(1)</script><img src=x onerror='x'>`
    const id = await send(person, { reference: hostile })
    const { store } = inside()
    await bringTo(id, 'sending')
    const detail = `131026 ${hostile} ${person.to} ${WAMID}`
    await store.decideFallback(id, { reason: 'recipient_unreachable', detail })
    await store.move(id, { to: 'fallback', keepsContent: true, detail })
    const pages = [
      await page(`/admin/messages/${id}`),
      await submit('/admin/messages', { by: 'reference', text: hostile }),
    ]
    for (const { statusCode, headers, body } of pages) {
      expect(statusCode).toBe(200)
      const policy = String(headers['content-security-policy'])
      expect(policy).toContain("script-src 'self';")
      expect(policy).toContain("form-action 'self'")
      expect(policy).not.toContain('unsafe')
      expect(headers['cache-control']).toBe('no-store')
      expect(body).toContain('&lt;script&gt;alert(1)')
      expect(body).not.toMatch(/<script>|<img|<style|style="| on\w+="/)
      for (const secret of [person.to.slice(4), person.code, 'HBgM']) expect(body).not.toContain(secret)
    }
    expect(pages[0]?.body).toContain('What to do:')
    expect(pages[0]?.body).toContain('docs/errors.md')
  })

  it('send a code again, and lead to the message that carries it', async () => {
    const id = await send(newPerson())
    await bringTo(id, 'fallback')
    expect((await page(`/admin/messages/${id}`)).body).toContain(`action="/admin/messages/${id}/resend"`)
    const done = await submit(`/admin/messages/${id}/resend`, {})
    expect(done.statusCode).toBe(303)
    const where = String(done.headers.location)
    const copy = await page(where)
    expect(copy.body).toContain('on its way again')
    expect(copy.body).toContain(`href="/admin/messages/${id}"`)
    const again = await submit(`/admin/messages/${id}/resend`, {})
    expect(again.headers.location).toBe(where.replace('resent', 'repeated'))
    const canceled = await submit(where.replace(/\?.*/, '/cancel'), {})
    expect(canceled.statusCode).toBe(303)
    expect((await page(String(canceled.headers.location))).body).toContain('was taken back')
    const refused = await submit(where.replace(/\?.*/, '/resend'), {})
    expect(refused.statusCode).toBe(409)
    expect(refused.body).toContain('It is over (canceled)')
  })

  it.each([
    ['of another site', { 'sec-fetch-site': 'cross-site' }],
    ['of an older browser on another site', { 'sec-fetch-site': '', origin: 'http://elsewhere.example' }],
  ])('take nothing %s', async (_what, headers) => {
    const id = await send(newPerson())
    await bringTo(id, 'fallback')
    for (const url of [`/admin/messages/${id}/resend`, `/admin/messages/${id}/cancel`, '/admin/messages']) {
      expect((await submit(url, {}, headers)).statusCode).toBe(403)
    }
    expect(await inside().store.read(id)).not.toHaveProperty('resentAs')
  })

  it('take forms only there, and only small ones', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await postTo('/api/messages', 'to=x', { ...form })).statusCode).toBe(415)
    const large = await submit('/admin/messages', { by: 'to', text: 'x'.repeat(20_000) })
    expect(large.statusCode).toBe(413)
  })

  it('need the name and key of an operator, and say so of a message that is not there', async () => {
    expect((await inject('/admin/messages')).statusCode).toBe(401)
    const app = `Basic ${Buffer.from(`wallet:${APP_KEY}`).toString('base64')}`
    expect((await inject({ url: '/admin/messages', headers: { authorization: app } })).statusCode).toBe(403)
    const none = await page('/admin/messages/msg_none?said=nothing')
    expect([none.statusCode, none.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8'])
    expect(none.body).toContain('There is no such message')
  })
})
