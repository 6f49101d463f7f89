/** The client and Relais: everything that an app does. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { eventually } from '@relais/testing'
import { createRelais, ProblemError, WaitTimeoutError, type MessageRequest } from '@relais/client'
import { describe, it } from 'vitest'
import { sharedSystem } from './system.ts'

const shared = sharedSystem({ env: { RECIPIENT_COOLDOWN_SECONDS: '60' } })

const client = () => createRelais({ url: shared().apiUrl, key: shared().secrets.apiKey, timeoutMs: 60_000 })

const codeTo = (to: string) => ({ to, type: 'otp', code: '482913' }) as const

describe('an app with the client', { timeout: 120_000 }, () => {
  it('sends a code, waits until it is delivered, and tells that it was used', async ({ expect }) => {
    const relais = client()
    const { id, to } = await relais.send({ ...codeTo('+221 77 123 45 67'), reference: 'login-7781' })
    expect(to).toBe('+221771234567')
    const delivered = await relais.waitFor(id)
    expect(delivered).toMatchObject({ id, status: 'delivered', reference: 'login-7781', attempts: 1 })
    expect(await relais.used(id)).toMatchObject({ id, status: 'used' })
    expect(await relais.message(id)).toMatchObject({ id, status: 'used' })
  })

  it('learns that a message fell back, and why', async ({ expect }) => {
    const relais = client()
    const { id } = await relais.send(codeTo('+221771230026'))
    expect(await relais.waitFor(id)).toMatchObject({ status: 'fallback', reason: 'recipient_unreachable' })
  })

  it('takes back what it did not mean, or learns that it is too late', async ({ expect }) => {
    const relais = client()
    const { id } = await relais.send(codeTo('+221771234568'))
    await relais.waitFor(id)
    const error = await relais.cancel(id).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ProblemError)
    expect(error).toMatchObject({ status: 409, code: 'already_sent' })
  })

  it('repeats a call with the same key and gets the same message; with another body it is told', async ({
    expect,
  }) => {
    const relais = client()
    const first = await relais.send(codeTo('+221771234569'), { idempotencyKey: 'login-1' })
    expect(await relais.send(codeTo('+221771234569'), { idempotencyKey: 'login-1' })).toEqual(first)
    const error = await relais
      .send({ ...codeTo('+221771234569'), code: '555555' }, { idempotencyKey: 'login-1' })
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'idempotency_mismatch', idempotencyKey: 'login-1' })
  })

  it('is told at once of a limit that lasts longer than people wait', async ({ expect }) => {
    const relais = client()
    await relais.send(codeTo('+221771234570'))
    const error = await relais.send(codeTo('+221771234570')).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ status: 429, code: 'recipient_limited', tries: 1 })
    expect((error as ProblemError).retryAfterSeconds).toBeGreaterThan(20)
  })

  it('is told of each fault in a message', async ({ expect }) => {
    const wrong = { to: '+221771234571', type: 'otp', code: '1' } as MessageRequest
    const error = await client()
      .send(wrong)
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      status: 422,
      code: 'invalid_request',
      errors: [{ pointer: '/code', detail: 'must be a string of 4 to 15 of A-Z a-z 0-9 -' }],
    })
  })

  it('sends more than a batch takes, with a result for each in order', async ({ expect }) => {
    const numbers = Array.from({ length: 1200 }, (_, i) => `+22178${String(1_000_000 + i * 10 + 5)}`)
    const messages: MessageRequest[] = numbers.map(codeTo)
    messages[7] = codeTo('+221000')
    const results = await client().sendMany(messages)
    expect(results).toHaveLength(1200)
    const bad = results.flatMap((result, i) =>
      result.ok ? [] : { i, code: (result.error as ProblemError).code },
    )
    expect(bad).toEqual([{ i: 7, code: 'invalid_request' }])
    expect(results.map((result, i) => (result.ok ? result.message.to : numbers[i]))).toEqual(numbers)
  })

  it('does not wait for ever', async ({ expect }) => {
    // A phone that is off.
    const relais = client()
    const { id } = await relais.send(codeTo('+221771230001'))
    const error = await relais.waitFor(id, { timeoutMs: 3000 }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(WaitTimeoutError)
  })

  it('is done with what its README shows, from nothing to a delivered code', async (t) => {
    const readme = await readFile(new URL('../packages/client/README.md', import.meta.url), 'utf8')
    const examples = [...readme.matchAll(/```js\n([^]*?)```/g)].map(([, lines = '']) => lines)
    const lines = examples.find((each) => each.includes('relais.send(')) ?? ''
    t.expect(lines).toContain("url: 'http://127.0.0.1:3000'")
    const built = new URL('../packages/client/dist/index.js', import.meta.url).href
    const program = lines
      .replace('@relais/client', built)
      .replace('http://127.0.0.1:3000', shared().apiUrl)
      .replace('4567', '4572')
    const env = { PATH: process.env['PATH'], API_KEY: shared().secrets.apiKey }
    const script = ['--input-type=module', '--eval', program]
    const { stdout } = await promisify(execFile)(process.execPath, script, { env, timeout: 60_000 })
    t.expect(stdout).toBe('delivered\n')
  })

  it('has Relais make a code, and asks whether what was typed is it', async (t) => {
    const to = '+221771234573'
    const { verifications } = client()
    const { id, messageId } = await verifications.start({ to })
    const phone = await eventually(
      () =>
        shared()
          .simulator.messages()
          .find(({ callbackData }) => callbackData === messageId),
      (message) => message?.code !== undefined,
      { what: 'a code on the phone' },
    )
    const typed = phone?.code ?? ''
    const wrong = typed.replace(/.$/, (digit) => String((Number(digit) + 1) % 10))
    t.expect(await verifications.check(id, wrong)).toMatchObject({ valid: false, attemptsLeft: 4 })
    const tooSoon = await verifications.resend(id).catch((thrown: unknown) => thrown)
    t.expect(tooSoon).toMatchObject({ status: 429, code: 'resend_too_soon' })
    t.expect(await verifications.check(id, typed)).toMatchObject({ valid: true })
    const over = await verifications.check(id, typed).catch((thrown: unknown) => thrown)
    t.expect(over).toMatchObject({ status: 410, code: 'verification_ended' })
  })
})
