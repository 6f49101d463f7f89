/** What apps may do with their messages besides sending one: repeat, send many, take back, tell that the code was used. */
import { eventually, freePort } from '@relais/testing'
import { describe, it } from 'vitest'
import { isUp, recipients, sendsOf, sharedSystem, takenBy, type ShownMessage, type System } from './system.ts'

const shared = sharedSystem()

type Answer = { status: number; headers: Headers; body: Record<string, unknown> }

/** Calls as the app `wallet`. @param from another API than the system's own */
async function call(
  system: System,
  method: string,
  path: string,
  { body, key, from = system.apiUrl }: { body?: unknown; key?: string; from?: string } = {},
): Promise<Answer> {
  const answer = await fetch(from + path, {
    method,
    headers: {
      authorization: `Bearer ${system.secrets.apiKey}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(key !== undefined && { 'idempotency-key': key }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Answer['body'] }
}

/** A crowded machine may keep Redis waiting: a 503 is tried again. */
const accepted = (ask: () => Promise<Answer>) => eventually(ask, ({ status }) => status === 202)

const messagesTo = ({ simulator }: System, to: string) =>
  simulator.messages().filter((each) => each.to === to)
const codeTo = (to: string) => ({ to, type: 'otp', code: '482913' })

describe.concurrent('a request that is repeated', { timeout: 60_000 }, () => {
  it('fifty times at once, to two APIs, is one message at Meta', async (t) => {
    const system = shared()
    const port = await freePort()
    const other = system.startApp('api', { PORT: String(port) })
    t.onTestFinished(() => other.kill())
    await isUp(other)
    const body = codeTo('+221771234601')
    const apis = [system.apiUrl, `http://127.0.0.1:${port}`]
    const post = (i: number) =>
      accepted(() => call(system, 'POST', '/api/messages', { body, key: 'twins', from: apis[i % 2] ?? '' }))
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => post(i)))
    t.expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1)
    t.expect(
      answers.filter(({ headers }) => !headers.has('idempotency-replayed')).length,
    ).toBeLessThanOrEqual(1)
    const id = String(answers[0]?.body['id'])
    await system.reaches(id, ['delivered'])

    const wrong = await call(system, 'POST', '/api/messages', {
      body: { ...body, code: '1234' },
      key: 'twins',
    })
    t.expect(wrong).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } })
    // Long after it was delivered the answer is still the first one.
    const late = await accepted(() => call(system, 'POST', '/api/messages', { body, key: 'twins' }))
    t.expect(late.body).toEqual(answers[0]?.body)
    t.expect(messagesTo(system, body.to)).toHaveLength(1)
  })
})

describe.concurrent('a message that its app ends', { timeout: 60_000 }, () => {
  it('is canceled or sent, never both, whoever is faster', async ({ expect }) => {
    const system = shared()
    const numbers = recipients(1100).slice(1000)
    const rounds = await Promise.all(
      numbers.map(async (to, i) => {
        const id = await system.send(to, '482913')
        // Some give the worker a little more time.
        for (let pauses = i % 4; pauses > 0; pauses -= 1) await system.message(id)
        const answer = await eventually(
          () => call(system, 'DELETE', `/api/messages/${id}`),
          ({ status }) => status !== 503,
        )
        return { id, answer }
      }),
    )
    const last = await system.send('+221771234603', '482913')
    await system.reaches(last, ['delivered'])
    for (const { id, answer } of rounds) {
      if (answer.status === 200) {
        expect(answer.body).toMatchObject({ id, status: 'canceled' })
        expect((await system.message(id)).status).toBe('canceled')
        expect(sendsOf(system.simulator, id)).toHaveLength(0)
      } else {
        expect(answer).toMatchObject({ status: 409, body: { code: 'already_sent' } })
        await system.reaches(id, ['delivered'])
        expect(takenBy(system.simulator, id)).toHaveLength(1)
      }
    }
  })

  it('because its code was used, gets no fallback, and a used code after a fallback is welcome', async ({
    expect,
  }) => {
    const system = shared()
    // Phones that are off: sent, and never delivered.
    const [used, other] = ['+221771230001', '+221781230001']
    const ids = {
      used: await system.send(used, '482913', { deliverWithinSeconds: 10 }),
      other: await system.send(other, '482913', { deliverWithinSeconds: 12 }),
    }
    await system.reaches(ids.used, ['sent'])
    const answer = await call(system, 'POST', `/api/messages/${ids.used}/used`)
    expect(answer).toMatchObject({ status: 200, body: { status: 'used' } })
    // The other is due after it: when it is in the fallback the first would be too.
    await system.reaches(ids.other, ['fallback'])
    const records = system.events('message.fallback').map(({ messageId }) => messageId)
    expect(records).toContain(ids.other)
    expect(records).not.toContain(ids.used)
    expect((await system.message(ids.used)).status).toBe('used')
    const late = await call(system, 'POST', `/api/messages/${ids.other}/used`)
    expect(late).toMatchObject({ status: 200, body: { status: 'fallback' } })
    expect((late.body as unknown as ShownMessage).reason).toBe('undelivered')
  })
})

describe('a batch', { timeout: 60_000 }, () => {
  it('of a thousand with some bad ones: all that are good are delivered, once', async ({ expect }) => {
    const system = shared()
    const messages: object[] = recipients(1000).map(codeTo)
    const bad = new Map<number, object>([
      [3, { to: '+221000', type: 'otp', code: '482913' }],
      [500, { to: '+221771234567', type: 'otp', code: 482913 }],
      [999, {}],
    ])
    for (const [index, message] of bad) messages[index] = message
    const answer = await accepted(() =>
      call(system, 'POST', '/api/messages/batch', { body: { messages }, key: 'batch' }),
    )
    expect(answer.body).toMatchObject({ accepted: 997, rejected: 3 })
    const results = answer.body['results'] as { id?: string; status: unknown }[]
    for (const [index, { id, status }] of results.entries()) {
      expect([index, id === undefined, status]).toEqual([
        index,
        bad.has(index),
        bad.has(index) ? 422 : 'queued',
      ])
    }
    const ids = results.flatMap(({ id }) => id ?? [])
    const takenOf = () => {
      const wanted = new Set<string | undefined>(ids)
      return system.simulator.messages().filter(({ callbackData }) => wanted.has(callbackData))
    }
    await eventually(takenOf, ({ length }) => length >= ids.length, { timeoutMs: 40_000, everyMs: 100 })
    for (const id of [ids[0], ids[498], ids.at(-1)]) await system.reaches(id ?? '', ['delivered'], 30_000)
    expect(new Set(takenOf().map(({ callbackData }) => callbackData)).size).toBe(997)
    expect(takenOf()).toHaveLength(997)
  })
})
