import { expect, test } from 'vitest'
import { graphErrors } from '../src/graph/errors.ts'
import type { AccountChanges } from '../src/index.ts'
import { checked, reads, sending } from './checked.ts'
import { body, button, codeFor, identity, online, setup, template, textFor } from './setup.ts'

test('every accepted send conforms', async () => {
  const { simulator } = await setup({ pairLimit: false })
  for (const to of [online, '+525512345678', '+5511987654321', '221771234567', '+221 77 123 45 67']) {
    expect(await checked(simulator.graphUrl, 'send', sending(codeFor(to)))).toBe(200)
    expect(await checked(simulator.graphUrl, 'send', sending(textFor(to)))).toBe(200)
  }
})

const components = (...parts: object[]) =>
  codeFor(online, '', { template: template('otp_login', 'fr', parts) })

test.each<[number, unknown]>([
  [100, '{"to":'],
  [100, []],
  [100, { ...codeFor(online), tpye: 1 }],
  [100, { ...codeFor(online), messaging_product: 'sms' }],
  [100, { ...codeFor(online), type: undefined }],
  [100, codeFor('00221771234567')],
  [100, textFor(online, 'x'.repeat(4097))],
  [131008, { ...codeFor(online), template: undefined }],
  [131009, { ...textFor(online), text: { body: 7 } }],
  [131021, codeFor('+15550783881')],
  [131062, { ...codeFor(online), to: undefined, recipient: 'US.13491208655302741918' }],
  [132000, components(body('1', '2'), button('1'))],
  [131008, components(body('482913'))],
  [132001, codeFor(online, '', { template: template('absent', 'fr', []) })],
  [132018, codeFor(online, '1234567890123456')],
])('a send that is turned down with %s conforms', async (code, sent) => {
  const { simulator } = await setup()
  expect(await checked(simulator.graphUrl, 'send', sending(sent))).toBe(code)
})

test('every error of the list conforms, forced on a send', async () => {
  const { simulator } = await setup()
  for (const code of Object.keys(graphErrors).map(Number)) {
    simulator.injectFaults([{ kind: 'error', code }])
    expect(await checked(simulator.graphUrl, 'send', sending(codeFor(online)))).toBe(code)
  }
  for (const subcode of [458, 459, 460, 463, 464, 467, 492, 493]) {
    simulator.injectFaults([{ kind: 'error', code: 190, subcode }])
    expect(await checked(simulator.graphUrl, 'send', sending(codeFor(online)))).toBe(190)
  }
})

test('every recipient that is turned down conforms', async () => {
  const { simulator } = await setup({ pairLimit: false, throughputPerSecond: 0 })
  const endings = '0030 0056 0100 0130 0190 0368 0429 0500 0503'.split(' ')
  for (const ending of endings) {
    const code = await checked(simulator.graphUrl, 'send', sending(codeFor(`+22177123${ending}`)))
    expect(code, ending).not.toBe(200)
  }
})

test('the limits conform', async () => {
  const { simulator: throttled } = await setup({
    throughputPerSecond: 1,
    clock: { startAt: 1.8e12, speed: 0 },
  })
  await checked(throttled.graphUrl, 'send', sending(codeFor(online)))
  expect(await checked(throttled.graphUrl, 'send', sending(codeFor('+221771234568')))).toBe(130429)
  const { simulator: paired } = await setup({ clock: { startAt: 1.8e12, speed: 0 } })
  const burst = Array.from({ length: 46 }, () => checked(paired.graphUrl, 'send', sending(codeFor(online))))
  expect((await Promise.all(burst)).filter((code) => code === 131056)).toHaveLength(1)
})

const number = (changes: object): AccountChanges => ({
  numbers: [{ id: identity.phoneNumberId, ...changes }],
})

test.each<[string, number, AccountChanges]>([
  ['a restricted business', 368, { business: { standing: 'restricted' } }],
  ['a locked business', 131031, { business: { standing: 'locked' } }],
  ['a business in maintenance', 131057, { business: { isInMaintenance: true } }],
  ['a number that is upgraded', 131057, number({ isUpgrading: true })],
  ['a number that was deleted', 33, number({ status: 'DELETED' })],
  ['a number that is not registered', 133010, number({ isRegistered: false })],
  ['a number without an approved name', 131037, number({ nameStatus: 'PENDING_REVIEW' })],
  ['a test number', 131030, number({ accountMode: 'SANDBOX', allowedRecipients: ['+221770000000'] })],
  ['an app that asks for proof', 100, { app: { requireProof: true } }],
])('%s is refused in conformity', async (_what, code, changes) => {
  const { simulator } = await setup()
  simulator.account.update(changes)
  expect(await checked(simulator.graphUrl, 'send', sending(codeFor(online)))).toBe(code)
  for (const [operation, call] of reads) await checked(simulator.graphUrl, operation, call)
})

test.each([
  'BANNED',
  'RESTRICTED',
  'RATE_LIMITED',
  'DISCONNECTED',
  'MIGRATED',
  'PENDING',
  'UNVERIFIED',
] as const)('a number that is %s is refused in conformity', async (status) => {
  const { simulator } = await setup()
  simulator.account.update(number({ status }))
  expect(await checked(simulator.graphUrl, 'send', sending(codeFor(online)))).not.toBe(200)
  for (const [operation, call] of reads) await checked(simulator.graphUrl, operation, call)
})

test('an app and a business that call too often are refused in conformity, and told their usage', async () => {
  const { simulator } = await setup()
  simulator.account.update({ app: { callsPerHour: 4 } })
  const codes: number[] = []
  for (let nth = 0; nth < 5; nth += 1)
    codes.push(await checked(simulator.graphUrl, 'send', sending(textFor(online))))
  expect(codes).toEqual([200, 200, 200, 200, 4])
  simulator.account.update({ app: { callsPerHour: 0 }, business: { managementCallsPerHour: 1 } })
  const [read] = reads
  if (read === undefined) throw new Error('there is something to read')
  await checked(simulator.graphUrl, ...read)
  expect(await checked(simulator.graphUrl, ...read)).not.toBe(200)
})
