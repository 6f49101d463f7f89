import { createKeys, createUnsettled, openRedis } from '@relais/core'
import { eventually, startRedis, uniquePrefix } from '@relais/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createCapacity } from '../src/capacity.ts'
import type { ProblemError } from '../src/problem.ts'
import { APP_KEY, apiFixture, OTHER_APP_KEY } from './api-fixture.ts'

const code = { to: '+221771234567', type: 'otp', code: '482913' }

describe('an app that has as many messages waiting as it may', () => {
  const { post, postTo, inside, inject, keys } = apiFixture({ APP_MAX_WAITING: '3' })
  const asWallet = { authorization: `Bearer ${APP_KEY}` }
  const asShop = { authorization: `Bearer ${OTHER_APP_KEY}` }

  it('is told to wait, alone, and is heard again when some have ended', async () => {
    const { unsettled, redis } = inside()
    const first = await post(code, { 'idempotency-key': 'first' })
    expect((await post(code)).statusCode).toBe(202)
    const batch = await postTo('/api/messages/batch', { messages: [code, code] })
    expect(batch.statusCode).toBe(429)
    expect((await post(code)).statusCode).toBe(202)

    const refused = await post(code, { 'idempotency-key': 'refused' })
    expect(refused.statusCode).toBe(429)
    expect(refused.json()).toMatchObject({
      code: 'app_limited',
      detail: expect.stringContaining('3 messages'),
    })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect(await redis.zcard(keys.timers())).toBe(3)
    // What was accepted is accepted, however often it is asked for; and others have room.
    expect((await post(code, { 'idempotency-key': 'first' })).statusCode).toBe(202)
    expect((await post(code, asShop)).statusCode).toBe(202)

    const { id } = first.json<{ id: string }>()
    expect(
      (await inject({ method: 'DELETE', url: `/api/messages/${id}`, headers: asWallet })).statusCode,
    ).toBe(200)
    expect((await unsettled.countByApp()).get('wallet')).toBe(2)
    const heard = await eventually(
      () => post(code, { 'idempotency-key': 'refused' }),
      ({ statusCode }) => statusCode !== 429,
    )
    expect(heard.statusCode).toBe(202)
    expect(heard.headers['idempotency-replayed']).toBeUndefined()
  })
})

describe('a Redis that fills up', () => {
  async function setup(apps: number, maxUnsettled = 0) {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    const redis = openRedis({ kind: 'single', url: server.url }, 'patient', () => undefined)
    onTestFinished(() => redis.disconnect())
    const keys = createKeys(uniquePrefix())
    const capacity = createCapacity({
      redis,
      key: keys.timers(),
      unsettled: createUnsettled({ redis, keys }),
      maxUnsettled,
      apps,
      onError: (error) => {
        throw error
      },
    })
    const used = async () => Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1])
    return {
      redis,
      /** Sets the limit so that this part of it is in use. */
      async fill(part: number) {
        await redis.config('SET', 'maxmemory', String(Math.round((await used()) / part)))
        await capacity.look()
      },
      hold: (counts: Record<string, number>) => redis.hset(keys.unsettled(), counts),
      look: capacity.look,
      took: capacity.took,
      asks(app: string) {
        try {
          capacity.requireRoom(app, 1)
          return 'taken'
        } catch (error) {
          return (error as ProblemError).code
        }
      },
    }
  }

  it('first refuses apps with more than their share, then all', async () => {
    const { fill, hold, asks } = await setup(2)
    await hold({ wallet: 900, shop: 20 })
    await fill(0.5)
    expect([asks('wallet'), asks('shop')]).toEqual(['taken', 'taken'])
    await fill(0.7)
    expect([asks('wallet'), asks('shop')]).toEqual(['app_limited', 'taken'])
    await fill(0.9)
    expect([asks('wallet'), asks('shop')]).toEqual(['queue_unavailable', 'queue_unavailable'])
  })

  it('has no share to keep for others where there is one app', async () => {
    const { fill, hold, asks } = await setup(1)
    await hold({ wallet: 900 })
    await fill(0.7)
    expect(asks('wallet')).toBe('taken')
    await fill(0.9)
    expect(asks('wallet')).toBe('queue_unavailable')
  })

  it('takes nothing while it would throw messages away', async () => {
    const { redis, look, asks } = await setup(1)
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
    await look()
    expect(asks('wallet')).toBe('queue_unavailable')
    await redis.config('SET', 'maxmemory-policy', 'noeviction')
    await look()
    expect(asks('wallet')).toBe('taken')
  })
  it('is looked at when somebody asks, who does not wait for it', async () => {
    const { hold, asks } = await setup(2, 3)
    await hold({ wallet: 3 })
    expect(asks('wallet')).toBe('taken')
    await eventually(
      () => asks('wallet'),
      (answer) => answer === 'app_limited',
    )
  })

  it('counts what it has taken until a look has told of it', async () => {
    const { took, asks } = await setup(2, 3)
    took('wallet', 3)
    expect(asks('wallet')).toBe('app_limited')
    // The first to ask has begun a look.
    expect(asks('wallet')).toBe('app_limited')
    await eventually(
      () => asks('wallet'),
      (answer) => answer === 'taken',
    )
  })
})
