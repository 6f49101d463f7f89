import { describe, expect, test } from 'vitest'
import { codeFor, identity, online, setup, type Answer } from './setup.ts'

const standing = { clock: { startAt: Date.parse('2026-11-22T18:00:00Z'), speed: 0 } }
const phonePath = `/v26.0/${identity.phoneNumberId}?fields=id`
const MINUTE = 60_000
const HOUR = 60 * MINUTE

type Use = { call_count: number; estimated_time_to_regain_access: number }

function usageOf({ headers }: Answer): Use | undefined {
  const text = headers.get('x-business-use-case-usage') ?? '{}'
  return (JSON.parse(text) as Record<string, [Use]>)[identity.businessId]?.[0]
}

describe('management calls', () => {
  test('tell how much of the hour is used, and are refused with 80008 beyond it', async () => {
    const { simulator, get, send } = await setup(standing)
    simulator.account.update({ business: { managementCallsPerHour: 4 } })
    expect(usageOf(await get(phonePath))).toMatchObject({
      call_count: 25,
      estimated_time_to_regain_access: 0,
    })
    for (let call = 0; call < 3; call += 1) expect((await get(phonePath)).statusCode).toBe(200)
    simulator.clock.advance(10 * MINUTE)
    const refused = await get(phonePath)
    expect([refused.statusCode, refused.body.error.code]).toEqual([400, 80008])
    expect(usageOf(refused)).toMatchObject({ call_count: 125, estimated_time_to_regain_access: 50 })
    expect((await send(codeFor(online))).statusCode).toBe(200)
    simulator.clock.advance(50 * MINUTE)
    expect((await get(phonePath)).statusCode).toBe(200)
  })

  test('are subscriptions, too; who has no live token is told nothing', async () => {
    const { simulator, get, post } = await setup(standing)
    const edge = `/v26.0/${identity.businessId}/subscribed_apps`
    simulator.account.update({ business: { managementCallsPerHour: 2 } })
    expect(usageOf(await get(edge))?.call_count).toBe(50)
    expect(usageOf(await post(edge, ''))?.call_count).toBe(100)
    expect((await get(edge)).body.error.code).toBe(80008)
    for (const token of [null, 'nonsense']) expect(usageOf(await get(edge, token))).toBeUndefined()
  })

  test('have 5000 an hour with a registered number, else 200', async () => {
    const { simulator, get } = await setup(standing)
    for (let call = 0; call < 50; call += 1) await get(phonePath)
    expect(usageOf(await get(phonePath))?.call_count).toBe(2)
    simulator.account.update({ numbers: [{ id: identity.phoneNumberId, isRegistered: false }] })
    expect(usageOf(await get(phonePath))?.call_count).toBe(26)
  })

  test('that go on while they are refused prolong it', async () => {
    const { simulator, get } = await setup(standing)
    simulator.account.update({ business: { managementCallsPerHour: 1 } })
    await get(phonePath)
    simulator.clock.advance(30 * MINUTE)
    await get(phonePath)
    simulator.clock.advance(30 * MINUTE)
    expect((await get(phonePath)).body.error.code).toBe(80008)
    simulator.clock.advance(HOUR)
    expect((await get(phonePath)).statusCode).toBe(200)
  })
})

describe('the calls of the app', () => {
  test('are refused with 4 beyond their hour, sends and reads alike', async () => {
    const { simulator, get, send } = await setup(standing)
    simulator.account.update({ app: { callsPerHour: 2 } })
    await send(codeFor(online))
    await get(phonePath)
    for (const refused of [await send(codeFor(online)), await get(phonePath)])
      expect([refused.statusCode, refused.body.error.code]).toEqual([400, 4])
    simulator.clock.advance(HOUR)
    expect((await send(codeFor(online))).statusCode).toBe(200)
  })

  test('are told by X-App-Usage from a tenth of the limit on', async () => {
    const { simulator, send } = await setup(standing)
    expect((await send(codeFor(online))).headers.get('x-app-usage')).toBeNull()
    simulator.account.update({ app: { callsPerHour: 20 } })
    expect((await send(codeFor(online))).headers.get('x-app-usage')).toBeNull()
    const usage = (await send(codeFor(online))).headers.get('x-app-usage') ?? ''
    expect(JSON.parse(usage)).toEqual({ call_count: 10, total_time: 10, total_cputime: 10 })
  })
})

test('Retry-After comes only when it is switched on', async () => {
  const { simulator, send } = await setup({ ...standing, throughputPerSecond: 1 })
  await send(codeFor(online))
  expect((await send(codeFor(online))).headers.get('retry-after')).toBeNull()
  simulator.account.update({ limits: { hasRetryAfter: true }, app: { callsPerHour: 1 } })
  expect((await send(codeFor(online))).headers.get('retry-after')).toBe('1')
  expect((await send(codeFor(online))).headers.get('retry-after')).toBe('3600')
})

describe('the pair limit', () => {
  const manySends = async (send: (body: object) => Promise<Answer>, count: number) => {
    const codes: number[] = []
    for (let sent = 0; sent < count; sent += 1) {
      const { statusCode, body } = await send(codeFor(online))
      codes.push(statusCode === 200 ? 200 : body.error.code)
    }
    return codes
  }

  test('lets 45 through at once, then nothing until the debt is paid back', async () => {
    const { simulator, send } = await setup(standing)
    const codes = await manySends(send, 46)
    expect(codes.filter((code) => code === 200)).toHaveLength(45)
    expect(codes.at(-1)).toBe(131056)
    simulator.clock.advance(44 * 6000)
    expect(await manySends(send, 1)).toEqual([131056])
    simulator.clock.advance(6000)
    expect(await manySends(send, 1)).toEqual([200])
  })

  test('as a bucket lets one more through every 6 s', async () => {
    const { simulator, send } = await setup(standing)
    simulator.account.update({ limits: { pair: 'bucket' } })
    expect((await manySends(send, 46)).at(-1)).toBe(131056)
    simulator.clock.advance(6000)
    expect(await manySends(send, 2)).toEqual([200, 131056])
  })

  test('off lets everything through', async () => {
    const { simulator, send } = await setup(standing)
    simulator.account.update({ limits: { pair: 'off' } })
    expect(await manySends(send, 50)).toEqual(Array.from({ length: 50 }, () => 200))
  })
})

describe('the messaging limit', () => {
  const someone = (index: number) => `+22177${String(1_230_000 + index * 10 + 5)}`

  test('counts different people in 24 hours; further ones are refused with 131048', async () => {
    const { simulator, send } = await setup(standing)
    simulator.account.update({ business: { messagingLimit: 'TIER_50' } })
    for (let index = 0; index < 50; index += 1)
      expect((await send(codeFor(someone(index)))).statusCode).toBe(200)
    expect((await send(codeFor(someone(50)))).body.error.code).toBe(131048)
    expect((await send(codeFor(someone(0)))).statusCode).toBe(200)
    simulator.clock.advance(24 * HOUR)
    expect((await send(codeFor(someone(50)))).statusCode).toBe(200)
  })

  test('does not count people who wrote to the business', async () => {
    const { simulator, send } = await setup(standing)
    simulator.account.update({ business: { messagingLimit: 'TIER_50' } })
    for (let index = 0; index < 50; index += 1) await send(codeFor(someone(index)))
    expect(simulator.inbound.reply(someone(50), 'Bonjour').problem).toBeUndefined()
    expect((await send(codeFor(someone(50)))).statusCode).toBe(200)
  })

  test('is read from the number, under both of its names', async () => {
    const { simulator, get } = await setup()
    simulator.account.update({ business: { messagingLimit: 'TIER_2K' } })
    const fields = 'messaging_limit_tier,whatsapp_business_manager_messaging_limit'
    expect((await get(`/v26.0/${identity.phoneNumberId}?fields=${fields}`)).body).toMatchObject({
      messaging_limit_tier: 'TIER_2K',
      whatsapp_business_manager_messaging_limit: 'TIER_2K',
    })
  })
})
