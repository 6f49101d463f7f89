import { expect, test } from 'vitest'
import { codeFor, identity, online, setup } from './setup.ts'

async function setupControl() {
  const bundle = await setup({ adminPort: 0 })
  async function control(method: string, path: string, body?: unknown) {
    const response = await fetch((bundle.simulator.adminUrl ?? '') + path, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    return { statusCode: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { ...bundle, control }
}

test('the account is read and changed, a little at a time', async () => {
  const { control, send } = await setupControl()
  const number = { id: identity.phoneNumberId, qualityRating: 'YELLOW' }
  const changed = await control('PATCH', '/account', {
    app: { requireProof: true },
    business: { standing: 'locked' },
    numbers: [number],
  })
  expect(changed.body).toMatchObject({
    app: { requireProof: true },
    business: { standing: 'locked', isInMaintenance: false },
    numbers: [{ ...number, isRegistered: true }],
  })
  expect((await control('GET', '/account')).body).toEqual(changed.body)
  expect((await send(codeFor(online))).body.error.message).toMatch(/appsecret_proof/)
  await control('PATCH', '/account', { app: { requireProof: false } })
  expect((await send(codeFor(online))).body.error.code).toBe(131031)
})

test.each([
  {},
  { colour: 'red' },
  { business: { standing: 'great' } },
  { business: { isInMaintenance: 'yes' } },
  { business: {} },
  { numbers: [{ qualityRating: 'RED' }] },
  { numbers: [{ id: '7' }] },
  { numbers: [{ id: identity.phoneNumberId, allowedRecipients: ['1', '2', '3', '4', '5', '6'] }] },
  { limits: { pair: true } },
])('PATCH /account with %j is a 400 that changes nothing', async (body) => {
  const { control, simulator } = await setupControl()
  const before = simulator.account.read()
  const answer = await control('PATCH', '/account', body)
  expect([answer.statusCode, answer.body['message']]).toEqual([400, expect.any(String)])
  expect(simulator.account.read()).toEqual(before)
})

test('templates are listed and changed by id', async () => {
  const { control, send } = await setupControl()
  const { templates } = (await control('GET', '/templates')).body as { templates: [{ id: string }] }
  const path = `/templates/${templates[0].id}`
  expect((await control('PATCH', path, { status: 'DISABLED' })).body).toMatchObject({ status: 'DISABLED' })
  expect((await send(codeFor(online))).body.error.code).toBe(132016)
  expect((await control('PATCH', path, { status: 'GONE' })).statusCode).toBe(400)
  expect((await control('PATCH', '/templates/7', { status: 'APPROVED' })).statusCode).toBe(404)
})
