import { createEvents, createLogger, createMetrics, type MessageStatus } from '@relais/core'
import { describe, expect, it } from 'vitest'
import { createEndByApp } from '../src/end-by-app.ts'
import { apiFixture, APP_KEY, OTHER_APP_KEY, WALLET } from './api-fixture.ts'

const { inject, post, inside } = apiFixture()

const PATHS: Record<MessageStatus, MessageStatus[]> = {
  queued: [],
  sending: ['sending'],
  uncertain: ['sending', 'uncertain'],
  sent: ['sending', 'sent'],
  delivered: ['sent', 'delivered'],
  read: ['delivered', 'read'],
  fallback: ['fallback'],
  expired: ['expired'],
  canceled: ['canceled'],
  used: ['used'],
}

/** A message that has got as far as this. */
async function messageIn(status: MessageStatus) {
  const { store } = inside()
  const answer = await post({ to: '+221771234567', type: 'otp', code: '482913' })
  const { id } = answer.json<{ id: string }>()
  for (const to of PATHS[status]) expect((await store.move(id, { to })).moved).toBe(true)
  return { id, store }
}

const headers = { authorization: `Bearer ${APP_KEY}` }
const cancel = (id: string) => inject({ method: 'DELETE', url: `/api/messages/${id}`, headers })
const use = (id: string) => inject({ method: 'POST', url: `/api/messages/${id}/used`, headers })

describe('DELETE /api/messages/{id}', () => {
  it('takes a message back that is not sent yet, erases its code, and says so again', async () => {
    const { id, store } = await messageIn('queued')
    for (const answer of [await cancel(id), await cancel(id)]) {
      expect(answer.statusCode).toBe(200)
      expect(answer.json()).toMatchObject({ id, status: 'canceled' })
    }
    expect(await store.readContent(id)).toBeUndefined()
    expect((await store.move(id, { to: 'sending' })).moved).toBe(false)
  })

  it.each([
    ['sending', 'already_sent'],
    ['uncertain', 'already_sent'],
    ['sent', 'already_sent'],
    ['delivered', 'already_sent'],
    ['read', 'already_sent'],
    ['fallback', 'already_ended'],
    ['expired', 'already_ended'],
    ['used', 'already_ended'],
  ] as const)('one that is %s is a 409 %s, and stays', async (status, code) => {
    const { id, store } = await messageIn(status)
    expect((await cancel(id)).json()).toMatchObject({ status: 409, code })
    expect(await store.read(id)).toMatchObject({ status })
  })

  it('stops a fallback that is decided and not written', async () => {
    const { id, store } = await messageIn('queued')
    await store.decideFallback(id, { reason: 'rate_limited', detail: 'why' })
    expect((await cancel(id)).json()).toMatchObject({ status: 'canceled' })
    expect((await store.move(id, { to: 'fallback' })).moved).toBe(false)
  })
})

describe('POST /api/messages/{id}/used', () => {
  it.each(['queued', 'sending', 'uncertain', 'sent', 'delivered', 'read', 'used'] as const)(
    'ends one that is %s, erases its code, and says so again',
    async (status) => {
      const { id, store } = await messageIn(status)
      for (const answer of [await use(id), await use(id)]) {
        expect(answer.statusCode).toBe(200)
        expect(answer.json()).toMatchObject({ id, status: 'used' })
      }
      expect(await store.readContent(id)).toBeUndefined()
    },
  )

  it('stops a fallback that is decided and not written', async () => {
    const { id, store } = await messageIn('sent')
    await store.decideFallback(id, { reason: 'undelivered', detail: 'why' })
    const answer = await use(id)
    expect(answer.json()).toMatchObject({ status: 'used' })
    expect(answer.json()).not.toHaveProperty('reason')
    expect((await store.move(id, { to: 'fallback' })).moved).toBe(false)
  })

  it('after a fallback is welcome and changes nothing: an operator may have read the code out', async () => {
    const { id } = await messageIn('fallback')
    const answer = await use(id)
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toMatchObject({ status: 'fallback' })
  })

  it.each(['expired', 'canceled'] as const)(
    'of one that is %s is a 409: nobody had its code',
    async (status) => {
      const { id } = await messageIn(status)
      expect((await use(id)).json()).toMatchObject({ status: 409, code: 'already_ended' })
    },
  )

  it('takes an empty body whatever its type, and refuses one that expects something', async () => {
    const { id } = await messageIn('queued')
    const send = (payload: string) =>
      inject({
        method: 'POST',
        url: `/api/messages/${id}/used`,
        headers: { ...headers, 'content-type': 'application/json' },
        payload,
      })
    expect((await send('{"code":"482913"}')).json()).toMatchObject({
      status: 422,
      errors: [{ pointer: '/code' }],
    })
    expect((await send('{')).json()).toMatchObject({ status: 400, code: 'malformed_json' })
    for (const payload of ['', '{}']) expect((await send(payload)).statusCode).toBe(200)
  })
})

it("another app's message answers like one that never was", async () => {
  const { id, store } = await messageIn('queued')
  const others = { authorization: `Bearer ${OTHER_APP_KEY}` }
  for (const [method, rest] of [
    ['DELETE', ''],
    ['POST', '/used'],
  ] as const) {
    const answers = [id, 'msg_0123456789012345678901'].map((each) =>
      inject({ method, url: `/api/messages/${each}${rest}`, headers: others }),
    )
    const [theirs, none] = await Promise.all(answers)
    expect(theirs?.statusCode).toBe(404)
    expect(theirs?.body).toBe(none?.body)
  }
  expect(await store.read(id)).toMatchObject({ status: 'queued' })
})

it('each end is counted once, and a message that was delivered is not counted as used too', async () => {
  const metrics = createMetrics()
  const logger = createLogger({ name: 'api', level: 'silent', isPretty: false })
  const events = createEvents({ logger, metrics })
  const endByApp = (store: ReturnType<typeof inside>['store']) =>
    createEndByApp({ store, events, audit: { note: () => undefined } })
  for (const status of ['queued', 'sent', 'delivered', 'read', 'fallback'] as const) {
    const { id, store } = await messageIn(status)
    await Promise.all([1, 2, 3].map(() => endByApp(store).use(WALLET, id)))
  }
  const { id, store } = await messageIn('queued')
  await Promise.all([1, 2, 3].map(() => endByApp(store).cancel(WALLET, id)))
  const { values } = await metrics.ended.get()
  const counted = values.filter(({ value }) => value > 0)
  expect(counted.map(({ labels: { end }, value }) => [end, value])).toEqual([
    ['canceled', 1],
    ['used', 2],
  ])
})
