import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { apiFixture, APP_KEY, OTHER_APP_KEY } from './api-fixture.ts'

const { inject, post, inside } = apiFixture()

const code = { to: '+221771234567', type: 'otp', code: '482913' }

describe('POST /api/messages', () => {
  it('accepts a code with 202, where it is, and until when it lives', async () => {
    const answer = await post({ ...code, to: '+221 77 123 45 67', ttlSeconds: 120, reference: 'login-7781' })
    expect(answer.statusCode).toBe(202)
    const body = answer.json<{ id: string; acceptedAt: string; expiresAt: string }>()
    expect(body).toEqual({
      id: expect.stringMatching(/^msg_[\w-]{22}$/),
      status: 'queued',
      type: 'otp',
      to: '+221771234567',
      acceptedAt: expect.any(String),
      expiresAt: expect.any(String),
    })
    expect(Date.parse(body.expiresAt) - Date.parse(body.acceptedAt)).toBe(120_000)
    expect(answer.headers.location).toBe(`/api/messages/${body.id}`)

    const headers = { authorization: `Bearer ${APP_KEY}` }
    const shown = await inject({ url: answer.headers.location ?? '', headers })
    expect(shown.json()).toEqual({
      ...body,
      template: 'otp_login',
      reference: 'login-7781',
      attempts: 0,
      timeline: [{ status: 'queued', at: body.acceptedAt }],
    })
  })

  it('keeps the limit for delivery that the app gives', async () => {
    const { store } = inside()
    const { id } = (await post({ ...code, deliverWithinSeconds: 20 })).json<{ id: string }>()
    expect(await store.read(id)).toMatchObject({ deliverWithinSeconds: 20 })
  })

  it.each<[string, unknown, string[]]>([
    ['a code that is a number', { ...code, code: 482913 }, ['/code']],
    ['a code that is too short', { ...code, code: '123' }, ['/code']],
    ['a code that is too long', { ...code, code: '1234567890123456' }, ['/code']],
    ['a code with other characters', { ...code, code: '12 34' }, ['/code']],
    ['a code in full-width digits', { ...code, code: '４８２９１３' }, ['/code']],
    ['a number without plus', { ...code, to: '221771234567' }, ['/to']],
    ['a number that cannot exist', { ...code, to: '+221000' }, ['/to']],
    ['no recipient', { type: 'otp', code: '482913' }, ['/to']],
    ['no type', { to: code.to, code: '482913' }, ['/type']],
    ['an unknown type', { ...code, type: 'sms' }, ['/type']],
    ['an unknown field', { ...code, colour: 'red' }, ['/colour']],
    ['the field of another type', { ...code, text: 'Bonjour' }, ['/text']],
    ['a life that is too long', { ...code, ttlSeconds: 901 }, ['/ttlSeconds']],
    ['a life in words', { ...code, ttlSeconds: '300' }, ['/ttlSeconds']],
    ['a delivery within nothing', { ...code, deliverWithinSeconds: 0 }, ['/deliverWithinSeconds']],
    ['a delivery within too much', { ...code, deliverWithinSeconds: 901 }, ['/deliverWithinSeconds']],
    ['a reference that is too long', { ...code, reference: 'x'.repeat(129) }, ['/reference']],
    ['a reference with a line feed', { ...code, reference: 'a\nb' }, ['/reference']],
    ['a text with half a character', { to: code.to, type: 'text', text: 'a\ud800' }, ['/text']],
    ['a text with a NUL', { to: code.to, type: 'text', text: 'a\u0000' }, ['/text']],
    [
      'a template with a number in it',
      { to: code.to, type: 'template', template: 'x', parameters: [5] },
      ['/parameters/0'],
    ],
    ['many faults', { type: 'otp', code: 5, a: 1 }, ['/a', '/code', '/to']],
    ['a list', [], ['']],
    ['null', 'null', ['']],
    ['a number', '5', ['']],
    ['a text', '"x"', ['']],
  ])('refuses %s with 422 and where it is', async (_what, body, pointers) => {
    const answer = await post(body)
    expect(answer.statusCode).toBe(422)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    const problem = answer.json<{ errors: { pointer: string; detail: string }[] }>()
    expect(problem).toMatchObject({ type: 'about:blank', status: 422, code: 'invalid_request' })
    expect(problem.errors.map(({ pointer }) => pointer).toSorted()).toEqual(pointers)
    expect(answer.body).not.toContain('482913')
  })

  it.each<[number, string, string, Record<string, string>]>([
    [400, 'malformed_json', '{"to":', {}],
    [400, 'malformed_json', '', {}],
    [400, 'malformed_json', '{"__proto__":{"a":1},"to":"+221771234567","type":"otp","code":"482913"}', {}],
    [413, 'payload_too_large', JSON.stringify({ ...code, reference: 'x'.repeat(70_000) }), {}],
    [415, 'unsupported_media_type', '{}', { 'content-type': 'text/plain' }],
    [415, 'unsupported_media_type', 'to=x', { 'content-type': 'application/x-www-form-urlencoded' }],
    [401, 'unauthorized', '{}', { authorization: '' }],
    [401, 'unauthorized', '{}', { authorization: 'Bearer wrong-key-0123456789' }],
    [401, 'unauthorized', '{}', { authorization: `Basic ${APP_KEY}` }],
  ])('answers %i %s', async (statusCode, problemCode, body, headers) => {
    const answer = await post(body, headers)
    expect(answer.statusCode).toBe(statusCode)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(answer.json()).toMatchObject({ status: statusCode, code: problemCode, detail: expect.any(String) })
  })

  it('no body, however odd, is a fault of ours', async () => {
    const field = fc.constantFrom(
      'to',
      'type',
      'code',
      'text',
      'template',
      'parameters',
      'ttlSeconds',
      'reference',
    )
    const body = fc.oneof(
      fc.json(),
      fc.string(),
      fc.dictionary(field, fc.anything()).map((value) => JSON.stringify(value) ?? 'null'),
      fc
        .record({ to: fc.string(), type: fc.constantFrom('otp', 'text', 'template'), code: fc.anything() })
        .map((value) => JSON.stringify(value)),
    )
    await fc.assert(
      fc.asyncProperty(body, async (payload) => {
        const answer = await post(payload)
        expect([202, 400, 422]).toContain(answer.statusCode)
      }),
      { numRuns: 300 },
    )
  })
})

describe('GET /api/messages/{id}', () => {
  it("answers another app's message exactly like one that never was", async () => {
    const { id } = (await post(code)).json<{ id: string }>()
    const get = (path: string) =>
      inject({ url: `/api/messages/${path}`, headers: { authorization: `Bearer ${OTHER_APP_KEY}` } })
    const [others, none] = [await get(id), await get('msg_0123456789012345678901')]
    expect(others.statusCode).toBe(404)
    expect(others.body).toBe(none.body)
  })
})
