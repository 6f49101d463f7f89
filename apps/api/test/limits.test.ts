import { createPumpingGuard } from '@relais/core'
import { eventually } from '@relais/testing'
import { describe, expect, it } from 'vitest'
import { apiFixture, APP_KEY, OTHER_APP_KEY } from './api-fixture.ts'

type Problem = { code: string; status: number; detail: string; retryAfterSeconds?: number; errors?: object[] }

const codeTo = (to: string) => ({ to, type: 'otp', code: '482913' })
const block = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => codeTo(prefix + String(i).padStart(4, '0')))
const asShop = { authorization: `Bearer ${OTHER_APP_KEY}` }
const asWallet = { authorization: `Bearer ${APP_KEY}` }

describe('limits that are set', () => {
  const { post, postTo, inside, keys, metrics, logged } = apiFixture({
    SOURCE_MAX_PER_HOUR: '2',
    APP_COUNTRIES: 'wallet:SN|CI',
    APP_MAX_PER_DAY: 'shop:3',
    PREFIX_MAX_PER_HOUR: '4',
  })

  it('a country that the app may not send to is a 422 that says so, for this app alone', async () => {
    const refused = await post(codeTo('+33612345678'))
    expect(refused.statusCode).toBe(422)
    expect(refused.json()).toMatchObject({ code: 'country_refused', errors: [{ pointer: '/to' }] })
    expect((await post(codeTo('+2250701020304'))).statusCode).toBe(202)
    expect((await post(codeTo('+33612345678'), asShop)).statusCode).toBe(202)
    const batch = await postTo('/api/messages/batch', {
      messages: [codeTo('+33612345678'), codeTo('+221701234567')],
    })
    expect(batch.json()).toMatchObject({ accepted: 1, results: [{ code: 'country_refused' }, {}] })
    expect(await metrics()).toContain('relais_limited_total{limit="country"} 2')
  })

  it('an address is counted, for IPv6 the network, and is neither kept nor logged', async () => {
    const { redis } = inside()
    const to = (i: number, sourceIp: string) => ({ ...codeTo(`+22176${1_000_000 + i * 10_000}`), sourceIp })
    for (const [i, sourceIp] of ['2001:db8:7:7::1', '2001:db8:7:7:ffff::2'].entries())
      expect((await post(to(i, sourceIp))).statusCode).toBe(202)
    const refused = await post(to(2, '2001:db8:7:7::3'))
    const { code, retryAfterSeconds = 0, detail } = refused.json<Problem>()
    expect([refused.statusCode, code]).toEqual([429, 'source_limited'])
    expect(refused.headers['retry-after']).toBe(String(retryAfterSeconds))
    expect(retryAfterSeconds).toBeGreaterThan(3000)
    expect(detail).not.toMatch(/2001|db8/)
    expect((await post(to(3, '2001:db8:7:8::3'))).statusCode).toBe(202)
    expect((await post(codeTo('+221761090000'))).statusCode).toBe(202)

    const names = await redis.keys(`${keys.message('').replace(/message:$/, '')}*`)
    const dumps = await Promise.all(names.map((name) => redis.dumpBuffer(name)))
    const kept = Buffer.concat(dumps.map((dump) => dump ?? Buffer.alloc(0))).toString('latin1')
    expect(names.join(' ') + kept + logged()).not.toContain('2001:db8')
  })

  it.each(['196.207.1', '999.1.1.1', '::1::', 'localhost', '', 7, null])(
    'an address that is none is a 422: %j',
    async (sourceIp) => {
      const refused = await post({ ...codeTo('+221771234567'), sourceIp })
      expect(refused.statusCode).toBe(422)
      expect(refused.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/sourceIp' }] })
    },
  )

  it('an app that has sent what it may in a day is told so', async () => {
    const batch = await postTo('/api/messages/batch', { messages: block('+3361234', 5) }, asShop)
    const { results } = batch.json<{ results: Problem[] }>()
    expect(results.at(-1)).toMatchObject({ status: 429, code: 'app_limited' })
    expect(results.at(-1)?.retryAfterSeconds).toBeGreaterThan(23 * 3600)
    expect(await inside().redis.hvals(keys.appDay('shop'))).toEqual(['3'])
  })

  it('numbers that are neighbours have a limit together, and a repeat is not counted', async () => {
    const { redis } = inside()
    const [first, ...others] = block('+22178555', 6)
    const headers = { 'idempotency-key': 'neighbours' }
    for (let i = 0; i < 5; i += 1) expect((await post(first, headers)).statusCode).toBe(202)
    const answers = await Promise.all(others.map((body) => post(body)))
    expect(answers.filter(({ statusCode }) => statusCode === 202)).toHaveLength(3)
    expect(answers.filter(({ statusCode }) => statusCode === 429)).toHaveLength(2)
    expect((await post(first, headers)).statusCode).toBe(202)
    expect(await redis.hvals(keys.prefixHour('wallet', '+22178555'))).toEqual(['4'])
  })
})

describe('the guard against pumping, as it is unless set otherwise', () => {
  const one = apiFixture()
  const two = apiFixture({ QUEUE_PREFIX: one.prefix })
  const { post, postTo, inject, inside, keys } = one
  const use = (id: string) => inject({ method: 'POST', url: `/api/messages/${id}/used`, headers: asWallet })

  it('lets an app that tells of no used codes send what it wants', async () => {
    for (let from = 0; from < 400; from += 50) {
      const messages = block('+22170000', 400).slice(from, from + 50)
      expect((await postTo('/api/messages/batch', { messages }, asShop)).json()).toMatchObject({
        accepted: 50,
      })
    }
    expect(await inside().redis.keys(keys.guard('shop', '*'))).toEqual([])
  })

  it('learns from the codes that are used, also after a fallback, once for each, and stops a flood at all doors', async () => {
    const { redis, store } = inside()
    const { id: first } = (await post(codeTo('+2250701020304'))).json<{ id: string }>()
    await use(first)
    const record = async () =>
      JSON.parse((await redis.hget(keys.guardApps(), 'wallet')) ?? '{}') as { sent?: number; used?: number }
    // Each door looks once a second while requests come.
    for (const door of [one, two]) {
      const { sent: before = 0 } = await record()
      await eventually(
        async () => {
          await door.post(codeTo('+2250701020304'))
          return (await record()).sent ?? 0
        },
        (sent) => sent > before + 0.5,
      )
    }
    const batch = await postTo('/api/messages/batch', { messages: block('+225070102', 40) })
    const { results } = batch.json<{ results: { id: string }[] }>()
    for (const [i, { id }] of results.entries()) {
      if (i < 5) await store.move(id, { to: 'fallback' })
      if (i < 30) for (const answer of [await use(id), await use(id)]) expect(answer.statusCode).toBe(200)
    }
    expect((await record()).used).toBeCloseTo(30, 1)
    const { timeline = [] } = (await store.read(results[0]?.id ?? '')) ?? {}
    expect(timeline.filter(({ detail }) => detail === 'the code was used')).toHaveLength(1)

    const flood = async (door: typeof one, numbers: ReturnType<typeof block>) => {
      let sent = 0
      for (let from = 0; from < numbers.length; from += 50) {
        const answer = await door.postTo('/api/messages/batch', { messages: numbers.slice(from, from + 50) })
        sent += answer.json<{ accepted: number }>().accepted
      }
      return sent
    }
    const numbers = block('+22177123', 500)
    const [here, there] = await Promise.all([
      flood(one, numbers.slice(0, 250)),
      flood(two, numbers.slice(250)),
    ])
    expect(here + there).toBe(150)
    const refused = await post(codeTo('+221771239999'))
    expect([refused.statusCode, refused.json<Problem>().code]).toEqual([429, 'prefix_limited'])
    expect(refused.json<Problem>().detail).not.toMatch(/pump|fraud|used/i)
    expect((await post(codeTo('+221781239999'))).statusCode).toBe(202)
    expect(await one.metrics()).toMatch(/relais_limited_total\{limit="guard"\} \d+/)
    expect(one.logged() + two.logged()).toContain(
      '"event":"prefix.stopped","app":"wallet","prefix":"+22177123"',
    )
  })

  it('forgives what the app takes back itself', async () => {
    const guard = createPumpingGuard({ redis: inside().redis, keys })
    await guard.used({ app: 'wallet', to: '+221751230000', type: 'otp' })
    const name = keys.guard('wallet', '+22175123')
    const sent = async () => Number((await inside().redis.get(name))?.split(' ')[0] ?? 0)
    const { id } = (await post(codeTo('+221751231111'))).json<{ id: string }>()
    const before = await sent()
    await inject({ method: 'DELETE', url: `/api/messages/${id}`, headers: asWallet })
    expect(await sent()).toBeCloseTo(before - 1, 1)
  })
})

describe('a cool-down that has grown', () => {
  const { post, inject, inside, keys } = apiFixture({
    RECIPIENT_COOLDOWN_SECONDS: '30',
    PUMPING_GUARD: 'off',
  })

  it('begins anew when the app tells that the code was used', async () => {
    const { redis } = inside()
    const to = '+221771234567'
    const older = async () => {
      const [name = ''] = await redis.keys(keys.recipient('*'))
      for (const member of await redis.zrange(name, '0', '-1')) await redis.zincrby(name, -130_000, member)
    }
    const { id } = (await post(codeTo(to))).json<{ id: string }>()
    await older()
    expect((await post(codeTo(to))).statusCode).toBe(202)
    await older()
    expect((await post(codeTo(to))).statusCode).toBe(202)
    expect((await post(codeTo(to))).json<Problem>().retryAfterSeconds).toBeGreaterThan(100)
    await inject({ method: 'POST', url: `/api/messages/${id}/used`, headers: asWallet })
    expect((await post(codeTo(to))).json<Problem>().retryAfterSeconds).toBeLessThanOrEqual(30)
    expect(await redis.keys(keys.guardApps())).toEqual([])
  })
})
