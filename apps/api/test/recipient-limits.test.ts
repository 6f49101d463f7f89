import { describe, expect, it } from 'vitest'
import { apiFixture, OTHER_APP_KEY } from './api-fixture.ts'

const { post, postTo, inside } = apiFixture({ RECIPIENT_COOLDOWN_SECONDS: '30', RECIPIENT_MAX_PER_HOUR: '5' })

const codeTo = (to: string) => ({ to, type: 'otp', code: '482913' })

describe('a recipient who has just had a message', () => {
  it('gets no other for a while, from no app, and the answer says for how long', async () => {
    const code = codeTo('+221771234501')
    expect((await post(code)).statusCode).toBe(202)
    for (const headers of [{}, { authorization: `Bearer ${OTHER_APP_KEY}` }]) {
      const refused = await post({ ...code, to: '+221 77 123 45 01' }, headers)
      expect(refused.statusCode).toBe(429)
      const problem = refused.json<{ code: string; retryAfterSeconds: number; detail: string }>()
      expect(problem.code).toBe('recipient_limited')
      expect(problem.retryAfterSeconds).toBeGreaterThan(0)
      expect(problem.retryAfterSeconds).toBeLessThanOrEqual(30)
      expect(refused.headers['retry-after']).toBe(String(problem.retryAfterSeconds))
    }
    expect((await post(codeTo('+221771234502'))).statusCode).toBe(202)
  })

  it('does not stand in the way of a repeat, nor of a body that is mended', async () => {
    const code = codeTo('+221771234503')
    const headers = { 'idempotency-key': 'limited-1' }
    expect((await post({ ...code, code: 5 }, headers)).statusCode).toBe(422)
    const first = await post(code, headers)
    const repeat = await post(code, headers)
    expect(repeat.statusCode).toBe(202)
    expect(repeat.body).toBe(first.body)
  })

  it('a refused request can be made again with its key when the time has come', async () => {
    const { queue } = inside()
    const code = codeTo('+221771234504')
    await post(code)
    const headers = { 'idempotency-key': 'limited-2' }
    const before = await queue.count()
    expect((await post(code, headers)).statusCode).toBe(429)
    expect((await post({ ...code, code: '4829' }, headers)).json()).toMatchObject({
      code: 'recipient_limited',
    })
    expect(await queue.count()).toBe(before)
  })

  it('is limited within a batch too, message by message, and a repeat says the same', async () => {
    const [one, other] = [codeTo('+221771234505'), codeTo('+221771234506')]
    const send = () =>
      postTo('/api/messages/batch', { messages: [one, one, other] }, { 'idempotency-key': 'limited-3' })
    const first = await send()
    expect(first.json()).toMatchObject({
      accepted: 2,
      rejected: 1,
      results: [{ to: one.to }, { status: 429, code: 'recipient_limited' }, { to: other.to }],
    })
    expect((await send()).body).toBe(first.body)
  })
})
