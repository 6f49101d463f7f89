import { eventually } from '@relais/testing'
import { describe, expect, it } from 'vitest'
import { apiFixture, OTHER_APP_KEY } from './api-fixture.ts'

const { post, postTo, inject, keys, inside } = apiFixture()

const code = { to: '+221771234567', type: 'otp', code: '482913', reference: 'login-7781' }
const idOf = (answer: { json(): unknown }) => (answer.json() as { id: string }).id
/** A crowded machine may keep Redis waiting: a 503 is tried again. */
const accepted = (body: unknown, headers: Record<string, string>) =>
  eventually(
    () => post(body, headers),
    ({ statusCode }) => statusCode !== 503,
  )
let n = 0
/** A key that no other test has. */
const withKey = (key = `key-${(n += 1)}`) => ({ 'idempotency-key': key })

describe('a request with an Idempotency-Key', () => {
  it('gets the same answer again, and says so', async () => {
    const headers = withKey()
    const first = await post(code, headers)
    const repeat = await post(code, headers)
    expect(first.statusCode).toBe(202)
    expect(first.headers).not.toHaveProperty('idempotency-replayed')
    expect(repeat.statusCode).toBe(202)
    expect(repeat.headers['idempotency-replayed']).toBe('true')
    expect(repeat.headers.location).toBe(first.headers.location)
    expect(repeat.body).toBe(first.body)
    expect(idOf(await post(code, withKey()))).not.toBe(idOf(first))
  })

  it('is the same however its body is written', async () => {
    const headers = withKey()
    const first = await post(code, headers)
    const { reference, ...rest } = code
    const repeat = await post(JSON.stringify({ reference, ...rest }, null, 2), headers)
    expect(repeat.body).toBe(first.body)
  })

  it('with another body is a 422, also when it is about the same message', async () => {
    const headers = withKey()
    await post(code, headers)
    for (const other of [
      { ...code, code: '482914' },
      { ...code, to: '+221 77 123 45 67' },
    ]) {
      const answer = await post(other, headers)
      expect(answer.json()).toMatchObject({ status: 422, code: 'idempotency_mismatch' })
    }
    const asBatch = await postTo('/api/messages/batch', { messages: [code] }, headers)
    expect(asBatch.json()).toMatchObject({ status: 422, code: 'idempotency_mismatch' })
  })

  it('of another app is another request', async () => {
    const headers = withKey()
    const first = await post(code, headers)
    const others = await post(code, { ...headers, authorization: `Bearer ${OTHER_APP_KEY}` })
    expect(others.headers).not.toHaveProperty('idempotency-replayed')
    expect(idOf(others)).not.toBe(idOf(first))
  })

  it('that was refused leaves its key free', async () => {
    const headers = withKey()
    for (const faulty of [
      { ...code, code: 482913 },
      { ...code, to: '+221000' },
    ]) {
      expect((await post(faulty, headers)).statusCode).toBe(422)
    }
    const mended = await post(code, headers)
    expect(mended.statusCode).toBe(202)
    expect(mended.headers).not.toHaveProperty('idempotency-replayed')
  })

  it('and its twins at the same moment are one message', async () => {
    const { queue } = inside()
    const headers = withKey()
    const answers = await Promise.all(Array.from({ length: 50 }, () => accepted(code, headers)))
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([202]))
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1)
    expect(answers.filter((answer) => !answer.headers['idempotency-replayed']).length).toBeLessThanOrEqual(1)
    const id = idOf(answers[0] ?? { json: () => ({ id: '' }) })
    const jobs = (await queue.getJobs()).filter(({ data }) => data.messageId === id)
    expect(jobs).toHaveLength(1)
  })

  it('tells its first answer also when the message is long sent', async () => {
    const { store } = inside()
    const headers = withKey()
    const first = await post(code, headers)
    await store.move(idOf(first), { to: 'sending' })
    await store.move(idOf(first), { to: 'delivered' })
    expect((await post(code, headers)).body).toBe(first.body)
    expect(await store.read(idOf(first))).toMatchObject({ status: 'delivered' })
  })

  it('whose job was lost has it again by the repeat', async () => {
    const { queue } = inside()
    const headers = withKey()
    const first = await post(code, headers)
    await (await queue.getJob(idOf(first)))?.remove()
    expect(await queue.getJob(idOf(first))).toBeUndefined()
    expect((await post(code, headers)).body).toBe(first.body)
    expect(await queue.getJob(idOf(first))).toBeDefined()
  })

  it('whose process died before it wrote the record is finished by the repeat, under the same id', async () => {
    const { queue, redis, store } = inside()
    const headers = withKey()
    const id = idOf(await post(code, headers))
    await (await queue.getJob(id))?.remove()
    await redis.del(keys.message(id), keys.content(id))
    expect(idOf(await post(code, headers))).toBe(id)
    expect(await store.readContent(id)).toBeDefined()
    expect(await queue.getJob(id)).toBeDefined()
  })

  it.each(['', ' ', 'two words', 'é', 'x'.repeat(129)])('%j is no key', async (key) => {
    const answer = await post(code, { 'idempotency-key': key })
    expect(answer.json()).toMatchObject({ status: 422, code: 'invalid_request' })
    expect(answer.json()).toMatchObject({ errors: [{ pointer: '/headers/idempotency-key' }] })
  })

  it('128 characters are a key', async () => {
    expect((await post(code, { 'idempotency-key': '~'.repeat(128) })).statusCode).toBe(202)
  })
})

describe('a batch with an Idempotency-Key', () => {
  const batch = { messages: [code, { ...code, code: 5 }, { ...code, to: '+221771234568' }] }
  const postBatch = (headers: Record<string, string>) => postTo('/api/messages/batch', batch, headers)

  it('gets the same results again, those that were refused included', async () => {
    const headers = withKey()
    const first = await postBatch(headers)
    expect(first.json()).toMatchObject({ accepted: 2, rejected: 1 })
    const repeat = await postBatch(headers)
    expect(repeat.statusCode).toBe(202)
    expect(repeat.headers['idempotency-replayed']).toBe('true')
    expect(repeat.body).toBe(first.body)
  })

  it('that a crash cut through is finished by the repeat', async () => {
    const { queue, redis } = inside()
    const headers = withKey()
    const first = await postBatch(headers)
    const [one, , other] = first.json<{ results: { id: string }[] }>().results.map(({ id }) => id)
    await (await queue.getJob(one ?? ''))?.remove()
    await (await queue.getJob(other ?? ''))?.remove()
    await redis.del(keys.message(other ?? ''), keys.content(other ?? ''))
    const results = (await postBatch(headers)).json<{ results: { id: string }[] }>().results
    expect(results.map(({ id }) => id)).toEqual([one, undefined, other])
    expect(await queue.getJob(one ?? '')).toBeDefined()
    expect(await queue.getJob(other ?? '')).toBeDefined()
  })

  it('of which nothing was accepted leaves its key free', async () => {
    const headers = withKey()
    await postTo('/api/messages/batch', { messages: [{}] }, headers)
    expect((await postBatch(headers)).headers).not.toHaveProperty('idempotency-replayed')
  })
})

it('no key, however odd, is a fault of ours', async () => {
  const deep = '['.repeat(30) + ']'.repeat(30)
  const answer = await inject({
    method: 'POST',
    url: '/api/messages/batch',
    headers: {
      ...withKey(),
      authorization: `Bearer ${OTHER_APP_KEY}`,
      'content-type': 'application/json',
    },
    payload: `{"messages":[${deep}]}`,
  })
  expect(answer.json()).toMatchObject({ accepted: 0, rejected: 1 })
})
