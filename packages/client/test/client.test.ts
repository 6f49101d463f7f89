/** The client against a server that does what a test says. Against Relais itself: `e2e/client.test.ts` and `e2e/client-faults.test.ts`. */
import { inspect } from 'node:util'
import { freePort } from '@relais/testing'
import { describe, expect, it } from 'vitest'
import {
  createRelais,
  NetworkError,
  ProblemError,
  RelaisError,
  TimeoutError,
  WaitTimeoutError,
  type Relais,
  type RelaisOptions,
} from '../src/index.ts'
import { answer, FAULTS, problem, serve, type Act } from './scripted-server.ts'

const KEY = 'rk_live_canary_0123456789abcdef'
const CODE = '7319-CANARY'
const message = { to: '+221771234567', type: 'otp', code: CODE } as const

const accepted = {
  id: 'msg_1',
  status: 'queued',
  type: 'otp',
  to: '+221771234567',
  acceptedAt: '2026-11-22T16:17:49.036Z',
  expiresAt: '2026-11-22T16:22:49.036Z',
}
const good = answer(202, accepted)

async function setup(acts: Act[], options: Partial<RelaisOptions> = {}) {
  const { url, asked } = await serve(...acts)
  return { asked, relais: createRelais({ url, key: KEY, tryTimeoutMs: 3000, ...options }) }
}

const failureOf = (promise: Promise<unknown>): Promise<RelaisError> =>
  promise.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error as RelaisError,
  )

/** All that an error shows anywhere. */
const shown = (error: unknown) =>
  [
    inspect(error, { depth: null, showHidden: true, getters: true }),
    JSON.stringify(error),
    String(error),
  ].join('\n')

describe('a message', () => {
  it('goes to the route for one, with the key and a random idempotency key', async () => {
    const { relais, asked } = await setup([good])
    expect(await relais.send(message)).toEqual(accepted)
    await relais.send(message)
    expect(asked[0]).toMatchObject({ method: 'POST', path: '/api/messages' })
    expect(asked[0]?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
    })
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual(message)
    const keys = asked.map(({ headers }) => headers['idempotency-key'])
    expect(keys).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), expect.stringMatching(/^[0-9a-f-]{36}$/)])
    expect(keys[0]).not.toBe(keys[1])
  })

  it.each(Object.entries(FAULTS))(
    'survives %s: it is asked again with the same key',
    async (_what, fault) => {
      const { relais, asked } = await setup([fault, fault, good], { tryTimeoutMs: 300 })
      expect(await relais.send(message)).toEqual(accepted)
      // More where the machine is slow.
      expect(asked.length).toBeGreaterThanOrEqual(3)
      expect(new Set(asked.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
      expect(new Set(asked.map(({ body }) => body)).size).toBe(1)
    },
  )

  it.each([400, 401, 403, 404, 409, 410, 413, 422])(
    'that is refused with %i is not sent again',
    async (status) => {
      const errors = [{ pointer: '/to', detail: 'is required' }]
      const { relais, asked } = await setup([
        answer(status, problem(status, 'invalid_request', { errors }), { 'x-request-id': 'req-1' }),
      ])
      const error = await failureOf(relais.send(message, { idempotencyKey: 'mine' }))
      expect(error).toBeInstanceOf(ProblemError)
      expect(error).toBeInstanceOf(RelaisError)
      expect(error).toMatchObject({
        name: 'ProblemError',
        status,
        code: 'invalid_request',
        detail: 'because of invalid_request',
        message: `${status} invalid_request: because of invalid_request`,
        errors,
        requestId: 'req-1',
        idempotencyKey: 'mine',
        tries: 1,
      })
      expect(asked.map(({ headers }) => headers['idempotency-key'])).toEqual(['mine'])
    },
  )

  it.each([429, 503])('waits as long as a %i says', async (status) => {
    const { relais } = await setup([
      answer(status, problem(status, 'queue_unavailable'), { 'retry-after': '1' }),
      good,
    ])
    const startedAt = performance.now()
    await relais.send(message)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(999)
  })

  it.each([
    ['more time than the call has', 4, 3000],
    ['more time than people wait', 11, 60_000],
  ])('is not waited for when the server asks for %s', async (_what, seconds, timeoutMs) => {
    const { relais, asked } = await setup([
      answer(429, problem(429, 'recipient_limited'), { 'retry-after': String(seconds) }),
    ])
    const error = await failureOf(relais.send(message, { timeoutMs }))
    expect(error).toMatchObject({
      status: 429,
      code: 'recipient_limited',
      retryAfterSeconds: seconds,
      tries: 1,
    })
    expect(asked).toHaveLength(1)
  })

  it('has one deadline for all tries, and then says with which key to ask again', async () => {
    const { relais, asked } = await setup([() => undefined], { timeoutMs: 700, tryTimeoutMs: 100 })
    const startedAt = performance.now()
    const error = await failureOf(relais.send(message, { timeoutMs: 600 }))
    expect(performance.now() - startedAt).toBeGreaterThan(300)
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error.idempotencyKey).toBe(asked[0]?.headers['idempotency-key'])
    expect(error.tries).toBeGreaterThan(1)
  })

  it('is tried as often as was allowed', async () => {
    const { relais, asked } = await setup([answer(500, problem(500, 'internal_error'))], { retries: 2 })
    expect(await failureOf(relais.send(message))).toMatchObject({ status: 500, tries: 3 })
    expect(asked).toHaveLength(3)
  })

  it('cannot be sent where nobody is', async () => {
    const relais = createRelais({ url: `http://127.0.0.1:${await freePort()}`, key: KEY, retries: 1 })
    const error = await failureOf(relais.send(message))
    expect(error).toBeInstanceOf(NetworkError)
    expect(error).toMatchObject({ reason: 'ECONNREFUSED', tries: 2, idempotencyKey: expect.any(String) })
  })

  it('is given up when the caller says so, in a try and between two', async () => {
    const { relais, asked } = await setup([() => undefined])
    const why = new Error('the person has left')
    const inTry = AbortSignal.timeout(50)
    await expect(relais.send(message, { signal: inTry })).rejects.toThrow(/timeout/)
    expect(asked).toHaveLength(1)

    const controller = new AbortController()
    const late = await setup([answer(503, problem(503, 'queue_unavailable'), { 'retry-after': '9' })])
    const sent = failureOf(late.relais.send(message, { signal: controller.signal }))
    setTimeout(() => controller.abort(why), 100)
    expect(await sent).toBe(why)
    expect(await failureOf(late.relais.send(message, { signal: controller.signal }))).toBe(why)
    expect(late.asked).toHaveLength(1)
  })

  it('goes through the fetch that is given, and below the path that is given', async () => {
    const seen: string[] = []
    const relais = createRelais({
      url: 'https://example.com/relais/',
      key: KEY,
      fetch: (url) => {
        seen.push(url)
        return Promise.resolve(Response.json(accepted, { status: 202 }))
      },
    })
    await relais.send(message)
    await relais.message('a/../b')
    expect(seen).toEqual([
      'https://example.com/relais/api/messages',
      'https://example.com/relais/api/messages/a%2F..%2Fb',
    ])
  })
})

describe('an error', () => {
  const calls: Record<string, (relais: Relais) => Promise<unknown>> = {
    send: (relais) => relais.send(message),
    check: (relais) => relais.verifications.check('ver_1', CODE),
    sendMany: async (relais) => {
      const [result] = await relais.sendMany([message])
      if (result && !result.ok) throw result.error
    },
  }
  const echo = `you sent ${CODE} with ${KEY}`
  const telling: Record<string, Act> = {
    ...FAULTS,
    'a problem that repeats what was sent': answer(
      422,
      problem(422, 'invalid_request', {
        detail: echo,
        errors: [{ pointer: `/${CODE}`, detail: echo }],
        extra: echo,
      }),
      { 'x-request-id': KEY },
    ),
    'a page that repeats what was sent': (response) => void response.writeHead(400).end(echo),
    'a batch that repeats what was sent': answer(202, {
      accepted: 0,
      rejected: 1,
      results: [problem(422, 'invalid_request', { detail: echo })],
    }),
  }

  it.each(Object.entries(telling))(
    'after %s holds neither code nor key, however it is looked at',
    async (_what, act) => {
      for (const [name, call] of Object.entries(calls)) {
        const { relais } = await setup([act], { retries: 1, tryTimeoutMs: 100 })
        const error = await failureOf(call(relais))
        expect([name, error]).toEqual([name, expect.any(RelaisError)])
        const text = shown(error)
        expect(text).not.toContain(CODE)
        expect(text).not.toContain(KEY)
      }
    },
  )

  it.each([
    ['a fetch that tells all', () => Promise.reject(new TypeError(echo, { cause: new Error(echo) }))],
    ['a fetch that throws no error', () => Promise.reject(echo as unknown as Error)],
    [
      'a body that breaks',
      () => Promise.resolve(new Response(new ReadableStream({ start: (c) => c.error(new Error(echo)) }))),
    ],
  ])('after %s holds neither', async (_what, fetch) => {
    const relais = createRelais({ url: 'http://relais', key: KEY, retries: 0, fetch })
    const error = await failureOf(relais.send(message))
    expect(error).toBeInstanceOf(NetworkError)
    expect(shown(error)).not.toMatch(/CANARY|canary/)
  })

  it('about options that cannot work does not repeat them', () => {
    const wrong: [RelaisOptions, RegExp][] = [
      [{ url: 'http://relais', key: `${KEY}\n` }, /^key must be/],
      [{ url: 'http://relais', key: '' }, /^key must be/],
      [{ url: `http://wallet:${KEY}@relais`, key: KEY }, /^url must be/],
      [{ url: KEY, key: KEY }, /^url must be/],
      [{ url: 'http://relais', key: KEY, timeoutMs: 0 }, /^timeoutMs must be/],
      [{ url: 'http://relais', key: KEY, retries: Number.NaN }, /^retries must be/],
    ]
    for (const [options, words] of wrong) {
      const make = () => createRelais(options)
      expect(make).toThrow(TypeError)
      expect(make).toThrow(words)
      expect(make).not.toThrow(/canary/)
    }
  })

  it('is written as JSON with all that helps', () => {
    const facts = { status: 429, code: 'app_limited', detail: 'Too many.', retryAfterSeconds: 5 } as const
    expect(JSON.parse(JSON.stringify(new ProblemError(facts, { idempotencyKey: 'k', tries: 2 })))).toEqual({
      ...facts,
      name: 'ProblemError',
      message: '429 app_limited: Too many.',
      errors: [],
      idempotencyKey: 'k',
      tries: 2,
    })
  })
})

describe('many messages', () => {
  const echoing: Act = () => undefined

  /** Answers each batch with its own numbers, and refuses what ends with an odd digit. */
  async function setupMany() {
    const { asked, relais } = await setup([echoing], {
      fetch: async (_url, init) => {
        const { messages } = JSON.parse(init.body as string) as { messages: { to: string }[] }
        batches.push({ size: messages.length, key: new Headers(init.headers).get('idempotency-key') })
        running += 1
        most = Math.max(most, running)
        await new Promise((resolve) => setTimeout(resolve, 20 - batches.length))
        running -= 1
        const results = messages.map(({ to }) =>
          /[13579]$/.test(to) ? problem(422, 'invalid_request') : { ...accepted, id: to, to },
        )
        return Response.json({ accepted: 0, rejected: 0, results }, { status: 202 })
      },
    })
    const batches: { size: number; key: string | null }[] = []
    let running = 0
    let most = 0
    return { asked, relais, batches, most: () => most }
  }

  it('go in batches of a thousand, at most three at a time, and each has its result in order', async () => {
    const { relais, batches, most } = await setupMany()
    const messages = Array.from({ length: 5500 }, (_, i) => ({ ...message, to: String(i) }))
    const results = await relais.sendMany(messages, { idempotencyKey: 'list' })
    expect(results).toHaveLength(5500)
    for (const [i, result] of results.entries()) {
      if (i % 2 === 0) expect(result).toMatchObject({ ok: true, message: { id: String(i) } })
      else
        expect(result).toMatchObject({
          ok: false,
          error: { status: 422, code: 'invalid_request', idempotencyKey: 'list' },
        })
    }
    expect(batches.map(({ size }) => size).toSorted((a, b) => b - a)).toEqual([
      1000, 1000, 1000, 1000, 1000, 500,
    ])
    expect(new Set(batches.map(({ key }) => key))).toEqual(
      new Set([0, 1, 2, 3, 4, 5].map((i) => `list.${i}`)),
    )
    expect(most()).toBe(3)
  })

  it('that are none are not asked for', async () => {
    const { relais, batches } = await setupMany()
    expect(await relais.sendMany([])).toEqual([])
    expect(batches).toEqual([])
  })

  it('that were taken back with a batch are sent again with a new key, and the others are not', async () => {
    const takenBack = problem(503, 'queue_unavailable')
    const sent = (to: string) => ({ ...accepted, id: `msg_${to}`, to })
    const { relais, asked } = await setup([
      answer(503, takenBack, { 'retry-after': '0' }),
      answer(202, { accepted: 1, rejected: 2, results: [takenBack, sent('2'), takenBack] }),
      answer(202, { accepted: 1, rejected: 1, results: [sent('1'), takenBack] }),
      answer(202, { accepted: 1, rejected: 0, results: [sent('3')] }),
    ])
    const results = await relais.sendMany(
      ['1', '2', '3'].map((to) => ({ ...message, to })),
      { idempotencyKey: 'list' },
    )
    expect(results.map((result) => result.ok && result.message.id)).toEqual(['msg_1', 'msg_2', 'msg_3'])
    const requests = asked.map(({ headers, body }) => {
      const { messages } = JSON.parse(body) as { messages: { to: string }[] }
      return [headers['idempotency-key'], messages.map(({ to }) => to).join()]
    })
    expect(requests).toEqual([
      ['list.0', '1,2,3'],
      ['list.0', '1,2,3'],
      ['list.0.1', '1,3'],
      ['list.0.2', '3'],
    ])
  })

  it('fail together where their batch does, and harm no other batch', async () => {
    const one = answer(202, { accepted: 0, rejected: 1, results: [problem(422, 'invalid_request')] })
    const { relais } = await setup([answer(401, problem(401, 'unauthorized')), one])
    const results = await relais.sendMany(Array.from({ length: 1001 }, () => message))
    const codes = results.map(
      (result) => !result.ok && result.error instanceof ProblemError && result.error.code,
    )
    const counts = [
      codes.filter((code) => code === 'unauthorized').length,
      codes.filter((code) => code === 'invalid_request').length,
    ]
    // Whichever came first.
    expect([
      [1000, 1],
      [0, 0],
    ]).toContainEqual(counts)
  })
})

describe('waiting for a message', () => {
  const at = (status: string, ...before: string[]) =>
    answer(200, {
      ...accepted,
      status,
      attempts: 1,
      timeline: [...before, status].map((each) => ({ status: each, at: accepted.acceptedAt })),
    })

  it('ends with the state that is waited for, or one beyond it', async () => {
    const one = await setup([at('queued'), at('sent'), at('delivered')])
    expect(await one.relais.waitFor('msg_1')).toMatchObject({ status: 'delivered' })
    expect(one.asked).toHaveLength(3)
    const other = await setup([at('read', 'sent', 'delivered')])
    expect(await other.relais.waitFor('msg_1', { until: ['delivered'] })).toMatchObject({ status: 'read' })
    const sent = await setup([at('queued'), at('delivered', 'sent')])
    expect(await sent.relais.waitFor('msg_1', { until: ['sent'] })).toMatchObject({ status: 'delivered' })
  })

  it.each(['fallback', 'expired', 'canceled', 'used'])(
    'ends with %s, whatever is waited for',
    async (end) => {
      const { relais } = await setup([at('queued'), at(end)])
      expect(await relais.waitFor('msg_1')).toMatchObject({ status: end })
    },
  )

  it('outlives a server that is away for a moment', async () => {
    const busy = answer(503, problem(503, 'queue_unavailable'), { 'retry-after': '1' })
    const { relais } = await setup([busy, at('delivered')], { retries: 0 })
    expect(await relais.waitFor('msg_1')).toMatchObject({ status: 'delivered' })
  })

  it('has a time limit, and says where the message was last seen', async () => {
    const { relais } = await setup([at('sent')])
    const error = await failureOf(relais.waitFor('msg_1', { timeoutMs: 400 }))
    expect(error).toBeInstanceOf(WaitTimeoutError)
    expect(error).toMatchObject({ lastStatus: 'sent' })
  })

  it('for one that is not there says so at once', async () => {
    const { relais, asked } = await setup([answer(404, problem(404, 'not_found'))])
    expect(await failureOf(relais.waitFor('msg_1'))).toMatchObject({ code: 'not_found' })
    expect(asked).toHaveLength(1)
  })
})

describe('every other call', () => {
  const calls: [string, (relais: Relais) => Promise<unknown>, string, object | undefined][] = [
    ['message', (relais) => relais.message('msg_1'), 'GET /api/messages/msg_1', undefined],
    ['cancel', (relais) => relais.cancel('msg_1'), 'DELETE /api/messages/msg_1', undefined],
    ['used', (relais) => relais.used('msg_1'), 'POST /api/messages/msg_1/used', undefined],
    [
      'verifications.start',
      (relais) => relais.verifications.start({ to: '+221771234567' }),
      'POST /api/verifications',
      { to: '+221771234567' },
    ],
    [
      'verifications.check',
      (relais) => relais.verifications.check('ver_1', '482913'),
      'POST /api/verifications/ver_1/check',
      { code: '482913' },
    ],
    [
      'verifications.resend',
      (relais) => relais.verifications.resend('ver_1', { via: 'fallback' }),
      'POST /api/verifications/ver_1/resend',
      { via: 'fallback' },
    ],
  ]

  it.each(calls)(
    '%s asks its route, again after a fault, and with a key where it is counted',
    async (name, call, route, body) => {
      const all = { ...accepted, timeline: [], messageId: 'msg_1', valid: true, resendAfterSeconds: 30 }
      const { relais, asked } = await setup([FAULTS['a reset'] as Act, answer(200, all)])
      expect(await call(relais)).toEqual(all)
      expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([route, route])
      expect(asked.map((each) => (each.body === '' ? undefined : JSON.parse(each.body)))).toEqual([
        body,
        body,
      ])
      const keys = asked.map(({ headers }) => headers['idempotency-key'])
      expect(keys[0]).toBe(keys[1])
      expect(keys[0] !== undefined).toBe(name.startsWith('verifications.'))
    },
  )
})
