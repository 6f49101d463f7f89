import { expect, test } from 'vitest'
import { codeFor, identity, online, quick, setup } from './setup.ts'

test('a forced error comes before every check, and meets one call', async () => {
  const { send, simulator } = await setup()
  simulator.injectFaults([{ kind: 'error', code: 131016 }])
  const answer = await send({}, 'nonsense')
  expect([answer.statusCode, answer.body.error.code]).toEqual([500, 131016])
  expect(answer.body.error.message).toBe('(#131016) Service unavailable')
  expect((await send(codeFor(online))).statusCode).toBe(200)
  expect(simulator.calls()).toMatchObject([{ fault: 'error', graphCode: 131016 }, { statusCode: 200 }])
})

test('faults meet calls first in, first out; `none` lets one pass and `times` repeats', async () => {
  const { send, simulator } = await setup()
  simulator.injectFaults([{ kind: 'none' }, { kind: 'error', code: 2, times: 2 }])
  const seen = []
  for (let call = 0; call < 4; call += 1) seen.push((await send(codeFor(online))).statusCode)
  expect(seen).toEqual([200, 503, 503, 200])
})

test('a fault for one number waits for it', async () => {
  const { send, simulator } = await setup()
  simulator.injectFaults([{ kind: 'error', code: 2, to: '+221 77 000 00 99' }])
  expect((await send(codeFor(online))).statusCode).toBe(200)
  expect((await send(codeFor('+221770000099'))).statusCode).toBe(503)
})

test('a fault for an exchange leaves sends alone', async () => {
  const { send, exchange, simulator } = await setup()
  simulator.injectFaults([{ kind: 'error', code: 2, on: 'exchange' }])
  expect((await send(codeFor(online))).statusCode).toBe(200)
  expect((await exchange(identity.accessToken)).statusCode).toBe(503)
})

test('an HTML page comes instead of JSON, and nothing is taken', async () => {
  const { simulator } = await setup()
  simulator.injectFaults([{ kind: 'html', statusCode: 502 }])
  const response = await postCode(simulator.graphUrl)
  expect([response.status, response.headers.get('content-type')]).toEqual([502, 'text/html; charset=utf-8'])
  expect(await response.text()).toMatch(/^<!DOCTYPE html>/)
  expect(simulator.messages()).toEqual([])
})

test('garbage is a 200 with half of its JSON, and the message was taken', async () => {
  const { simulator } = await setup()
  simulator.injectFaults([{ kind: 'garbage' }])
  const response = await postCode(simulator.graphUrl)
  expect(response.status).toBe(200)
  const text = await response.text()
  expect(() => JSON.parse(text)).toThrow()
  expect(simulator.messages()).toHaveLength(1)
})

test.each([true, false])('a reset with accepted: %s answers nothing', async (accepted) => {
  const { send, simulator } = await setup()
  simulator.injectFaults([{ kind: 'reset', accepted }])
  await expect(send(codeFor(online))).rejects.toThrow()
  expect(simulator.messages()).toHaveLength(accepted ? 1 : 0)
})

test('a stalled call that is accepted took effect at once and answers late', async () => {
  const { send, simulator } = await setup()
  simulator.injectFaults([{ kind: 'stall', ms: 80, accepted: true }])
  const startedAt = performance.now()
  expect((await send(codeFor(online))).statusCode).toBe(200)
  expect(performance.now() - startedAt).toBeGreaterThan(70)
})

test('a stalled call that is not accepted ends in a reset', async () => {
  const { send, simulator } = await setup()
  simulator.injectFaults([{ kind: 'stall', ms: 20, accepted: false }])
  await expect(send(codeFor(online))).rejects.toThrow()
  expect(simulator.messages()).toEqual([])
})

test('cleared faults meet nobody', async () => {
  const { send, simulator } = await setup()
  simulator.injectFaults([{ kind: 'error', code: 2, times: 5 }])
  expect(simulator.state().faultsWaiting).toBe(5)
  simulator.clearFaults()
  expect((await send(codeFor(online))).statusCode).toBe(200)
})

test('a client that hangs up early changes nothing about what happened', async () => {
  const { simulator } = await setup({ timing: { ...quick, answer: { min: 60_000, max: 60_000 } } })
  const hangUp = new AbortController()
  const sending = postCode(simulator.graphUrl, hangUp.signal).catch(() => 'hung up')
  while (simulator.calls().length === 0) await new Promise((resolve) => setTimeout(resolve, 2))
  hangUp.abort()
  expect(await sending).toBe('hung up')
  expect(simulator.calls()).toMatchObject([{ statusCode: 200, callbackData: 'msg_1' }])
  expect(simulator.messages()).toHaveLength(1)
})

test('the throughput of the number is limited, and refused calls cost nothing', async () => {
  const { simulator, send } = await setup({ throughputPerSecond: 2, clock: { speed: 0 } })
  const codes = async () => (await send(codeFor(online))).body.error?.code ?? 'accepted'
  expect([await codes(), await codes(), await codes()]).toEqual(['accepted', 'accepted', 130429])
  simulator.clock.advance(500)
  expect([await codes(), await codes()]).toEqual(['accepted', 130429])
})

test('one person gets a burst of 45, then nothing until the debt is paid; others are not touched', async () => {
  const { simulator, send } = await setup({ throughputPerSecond: 0, clock: { speed: 0 } })
  const codes = async (to: string) => (await send(codeFor(to))).body.error?.code ?? 'accepted'
  for (let burst = 0; burst < 45; burst += 1) expect(await codes(online)).toBe('accepted')
  expect(await codes(online)).toBe(131056)
  expect(await codes('+221771234568')).toBe('accepted')
  simulator.clock.advance(44 * 6000)
  expect(await codes(online)).toBe(131056)
  simulator.clock.advance(1)
  expect(await codes(online)).toBe('accepted')
})

test('the calls on record hold no token, no secret and no code', async () => {
  const { send, exchange, inspect, simulator } = await setup()
  const { body } = await exchange(identity.accessToken)
  await send(codeFor(online, '482913'), body.access_token)
  await inspect(body.access_token)
  expect(simulator.calls().map(({ kind }) => kind)).toEqual(['exchange', 'send', 'debug_token'])
  const record = JSON.stringify(simulator.calls())
  for (const secret of [identity.accessToken, identity.appSecret, body.access_token, '482913'])
    expect(record).not.toContain(secret)
})

test('the record keeps no text that is longer than it may be', async () => {
  const { send, simulator } = await setup()
  await send({ ...codeFor('x'.repeat(513)), biz_opaque_callback_data: 'y'.repeat(513) })
  expect(simulator.calls()).toEqual([expect.not.objectContaining({ to: expect.anything() as unknown })])
  expect(JSON.stringify(simulator.calls())).not.toContain('yy')
})

function postCode(graphUrl: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`${graphUrl}/v26.0/${identity.phoneNumberId}/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${identity.accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(codeFor(online)),
    ...(signal === undefined ? {} : { signal }),
  })
}
