import { describe, expect, test } from 'vitest'
import type { AccountChanges } from '../src/index.ts'
import { codeFor, createReceiver, eventually, identity, online, setup, textFor } from './setup.ts'

const { phoneNumberId: id } = identity
const standing = { clock: { startAt: Date.parse('2026-11-22T18:00:00Z'), speed: 0 } }
const second = { id: '200000000000002', displayPhoneNumber: '33612345678', verifiedName: 'Autre' }
const pathOf = (number: string) => `/v26.0/${number}`

const states: [string, AccountChanges, number, number][] = [
  ['a restricted business', { business: { standing: 'restricted' } }, 403, 368],
  ['a locked business', { business: { standing: 'locked' } }, 403, 131031],
  ['a business in maintenance', { business: { isInMaintenance: true } }, 500, 131057],
  ['a deleted number', { numbers: [{ id, status: 'DELETED' }] }, 400, 33],
  ['a number that is not registered', { numbers: [{ id, isRegistered: false }] }, 400, 133010],
  ['a banned number', { numbers: [{ id, status: 'BANNED' }] }, 403, 131031],
  ['a restricted number', { numbers: [{ id, status: 'RESTRICTED' }] }, 400, 131048],
  ['a disconnected number', { numbers: [{ id, status: 'DISCONNECTED' }] }, 400, 133010],
  ['a number being upgraded', { numbers: [{ id, isUpgrading: true }] }, 500, 131057],
  ['a 555 number whose name was declined', { numbers: [{ id, nameStatus: 'DECLINED' }] }, 400, 131037],
  ['a test number and a stranger', { numbers: [{ id, accountMode: 'SANDBOX' }] }, 400, 131030],
]

describe('a send is turned down for', () => {
  test.each(states)('%s, also when its body is bad', async (_what, changes, statusCode, graphCode) => {
    const { simulator, send } = await setup()
    simulator.account.update(changes)
    const answer = await send(codeFor(online))
    expect([answer.statusCode, answer.body.error.code]).toEqual([statusCode, graphCode])
    expect(simulator.messages()).toEqual([])
    if (graphCode !== 131030) expect((await send({})).body.error.code).toBe(graphCode)
  })

  test('nothing once all is well again', async () => {
    const { simulator, send } = await setup()
    simulator.account.update({ business: { standing: 'locked' }, numbers: [{ id, isRegistered: false }] })
    simulator.reset()
    expect((await send(codeFor(online))).statusCode).toBe(200)
  })
})

test('a flagged number sends, and so does a good name of a number that is not a 555 one', async () => {
  const { simulator, send } = await setup({ displayPhoneNumber: '33612345678' })
  simulator.account.update({ numbers: [{ id, status: 'FLAGGED', nameStatus: 'DECLINED' }] })
  expect((await send(codeFor(online))).statusCode).toBe(200)
})

test('a test number sends to those on its list', async () => {
  const { simulator, send } = await setup()
  simulator.account.update({ numbers: [{ id, accountMode: 'SANDBOX', allowedRecipients: [online] }] })
  expect((await send(codeFor(online))).statusCode).toBe(200)
  expect((await send(codeFor('+221771234568'))).body.error.error_subcode).toBe(2655007)
})

test('a payment problem lets a message in, and it fails later with 131042', async () => {
  const { simulator, send } = await setup()
  simulator.account.update({ business: { hasPaymentProblem: true } })
  expect((await send(codeFor(online))).statusCode).toBe(200)
  await eventually(
    () => simulator.messages()[0]?.statuses,
    (statuses) => statuses?.some(({ graphCode }) => graphCode === 131042) ?? false,
  )
})

test('each number of a business has its own country code, throughput and pairs', async () => {
  const { simulator, post, get } = await setup(standing)
  simulator.account.update({ numbers: [{ ...second, throughputPerSecond: 1 }] })
  const sendFrom = (number: string, to: string) =>
    post(`${pathOf(number)}/messages`, JSON.stringify(textFor(to)))
  expect((await sendFrom(second.id, '612345679')).body.contacts).toEqual([
    { input: '612345679', wa_id: '33612345679' },
  ])
  expect((await sendFrom(second.id, online)).body.error.code).toBe(130429)
  expect((await sendFrom(id, online)).statusCode).toBe(200)
  expect((await sendFrom(id, `+${second.displayPhoneNumber}`)).statusCode).toBe(200)
  simulator.clock.advance(1000)
  expect((await sendFrom(second.id, `+${second.displayPhoneNumber}`)).body.error.code).toBe(131021)
  const numbers = await get(`/v26.0/${identity.businessId}/phone_numbers?fields=display_phone_number`)
  expect(numbers.body.data).toEqual([
    { display_phone_number: '15550783881', id },
    { display_phone_number: '33612345678', id: second.id },
  ])
})

test('an upgrade of the throughput takes a minute of 131057, then 1000 a second, and a webhook says so', async () => {
  const receiver = await createReceiver()
  const { simulator, send, get } = await setup({ ...standing, webhookUrl: receiver.url, pairLimit: false })
  simulator.account.update({ numbers: [{ id, isUpgrading: true }] })
  simulator.clock.advance(59_000)
  expect((await send(codeFor(online))).body.error.code).toBe(131057)
  simulator.clock.advance(1000)
  for (let sent = 0; sent < 90; sent += 1) expect((await send(codeFor(online))).statusCode).toBe(200)
  expect((await get(`${pathOf(id)}?fields=throughput`)).body.throughput).toEqual({ level: 'HIGH' })
  const changes = await eventually(receiver.changes, ({ length }) => length > 0)
  expect(changes).toContainEqual({
    field: 'phone_number_quality_update',
    value: expect.objectContaining({ display_phone_number: '15550783881', event: 'THROUGHPUT_UPGRADE' }),
  })
  expect(receiver.requests[0]?.entry[0]?.time).toBe(Math.floor(simulator.clock.now() / 1000))
})

const told: [AccountChanges, string, object][] = [
  [
    { business: { standing: 'restricted' } },
    'account_update',
    { event: 'ACCOUNT_RESTRICTION', restriction_info: [{ expiration: expect.any(Number) }] },
  ],
  [
    { business: { standing: 'locked' } },
    'account_update',
    { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'DISABLE', waba_ban_date: expect.any(String) } },
  ],
  [
    { business: { hasPaymentProblem: true } },
    'account_alerts',
    { entity_id: identity.businessId, alert_info: { alert_severity: 'CRITICAL', alert_status: 'ACTIVE' } },
  ],
  [
    { business: { messagingLimit: 'TIER_2K' } },
    'business_capability_update',
    { max_daily_conversations_per_business: 'TIER_2K' },
  ],
  [
    { numbers: [second] },
    'phone_number_quality_update',
    { event: 'ONBOARDING', display_phone_number: second.displayPhoneNumber },
  ],
]

test.each(told)('%j is told by the webhook %s', async (changes, field, value) => {
  const receiver = await createReceiver()
  const { simulator } = await setup({ webhookUrl: receiver.url })
  simulator.account.update(changes)
  const [change] = await eventually(receiver.changes, ({ length }) => length > 0)
  expect(change).toMatchObject({ field, value })
})

describe('health_status', () => {
  const verdictOf = async (changes: AccountChanges) => {
    const { simulator, get } = await setup()
    simulator.account.update(changes)
    return (await get(`${pathOf(id)}?fields=health_status`)).body.health_status
  }

  test('takes the worst of number, account, business and app', async () => {
    const health = await verdictOf({ business: { hasPaymentProblem: true, isVerified: false } })
    expect(health).toMatchObject({
      can_send_message: 'BLOCKED',
      entities: [
        { entity_type: 'PHONE_NUMBER', can_send_message: 'AVAILABLE' },
        { entity_type: 'WABA', can_send_message: 'BLOCKED', errors: [{ error_code: 141006 }] },
        { entity_type: 'BUSINESS', can_send_message: 'LIMITED', errors: [{ error_code: 141010 }] },
        { entity_type: 'APP', can_send_message: 'AVAILABLE' },
      ],
    })
  })

  test.each([
    ['BLOCKED', { numbers: [{ id, status: 'BANNED' }] }],
    ['BLOCKED', { business: { standing: 'locked' } }],
    ['LIMITED', { numbers: [{ id, qualityRating: 'RED' }] }],
    ['LIMITED', { business: { isVerified: false } }],
  ] as [string, AccountChanges][])('is %s for %j', async (verdict, changes) => {
    expect((await verdictOf(changes)).can_send_message).toBe(verdict)
  })
})

describe('registration', () => {
  const register = (pin: string) => JSON.stringify({ messaging_product: 'whatsapp', pin })

  test('ends and begins again, with the PIN of the first time', async () => {
    const { post, send, get } = await setup()
    expect((await post(`${pathOf(id)}/register`, register('123456'))).body).toEqual({ success: true })
    expect((await post(`${pathOf(id)}/deregister`, '{}')).body).toEqual({ success: true })
    expect((await get(`${pathOf(id)}?fields=status`)).body).toEqual({ status: 'DISCONNECTED', id })
    expect((await send(codeFor(online))).body.error.code).toBe(133010)
    expect((await post(`${pathOf(id)}/register`, register('654321'))).body.error.code).toBe(133005)
    expect((await post(`${pathOf(id)}/register`, register('12345'))).body.error.code).toBe(100)
    expect((await post(`${pathOf(id)}/register`, register('123456'))).statusCode).toBe(200)
    expect((await send(codeFor(online))).statusCode).toBe(200)
  })

  test('is possible ten times in 72 hours', async () => {
    const { simulator, post } = await setup(standing)
    for (let time = 0; time < 10; time += 1) await post(`${pathOf(id)}/register`, register('123456'))
    expect((await post(`${pathOf(id)}/register`, register('123456'))).body.error.code).toBe(133016)
    simulator.clock.advance(72 * 3_600_000)
    expect((await post(`${pathOf(id)}/register`, register('123456'))).statusCode).toBe(200)
  })
})

test('what cannot be is refused and changes nothing', async () => {
  const { simulator } = await setup()
  const before = simulator.account.read()
  expect(() => simulator.account.update({ numbers: [{ id: '7' }] })).toThrow(/displayPhoneNumber/)
  expect(simulator.account.read()).toEqual(before)
})
