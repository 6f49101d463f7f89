import {
  createSharedToken,
  createTokenVault,
  createSealer,
  Secret,
  tokenInUse,
  type GraphFault,
} from '@relais/core'
import { randomBytes } from 'node:crypto'
import { eventually } from '@relais/testing'
import { describe, expect, it } from 'vitest'
import { DAY, dueToken, goodToken, HOUR, senderId, token, tokenFixture, unreachable } from './fixture.ts'

const invalid = async () => ({ kind: 'inspected', isValid: false }) as const

describe('a round of looking after the token', () => {
  it('takes the token of the environment, learns its life, and renews it when that is due', async () => {
    const { newProcess, toldSince, record, asked } = tokenFixture({
      env: 'from env',
      renewBeforeMs: 2 * HOUR,
      meta: {
        inspect: async (_app, given) => ({
          kind: 'inspected',
          isValid: true,
          type: 'SYSTEM_USER',
          issuedAt: Date.now() - 60 * DAY,
          expiresAt: Date.now() + (given.reveal() === 'from env' ? HOUR : 60 * DAY),
        }),
      },
    })
    await newProcess().lookAfter()
    expect(toldSince()).toEqual(['adopted env', 'renewed 2'])
    expect((await record()).tokens).toMatchObject([
      { source: 'renewed', type: 'SYSTEM_USER' },
      { source: 'env', type: 'SYSTEM_USER' },
    ])
    await newProcess().lookAfter()
    expect(asked).toMatchObject({ exchanges: 1, inspections: 2 })
    expect(toldSince()).toEqual([])
  })

  it('asks Meta once a day about the token in use, once for all processes', async () => {
    const { vault, newProcess, clock, asked, toldSince } = tokenFixture({
      meta: { inspect: async () => ({ kind: 'inspected', isValid: true, expiresAt: null }) },
    })
    await vault.bootstrap(token('first', { expiresAt: null }))
    for (let day = 0; day < 3; day += 1) {
      await Promise.all(Array.from({ length: 4 }, () => newProcess().lookAfter()))
      await newProcess().lookAfter()
      clock.aheadMs += DAY
    }
    expect(asked).toMatchObject({ exchanges: 0, inspections: 3 })
    expect(toldSince()).toEqual([])
  })

  it('learns in the daily check that the token was revoked', async () => {
    let isValid = true
    const { vault, newProcess, clock, toldSince, state } = tokenFixture({
      meta: { inspect: async () => ({ kind: 'inspected', isValid, expiresAt: null }) },
    })
    await vault.bootstrap(token('first', { expiresAt: null }))
    await newProcess().lookAfter()
    isValid = false
    clock.aheadMs += DAY
    await newProcess().lookAfter()
    expect(toldSince()).toEqual(['dead 1', 'unusable: invalid'])
    expect(await state()).toBe('invalid')
  })

  it('makes a daily check again after a while when Meta did not answer', async () => {
    let isDown = true
    const { vault, newProcess, clock, asked } = tokenFixture({
      meta: {
        inspect: async () => (isDown ? unreachable : { kind: 'inspected', isValid: true, expiresAt: null }),
      },
    })
    await vault.bootstrap(token('first', { expiresAt: null }))
    await newProcess().lookAfter()
    await newProcess().lookAfter()
    expect(asked.inspections).toBe(1)
    isDown = false
    clock.aheadMs += 11 * 60_000
    await newProcess().lookAfter()
    await newProcess().lookAfter()
    expect(asked.inspections).toBe(2)
  })

  it('asks Meta about a token that was refused: valid after all, it is used again; dead, it stays dead', async () => {
    let isValid = true
    const { vault, newProcess, record, state, toldSince } = tokenFixture({
      meta: { inspect: async () => ({ kind: 'inspected', isValid, expiresAt: null }) },
    })
    await vault.bootstrap(token('first', { expiresAt: null }))
    await vault.noteRefusal(await record(), Date.now())
    await newProcess().lookAfter()
    expect(await state()).toBe('valid')
    isValid = false
    await vault.noteRefusal(await record(), Date.now())
    await newProcess().lookAfter()
    expect(await state()).toBe('invalid')
    expect(toldSince()).toEqual(['confirmed 1', 'unusable: invalid'])
  })

  it('a Meta that does not answer never makes a token bad', async () => {
    const { vault, newProcess, state, record } = tokenFixture({
      meta: { inspect: async () => unreachable, exchange: async () => unreachable },
    })
    await vault.bootstrap(dueToken())
    await newProcess().lookAfter()
    expect(await state()).toBe('expiring')
    expect((await record()).lastRenewal?.ok).toBe(false)
  })

  it('says the end at 14, 7, 3 and 1 days, then every hour, each once for all processes', async () => {
    const { vault, newProcess, clock, now, toldSince } = tokenFixture({
      meta: {
        exchange: async () => unreachable,
        inspect: async () => ({ kind: 'inspected', isValid: true }),
      },
    })
    const expiresAt = now() + 40 * DAY
    await vault.bootstrap(token('first', { obtainedAt: now() - 20 * DAY, expiresAt }))
    const said: number[] = []
    const lookAt = async (leftMs: number) => {
      clock.aheadMs = expiresAt - leftMs - Date.now()
      await Promise.all([newProcess().lookAfter(), newProcess().lookAfter()])
      const alarms = toldSince().filter((what) => what.startsWith('expiring: its renewal failed'))
      for (const _alarm of alarms) said.push(leftMs)
    }
    for (let days = 20; days >= 1; days -= 1) await lookAt(days * DAY - 1)
    expect(said).toEqual([14, 7, 3, 1].map((days) => days * DAY - 1))
    said.length = 0
    for (let half = 46; half >= 44; half -= 1) await lookAt((half * HOUR) / 2 - 1)
    expect(said).toEqual([23 * HOUR - 1, 22 * HOUR - 1])
  })

  it('says nothing of an end that renewal prevents', async () => {
    const { vault, newProcess, toldSince } = tokenFixture()
    await vault.bootstrap(dueToken())
    await Promise.all(Array.from({ length: 4 }, () => newProcess().lookAfter()))
    await newProcess().lookAfter()
    expect(toldSince()).toEqual(['renewed 2'])
  })

  it('says every hour that there is no token to send with', async () => {
    const { vault, newProcess, clock, toldSince } = tokenFixture({ meta: { inspect: invalid } })
    const { lookAfter } = newProcess()
    await lookAfter()
    await lookAfter()
    expect(toldSince()).toEqual(['unusable: missing'])
    await vault.bootstrap(token('first', { expiresAt: Date.now() - 1 }))
    for (let half = 0; half < 4; half += 1) {
      await newProcess().lookAfter()
      clock.aheadMs += HOUR / 2
    }
    expect(toldSince().filter((what) => what.startsWith('unusable'))).toHaveLength(2)
  })
})

describe('a token of the environment', () => {
  it('does not come back over the one that was renewed from it', async () => {
    const { newProcess, newest } = tokenFixture({ env: 'from env' })
    await newProcess().lookAfter()
    await newProcess().renewal.renewNow(1000)
    await newProcess().lookAfter()
    expect((await newest()).accessToken.reveal()).toBe('renewed-1')
  })

  it('that is new takes over once Meta confirms it as the longer-lived one', async () => {
    const { vault, newProcess, newest } = tokenFixture()
    await vault.bootstrap(token('first', { expiresAt: Date.now() + HOUR / 2, obtainedAt: Date.now() }))
    await newProcess({ env: 'typed in later' }).lookAfter()
    expect((await newest()).accessToken.reveal()).toBe('typed in later')
  })

  it('that Meta does not know changes nothing, and is asked about once', async () => {
    const asked: string[] = []
    const { vault, newProcess, newest } = tokenFixture({
      env: 'a slip',
      meta: {
        async inspect(_app, given) {
          asked.push(given.reveal())
          return { kind: 'inspected', isValid: given.reveal() !== 'a slip', expiresAt: null }
        },
      },
    })
    await vault.bootstrap(token('first', { expiresAt: null }))
    await newProcess().lookAfter()
    await newProcess().lookAfter()
    expect((await newest()).accessToken.reveal()).toBe('first')
    expect(asked.filter((text) => text === 'a slip')).toHaveLength(1)
  })

  it('is the last resort when the stored ones are dead, though it was seen before', async () => {
    const { newProcess, vault, record, newest, toldSince, clock } = tokenFixture({
      env: 'from env',
      meta: {
        inspect: async (_app, given) => ({
          kind: 'inspected',
          isValid: given.reveal() === 'from env',
          expiresAt: null,
        }),
      },
    })
    await newProcess().lookAfter()
    for (const text of ['a', 'b', 'c', 'd'])
      await vault.commit(await record(), token(text, { source: 'manual' }))
    const { generation } = await record()
    for (const version of [2, 3, 4, 5]) await vault.noteRefusal({ generation, version }, Date.now())
    clock.aheadMs += 60_000
    await newProcess().lookAfter()
    expect(await newest()).toMatchObject({ version: 6, source: 'env' })
    expect(toldSince().at(-1)).toBe('adopted env')
  })

  it('never replaces the one an operator brought where Meta cannot be asked, even after our keys were rotated', async () => {
    const { redis, keys, vault, newProcess, record, newest } = tokenFixture({ appSecret: null })
    await newProcess({ env: 'from env' }).lookAfter()
    await vault.commit(await record(), token('by hand', { source: 'manual' }))
    await newProcess({ env: 'from env' }).lookAfter()
    await newProcess({ env: 'another from env' }).lookAfter()
    expect((await newest()).accessToken.reveal()).toBe('by hand')
    const ring = [{ id: 'k2', key: new Secret(randomBytes(32).toString('base64')) }]
    const rotated = createTokenVault({ redis, keys, sealer: createSealer(ring), senderId })
    expect(await rotated.seenAt(new Secret('from env'))).toBeGreaterThan(0)
  })
})

describe('when Meta does not tell about a token', () => {
  const wrongSecret: GraphFault = {
    kind: 'refused',
    error: { statusCode: 400, graphCode: 1, message: 'Error validating client secret.', fbtraceId: 'Abc' },
  }

  it("it is said with Meta's words, and asked again in growing gaps by one process for all", async () => {
    const { newProcess, toldSince, clock, asked, record } = tokenFixture({
      env: 'from env',
      meta: { inspect: async () => wrongSecret },
    })
    const processes = [newProcess(), newProcess(), newProcess()]
    for (let second = 0; second < 64; second += 1) {
      for (const { lookAfter } of processes) await lookAfter()
      clock.aheadMs += 1000
    }
    expect(asked.inspections).toBe(7)
    expect(toldSince().slice(0, 3)).toEqual([
      'adopted env',
      'unanswered 1: 1 Error validating client secret.',
      'unanswered 2: 1 Error validating client secret.',
    ])
    expect((await record()).lastCheck).toMatchObject({ ok: false, failures: 7 })
  })

  it('the heartbeat asks for it, though nothing else is due', async () => {
    const { vault, newProcess, told } = tokenFixture()
    await vault.bootstrap(token('of unknown life'))
    newProcess().shared.start()
    await eventually(
      () => told,
      (all) => all.includes('concern'),
    )
  })
})

describe('a token that is refused', () => {
  it('is asked about at once, though an older one is in use', async () => {
    const { vault, newProcess, commit, record, toldSince, told } = tokenFixture()
    await vault.bootstrap(goodToken('first'))
    await commit(goodToken('second'))
    const { shared, lookAfter } = newProcess()
    const answer = await shared.withAccessToken(
      async ({ accessToken }) => accessToken.reveal(),
      (text) => (text === 'second' ? '190 said Meta' : undefined),
    )
    expect(answer).toBe('first')
    expect(told).toContain('concern')
    await lookAfter()
    expect(toldSince()).toEqual(['refused 2: 190 said Meta', 'confirmed 2'])
    expect(tokenInUse(await record(), Date.now(), 0)?.version).toBe(2)
  })

  it('again and again, though Meta calls it valid, is not asked about each time', async () => {
    const { vault, newProcess, asked, clock } = tokenFixture()
    await vault.bootstrap(goodToken('first'))
    const { shared, lookAfter } = newProcess()
    const refuse = () =>
      shared.withAccessToken(
        async () => 'no',
        () => '190',
      )
    for (let tenth = 0; tenth < 100; tenth += 1) {
      await refuse()
      await lookAfter()
      clock.aheadMs += 100
    }
    expect(asked.inspections).toBeLessThanOrEqual(3)
  })

  it('of another app, or without the permission to send, is dead', async () => {
    for (const says of [{ appId: '1' }, { scopes: ['email'] }]) {
      const { vault, newProcess, state, toldSince } = tokenFixture({
        meta: { inspect: async () => ({ kind: 'inspected', isValid: true, expiresAt: null, ...says }) },
      })
      await vault.bootstrap(token('first', { expiresAt: null }))
      await newProcess().lookAfter()
      expect(await state()).toBe('invalid')
      expect(toldSince()).toEqual(['dead 1', 'unusable: invalid'])
    }
  })

  it("is asked about by reading the number, where the app's secret is not known", async () => {
    const { vault, newProcess, record, state, asked } = tokenFixture({ appSecret: null })
    await vault.bootstrap(token('first'))
    await vault.noteRefusal(await record(), Date.now())
    await newProcess().lookAfter()
    expect(await state()).toBe('valid')
    expect(asked).toMatchObject({ inspections: 0, reads: 1 })
  })
})

describe('an alarm', () => {
  it('that the end is near does not mute the one that nothing lives', async () => {
    let isValid = true
    const { vault, newProcess, record, toldSince, now } = tokenFixture({
      meta: {
        exchange: async () => unreachable,
        inspect: async () => ({ kind: 'inspected', isValid }),
      },
    })
    await vault.bootstrap(token('first', { obtainedAt: now() - 59 * DAY, expiresAt: now() + DAY - HOUR }))
    await newProcess().lookAfter()
    expect(toldSince().some((what) => what.startsWith('expiring'))).toBe(true)
    isValid = false
    await vault.noteRefusal(await record(), now())
    await newProcess().lookAfter()
    expect(toldSince()).toContain('unusable: invalid')
  })

  it('comes when a renewal is overdue that nobody tried', async () => {
    const { vault, lease, newProcess, toldSince, now } = tokenFixture({
      meta: { inspect: async () => ({ kind: 'inspected', isValid: true }) },
    })
    await vault.bootstrap(token('first', { obtainedAt: now() - 50 * DAY, expiresAt: now() + 10 * DAY }))
    await lease.hold(async () => newProcess().lookAfter())
    expect(toldSince()).toEqual(['expiring: its renewal is overdue'])
  })
})

describe('a clock that ran ahead', () => {
  it('and wrote a moment far away keeps nobody from trying', async () => {
    const { vault, newProcess, clock, asked, record } = tokenFixture({
      meta: {
        exchange: async () => unreachable,
        inspect: async () => ({ kind: 'inspected', isValid: true }),
      },
    })
    await vault.bootstrap(dueToken())
    clock.aheadMs = 30_000
    await newProcess().lookAfter()
    const failed = (await record()).lastRenewal
    if (failed?.ok !== false) throw new Error('not failed')
    await vault.noteRenewal(await record(), { ...failed, retryAt: failed.retryAt + 15 * DAY })
    clock.aheadMs = 0
    await newProcess().lookAfter()
    expect(asked.exchanges).toBe(2)
  })
})

describe('while no token lives', () => {
  it('Meta is asked about that of the environment once a minute, however often it is looked after', async () => {
    const { vault, newProcess, asked, clock, record } = tokenFixture({
      env: 'from env',
      meta: { inspect: invalid },
    })
    await vault.bootstrap(token('first', { source: 'manual' }))
    await vault.noteRefusal(await record(), Date.now())
    await newProcess().lookAfter()
    const before = asked.inspections
    for (let second = 0; second < 10; second += 1) await newProcess().lookAfter()
    expect(asked.inspections).toBe(before)
    clock.aheadMs += 60_000
    for (let second = 0; second < 10; second += 1) await newProcess().lookAfter()
    expect(asked.inspections).toBe(before + 1)
  })
})

describe('when Redis loses the record', () => {
  it('a process puts back what it remembers, and the others follow', async () => {
    const { vault, redis, keys, newProcess, record, toldSince, commit } = tokenFixture({ env: 'from env' })
    const { shared, lookAfter } = newProcess()
    await lookAfter()
    await commit({ ...goodToken('renewed'), source: 'renewed' })
    await shared.refresh()
    toldSince()
    await redis.del(keys.accessToken(senderId))
    await lookAfter()
    await newProcess().lookAfter()
    expect(toldSince()).toEqual(['restored 2'])
    expect(await record()).toMatchObject({ version: 2, restoredAt: expect.any(Number) })
    expect(tokenInUse(await vault.read(), Date.now(), 0)?.accessToken.reveal()).toBe('renewed')
  })

  it('what a process remembers replaces a record begun anew from the environment, not one by hand', async () => {
    const { vault, redis, keys, newProcess, newest, commit } = tokenFixture({
      env: 'from env',
      meta: {
        inspect: async () => ({
          kind: 'inspected',
          isValid: true,
          issuedAt: Date.now() - DAY,
          expiresAt: Date.now() + DAY,
        }),
      },
    })
    const knowing = newProcess()
    await knowing.lookAfter()
    await commit({ ...goodToken('renewed'), source: 'renewed' })
    await knowing.shared.refresh()
    await redis.del(keys.accessToken(senderId))
    await newProcess().lookAfter()
    expect(await newest()).toMatchObject({ version: 1, source: 'env' })
    await knowing.lookAfter()
    expect(await newest()).toMatchObject({ version: 2, source: 'renewed' })
    await redis.del(keys.accessToken(senderId))
    await vault.bootstrap({ ...goodToken('by hand'), source: 'manual' }, { manualAt: Date.now() })
    await knowing.lookAfter()
    expect(await newest()).toMatchObject({ version: 1, source: 'manual' })
  })

  it('what an operator brought after the loss stays, also once it was renewed', async () => {
    const { vault, redis, keys, newProcess, newest, commit } = tokenFixture()
    const knowing = newProcess()
    await vault.bootstrap(goodToken('a'))
    for (const text of ['b', 'c']) await commit({ ...goodToken(text), source: 'renewed' })
    await knowing.shared.refresh()
    await redis.del(keys.accessToken(senderId))
    await vault.bootstrap({ ...goodToken('by hand'), source: 'manual' }, { manualAt: Date.now() })
    await newProcess().renewal.renewNow(1000)
    await knowing.lookAfter()
    expect(await newest()).toMatchObject({ version: 2, source: 'renewed' })
    expect((await newest()).accessToken.reveal()).toBe('renewed-1')
  })

  it('and goes back to an older state of it, the newer one is put back', async () => {
    const { vault, redis, keys, newProcess, newest, record, toldSince } = tokenFixture()
    const knowing = newProcess()
    await vault.bootstrap(goodToken('first'))
    const dump = await redis.dumpBuffer(keys.accessToken(senderId))
    await vault.commit(
      await record(),
      { ...goodToken('by hand'), source: 'manual' },
      { manualAt: Date.now() },
    )
    await knowing.shared.refresh()
    await redis.restore(keys.accessToken(senderId), 0, dump, 'REPLACE')
    expect((await newest()).accessToken.reveal()).toBe('first')
    await knowing.lookAfter()
    expect((await newest()).accessToken.reveal()).toBe('by hand')
    expect(toldSince()).toContain('restored 2')
  })

  it('sends go on with the remembered token meanwhile', async () => {
    const { vault, redis, keys, app, clock, now } = tokenFixture()
    await vault.bootstrap(goodToken('first'))
    const shared = createSharedToken({
      vault,
      app,
      useMarginMs: 0,
      renewBeforeMs: undefined,
      now,
      elapsed: now,
    })
    const use = () =>
      shared.withAccessToken(
        async ({ accessToken }) => accessToken.reveal(),
        () => undefined,
      )
    expect(await use()).toBe('first')
    await redis.del(keys.accessToken(senderId))
    clock.aheadMs += 2000
    expect(await use()).toBe('first')
    expect((await shared.refresh())?.remembered.tokens).toHaveLength(1)
  })
})
