import { eventually } from '@relais/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { apiFixture } from './api-fixture.ts'

const { post, postTo, inside } = apiFixture()

type Summary = { accepted: number; rejected: number; results: { id?: string; code?: string }[] }

const code = { to: '+221771234567', type: 'otp', code: '482913' }
const batch = (messages: unknown) => postTo('/api/messages/batch', { messages })
/** A crowded machine may keep Redis waiting: a 503 is tried again. */
const largeBatch = (messages: unknown) =>
  eventually(
    () => batch(messages),
    ({ statusCode }) => statusCode !== 503,
  )

describe('POST /api/messages/batch', () => {
  it('answers each message in order, a bad one with what the route for one would say', async () => {
    const bad = [
      { ...code, code: 482913 },
      { ...code, to: '+221000' },
      { ...code, colour: 'red' },
      { to: code.to, type: 'sms' },
      'x',
      null,
      [],
    ]
    const answer = await batch([code, ...bad, { to: code.to, type: 'text', text: 'Bonjour' }])
    expect(answer.statusCode).toBe(202)
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    const { results, ...counts } = answer.json<Summary>()
    expect(counts).toEqual({ accepted: 2, rejected: bad.length })
    expect(results[0]).toEqual({
      id: expect.stringMatching(/^msg_[\w-]{22}$/),
      status: 'queued',
      type: 'otp',
      to: code.to,
      acceptedAt: expect.any(String),
      expiresAt: expect.any(String),
    })
    expect(results.at(-1)).toMatchObject({ status: 'queued', type: 'text' })
    for (const [index, item] of bad.entries()) {
      expect(results[index + 1]).toEqual((await post(JSON.stringify(item))).json())
    }
    expect(answer.body).not.toContain('482913')
  })

  it('takes a thousand at once, and puts each on the queue', async () => {
    const { queue, store } = inside()
    const answer = await largeBatch(
      Array.from({ length: 1000 }, (_, i) => ({ ...code, reference: `login-${i}` })),
    )
    const { accepted, results } = answer.json<Summary>()
    expect(accepted).toBe(1000)
    const ids = results.map(({ id }) => id ?? '')
    expect(new Set(ids).size).toBe(1000)
    const queued = new Set((await queue.getJobs()).map(({ data }) => data.messageId))
    expect(ids.every((id) => queued.has(id))).toBe(true)
    const [first, last] = await Promise.all([store.read(ids[0] ?? ''), store.read(ids[999] ?? '')])
    expect([first?.reference, last?.reference]).toEqual(['login-0', 'login-999'])
  })

  it.each<[string, unknown]>([
    ['none', { messages: [] }],
    ['more than a thousand', { messages: Array.from({ length: 1001 }, () => code) }],
    ['no list', { messages: code }],
    ['nothing', {}],
    ['an unknown field', { messages: [code], dryRun: true }],
    ['one message', code],
    ['a bare list', [code]],
  ])('refuses %s with 422, as a whole', async (_what, body) => {
    const answer = await postTo('/api/messages/batch', body)
    expect(answer.json()).toMatchObject({ status: 422, code: 'invalid_request' })
  })

  it('takes a thousand of the longest texts, and no more than fits', async () => {
    const text = { to: code.to, type: 'text', text: 'é'.repeat(4000) }
    expect((await largeBatch(Array.from({ length: 900 }, () => text))).json<Summary>().accepted).toBe(900)
    const tooLarge = await batch([{ ...text, text: 'x'.repeat(8 * 1024 * 1024) }])
    expect(tooLarge.json()).toMatchObject({ status: 413, code: 'payload_too_large' })
  })

  it('no item, however odd, is a fault of ours or harms its neighbour', async () => {
    const item = fc.oneof(
      fc.jsonValue(),
      fc.record({
        to: fc.constant(code.to),
        type: fc.constantFrom('otp', 'text', 'x'),
        code: fc.jsonValue(),
      }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(item, { maxLength: 5 }), async (items) => {
        const post = () => postTo('/api/messages/batch', JSON.stringify({ messages: [...items, code] }))
        // A crowded machine may keep Redis waiting for longer than a caller is.
        const answer = await eventually(post, ({ statusCode }) => statusCode !== 503)
        if (answer.statusCode === 400) return // a member with a name that no JSON of ours may have
        const { accepted, rejected, results } = answer.json<Summary>()
        expect(accepted + rejected).toBe(items.length + 1)
        expect(results.at(-1)?.id).toBeDefined()
      }),
      { numRuns: 100 },
    )
  })
})
