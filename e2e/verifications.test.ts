/** Verifications from outside: the code is read from the phone, typed in, and right once; also when things die in between. */
import { eventually, freePort, openRedisLink, sharedRedisUrl, type CommandMatch } from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, it, type TestContext } from 'vitest'
import { accepts, admits } from './commands.ts'
import { isUp, sharedSystem, startSystem, takenBy, type System } from './system.ts'

type Started = { id: string; messageId: string; resendAfterSeconds: number }
type Answer = { status: number; body: Record<string, unknown>; headers: Headers }

/** Calls as the app; no answer is one with the status 0. */
async function ask(
  { secrets, apiUrl }: Pick<System, 'secrets' | 'apiUrl'>,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  try {
    const answer = await fetch(`${apiUrl}/api/verifications${path}`, {
      method: body ? 'POST' : 'GET',
      headers: {
        authorization: `Bearer ${secrets.apiKey}`,
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    const { status } = answer
    return { status, headers: answer.headers, body: (await answer.json()) as Answer['body'] }
  } catch {
    return { status: 0, headers: new Headers(), body: {} }
  }
}

/** The code on the recipient's phone. */
async function codeOnPhone({ simulator }: System, messageId: string): Promise<string> {
  const message = await eventually(
    () => takenBy(simulator, messageId)[0],
    (taken) => taken?.code !== undefined,
    { what: 'a code on the phone' },
  )
  return message?.code ?? ''
}

/** Past the wait before a resend, as Redis sees it. */
async function mayResend(t: TestContext, { env }: System, id: string): Promise<void> {
  const redis = new Redis(env.REDIS_URL)
  t.onTestFinished(() => redis.disconnect())
  await redis.hset(`${env.QUEUE_PREFIX}:verification:${id}`, 'resendAt', 0)
}

const wrong = (code: string, by: number) => String((Number(code) + by) % 1_000_000).padStart(6, '0')

describe.concurrent('a verification', { timeout: 120_000 }, () => {
  const shared = sharedSystem({ env: { DELIVER_WITHIN_SECONDS: '200' } })

  it('number in, code read from the phone, typed in: valid, once', async (t) => {
    const { expect } = t
    const system = shared()
    const { status, body } = await ask(system, '', { to: '+221771232001' })
    expect(status).toBe(202)
    const { id, messageId, resendAfterSeconds } = body as Started
    expect(resendAfterSeconds).toBe(30)
    const code = await codeOnPhone(system, messageId)
    expect(code).toMatch(/^\d{6}$/)
    await system.reaches(messageId, ['delivered'])
    expect((await ask(system, `/${id}/check`, { code: wrong(code, 1) })).body).toEqual({
      valid: false,
      attemptsLeft: 4,
    })
    // Delivered, so erased with the message: the code to send again is the verification's own.
    await mayResend(t, system, id)
    const again = (await ask(system, `/${id}/resend`, {})).body as Started
    expect(await codeOnPhone(system, again.messageId)).toBe(code)
    expect((await ask(system, `/${id}/check`, { code })).body).toEqual({ valid: true })
    expect((await ask(system, `/${id}/check`, { code })).body).toMatchObject({ code: 'verification_ended' })
    expect(await system.reaches(messageId, ['used'])).toMatchObject({ status: 'used' })
    expect(system.events('verification.verified')).toContainEqual(
      expect.objectContaining({ verificationId: id, app: 'wallet' }),
    )
  })

  it('WhatsApp is silent: the operators have the code at once, and what they read out is right', async (t) => {
    const { expect } = t
    const system = shared()
    const { id, messageId } = (await ask(system, '', { to: '+221771230001' })).body as Started
    await system.reaches(messageId, ['sent'])
    expect((await ask(system, `/${id}/resend`, { via: 'fallback' })).body).toMatchObject({
      code: 'resend_too_soon',
    })
    await mayResend(t, system, id)
    expect((await ask(system, `/${id}/resend`, { via: 'fallback' })).body).toMatchObject({
      id,
      messageId,
      via: 'fallback',
    })
    const record = await system.fallbackRecord(messageId)
    expect(record).toMatchObject({ reason: 'undelivered', to: '+221771230001' })
    await system.reaches(messageId, ['fallback'])
    expect((await ask(system, `/${id}/check`, { code: record?.['code'] })).body).toEqual({ valid: true })
  })

  it('a number without WhatsApp answers like any other, and its code is with the operators', async (t) => {
    const { expect } = t
    const system = shared()
    const none = await ask(system, '', { to: '+221771230026' })
    const some = await ask(system, '', { to: '+221771232002' })
    const shape = ({ status, body }: Answer) => [status, Object.keys(body), body['resendAfterSeconds']]
    expect(shape(none)).toEqual(shape(some))
    const { id, messageId } = none.body as Started
    const record = await system.fallbackRecord(messageId)
    const left = await ask(system, `/${id}/check`, { code: wrong(String(record?.['code']), 1) })
    expect(left.body).toEqual({ valid: false, attemptsLeft: 4 })
    expect((await ask(system, `/${id}/check`, { code: record?.['code'] })).body).toEqual({ valid: true })
  })
})

/** One more API of a system, behind a link that cuts it off right after a command. */
async function startDoomedApi(t: TestContext, system: System) {
  const link = await openRedisLink(sharedRedisUrl())
  t.onTestFinished(() => link.close())
  const port = await freePort()
  const api = system.startApp('api', { REDIS_URL: link.url, PORT: String(port) })
  const apiUrl = `http://127.0.0.1:${port}`
  await isUp(api)
  await eventually(
    async () => (await fetch(`${apiUrl}/readyz`)).status,
    (status) => status === 200,
  )
  return { link, api, ask: { secrets: system.secrets, apiUrl } }
}

const has =
  (test: RegExp): CommandMatch =>
  (command) =>
    /eval/i.test(command[0] ?? '') && command.some((argument) => test.test(argument))

/** The script that decides an answer. */
const checks = has(/:wrong-in-a-row:/)

/** The script that counts a resend. */
const reserves: CommandMatch = (command) =>
  has(/:verification:ver_/)(command) &&
  !command.some((argument) => /:wrong-in-a-row:|"fields":\[/.test(argument))

describe.concurrent('the API is killed', { timeout: 120_000 }, () => {
  const shared = sharedSystem({ env: { DELIVER_WITHIN_SECONDS: '200' } })

  it.for([
    ['lets a start in', admits, '+221771232101'],
    ['took in a start', accepts, '+221771232102'],
  ] as const)('after it %s: the repeat is that verification, with its code', async ([, at, to], t) => {
    const { expect } = t
    const system = shared()
    const doomed = await startDoomedApi(t, system)
    const key = { 'idempotency-key': to }
    const stopped = doomed.link.stopAfter(at)
    const first = ask(doomed.ask, '', { to }, key)
    await stopped
    await doomed.api.kill()
    expect([0, 503]).toContain((await first).status)
    const again = await ask(system, '', { to }, key)
    expect(again.status).toBe(202)
    const { id, messageId } = again.body as Started
    const code = await codeOnPhone(system, messageId)
    expect((await ask(system, `/${id}/check`, { code })).body).toEqual({ valid: true })
    expect(system.simulator.messages().filter((message) => message.to === to)).toHaveLength(1)
  })

  it('after it decided each of many answers: none is told, and all were counted', async (t) => {
    const { expect } = t
    const system = shared()
    const { id, messageId } = (await ask(system, '', { to: '+221771232103' })).body as Started
    const code = await codeOnPhone(system, messageId)
    for (const by of [1, 2]) {
      const doomed = await startDoomedApi(t, system)
      const stopped = doomed.link.stopAfter(checks)
      const first = ask(doomed.ask, `/${id}/check`, { code: wrong(code, by) })
      await stopped
      await doomed.api.kill()
      expect([0, 503]).toContain((await first).status)
    }
    expect((await ask(system, `/${id}`)).body).toMatchObject({ attemptsLeft: 3 })
    const left = []
    for (const by of [3, 4, 5, 6])
      left.push((await ask(system, `/${id}/check`, { code: wrong(code, by) })).body)
    expect(left).toMatchObject([
      { attemptsLeft: 2 },
      { attemptsLeft: 1 },
      { attemptsLeft: 0 },
      { code: 'verification_ended' },
    ])
    expect((await ask(system, `/${id}/check`, { code })).status).toBe(410)
  })

  it('after it decided that an answer is right: its repeat hears so, nobody else does, the message is used', async (t) => {
    const { expect } = t
    const system = shared()
    const { id, messageId } = (await ask(system, '', { to: '+221771232104' })).body as Started
    const code = await codeOnPhone(system, messageId)
    const doomed = await startDoomedApi(t, system)
    const key = { 'idempotency-key': 'check-1' }
    const stopped = doomed.link.stopAfter(checks)
    const first = ask(doomed.ask, `/${id}/check`, { code }, key)
    await stopped
    await doomed.api.kill()
    expect([0, 503]).toContain((await first).status)
    expect((await ask(system, `/${id}/check`, { code })).status).toBe(410)
    const again = await ask(system, `/${id}/check`, { code }, key)
    expect([again.body, again.headers.get('idempotency-replayed')]).toEqual([{ valid: true }, 'true'])
    await system.reaches(messageId, ['used'])
  })

  it('after it counted a resend: nothing was sent, the tries are as before, and its repeat sends it', async (t) => {
    const { expect } = t
    const system = shared()
    const { id, messageId } = (await ask(system, '', { to: '+221771232105' })).body as Started
    const code = await codeOnPhone(system, messageId)
    await ask(system, `/${id}/check`, { code: wrong(code, 1) })
    await mayResend(t, system, id)
    const doomed = await startDoomedApi(t, system)
    const key = { 'idempotency-key': 'resend-1' }
    const stopped = doomed.link.stopAfter(reserves)
    const first = ask(doomed.ask, `/${id}/resend`, {}, key)
    await stopped
    await doomed.api.kill()
    expect([0, 503]).toContain((await first).status)
    expect((await ask(system, `/${id}/resend`, {})).body).toMatchObject({ code: 'resend_too_soon' })
    const again = await ask(system, `/${id}/resend`, {}, key)
    expect(again.status).toBe(202)
    expect(await codeOnPhone(system, (again.body as Started).messageId)).toBe(code)
    expect((await ask(system, `/${id}`)).body).toMatchObject({ attemptsLeft: 4, resendsLeft: 2 })
    expect((await ask(system, `/${id}/check`, { code })).body).toEqual({ valid: true })
  })
})

it('two APIs give no more tries than one', { timeout: 60_000 }, async (t) => {
  const { expect } = t
  const system = await startSystem(t)
  const port = await freePort()
  await isUp(system.startApp('api', { PORT: String(port) }))
  const doors = [system, { secrets: system.secrets, apiUrl: `http://127.0.0.1:${port}` }]
  const { id, messageId } = (await ask(system, '', { to: '+221771232201' })).body as Started
  const code = await codeOnPhone(system, messageId)
  const guesses = Array.from({ length: 40 }, (_, i) => wrong(code, i + 1))
  const answers = await Promise.all(
    guesses.map((guess, i) => ask(doors[i % 2] ?? system, `/${id}/check`, { code: guess })),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(5)
  expect(answers.filter(({ status }) => status === 410)).toHaveLength(35)
})
