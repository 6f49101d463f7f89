import { lastAlarmAt, renewsAt, Secret, tokenState, type RenewalResult } from '@relais/core'
import { describe, expect, it } from 'vitest'
import {
  appId,
  DAY,
  dueToken,
  goodToken,
  HOUR,
  refusedByMeta,
  senderId,
  token,
  tokenFixture,
  unreachable,
} from './fixture.ts'

describe('renewal', () => {
  it('is due at half of the life, unless set otherwise', () => {
    const now = Date.now()
    const stored = { ...token('first', { obtainedAt: now, expiresAt: now + HOUR }), version: 1 }
    expect(renewsAt(stored, undefined)).toBe(now + HOUR / 2)
    expect(renewsAt(stored, 60_000)).toBe(now + HOUR - 60_000)
    expect(renewsAt(stored, 2 * HOUR)).toBe(now + HOUR / 2)
    expect(tokenState(stored, now + HOUR / 2, undefined)).toBe('expiring')
    expect(tokenState(stored, now + HOUR, undefined)).toBe('expired')
  })

  it('that is due is made once, by however many processes ask at once', async () => {
    const { vault, asked, newProcess, toldSince, record } = tokenFixture()
    await vault.bootstrap(dueToken())
    const results = await Promise.all(Array.from({ length: 8 }, () => newProcess().renewal.renewIfDue()))
    expect(asked.exchanges).toBe(1)
    expect(toldSince()).toEqual(['renewed 2'])
    expect(results.every(({ kind }) => ['renewed', 'busy', 'not-due'].includes(kind))).toBe(true)
    expect(await record()).toMatchObject({
      version: 2,
      lastRenewal: { ok: true },
      tokens: [{ source: 'renewed' }, { version: 1 }],
    })
  })

  it('asked for by 50 at once is one exchange with 50 equal answers', async () => {
    const { vault, asked, newProcess } = tokenFixture()
    await vault.bootstrap(goodToken())
    const results = await Promise.all(Array.from({ length: 50 }, () => newProcess().renewal.renewNow(10_000)))
    expect(asked.exchanges).toBe(1)
    const versions = results.map((result) => (result.kind === 'renewed' ? result.token.version : result.kind))
    expect(new Set(versions)).toEqual(new Set([2]))
  })

  it('that is not due asks Meta nothing', async () => {
    const { vault, asked, newProcess } = tokenFixture()
    await vault.bootstrap(goodToken())
    expect(await newProcess().renewal.renewIfDue()).toEqual({ kind: 'not-due' })
    expect(asked).toMatchObject({ exchanges: 0, inspections: 0 })
  })

  it('never exchanges a token that never expires', async () => {
    const { vault, asked, newProcess } = tokenFixture()
    await vault.bootstrap(token('first', { expiresAt: null }))
    expect(await newProcess().renewal.renewIfDue()).toEqual({ kind: 'not-due' })
    expect(await newProcess().renewal.renewNow(1000)).toEqual({ kind: 'never-expires' })
    expect(asked.exchanges).toBe(0)
  })

  it('asks for sixty days, except for the token of a person', async () => {
    const { vault, asked, newProcess, commit } = tokenFixture()
    await vault.bootstrap({ ...dueToken(), type: 'SYSTEM_USER' })
    await newProcess().renewal.renewIfDue()
    await commit({ ...dueToken('of a person'), type: 'USER' })
    await newProcess().renewal.renewIfDue()
    expect(asked.forSystemUser).toEqual([true, false])
  })

  it('that Meta refuses keeps the old token and says why', async () => {
    const { vault, newProcess, toldSince, record, newest } = tokenFixture({
      meta: { exchange: async () => refusedByMeta },
    })
    await vault.bootstrap(dueToken())
    expect(await newProcess().renewal.renewIfDue()).toEqual({
      kind: 'failed',
      error: '190/463 Session has expired',
      graphCode: 190,
      fbtraceId: 'Abc',
    })
    expect(toldSince()).toEqual(['190/463 Session has expired'])
    expect(await record()).toMatchObject({ version: 1, lastRenewal: { ok: false, failures: 1 } })
    expect((await newest()).accessToken.reveal()).toBe('first')
  })

  it('that failed is tried again in growing gaps, and at least ten times in what is left', async () => {
    const { vault, newProcess, record, clock, asked, now } = tokenFixture({
      meta: { exchange: async () => unreachable },
    })
    await vault.bootstrap(token('first', { obtainedAt: now() - 20 * DAY, expiresAt: now() + 10 * DAY }))
    const gaps: number[] = []
    for (let failure = 1; failure <= 12; failure += 1) {
      expect((await newProcess().renewal.renewIfDue()).kind).toBe('failed')
      const last = (await record()).lastRenewal
      if (last?.ok !== false) throw new Error('the failure was not noted')
      gaps.push(Math.round((last.retryAt - last.at) / 60_000))
      clock.aheadMs += last.retryAt - now() - 1000
      expect(await newProcess().renewal.renewIfDue()).toEqual({ kind: 'not-due' })
      clock.aheadMs += 2000
    }
    expect(gaps).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360])
    expect(asked.exchanges).toBe(12)
    clock.aheadMs += 10 * DAY - (now() - Date.now()) - HOUR
    await newProcess().renewal.renewIfDue()
    const last = (await record()).lastRenewal
    expect(last?.ok === false && last.retryAt - last.at).toBeLessThan(0.11 * HOUR)
  })

  it.each([
    ['invalid', { isValid: false }, 'Meta says that it is not valid'],
    ['of another app', { isValid: true, appId: '1' }, 'it belongs to the app 1, not to ours'],
    ['without the permission to send', { isValid: true, scopes: ['email'] }, 'it lacks the permission'],
    ['shorter-lived', { isValid: true, expiresAt: 1 }, 'it ends before the one we have'],
  ])('a new token that Meta calls %s never becomes the token', async (_what, says, why) => {
    const { vault, newProcess, record } = tokenFixture({
      meta: {
        exchange: async () => ({ kind: 'exchanged', accessToken: new Secret('bad') }),
        inspect: async () => ({ kind: 'inspected', ...says }),
      },
    })
    await vault.bootstrap(dueToken())
    expect(await newProcess().renewal.renewIfDue()).toMatchObject({
      kind: 'failed',
      error: expect.stringContaining(why),
    })
    expect((await record()).version).toBe(1)
  })

  it('that gives the same token back with no longer life is no renewal', async () => {
    const expiresAt = Date.now() + 60_000
    const { vault, newProcess, record } = tokenFixture({
      meta: {
        exchange: async (_app, given) => ({ kind: 'exchanged', accessToken: given, expiresInSeconds: 60 }),
        inspect: async () => ({ kind: 'inspected', isValid: true, expiresAt }),
      },
    })
    await vault.bootstrap(token('first', { expiresAt }))
    expect((await newProcess().renewal.renewIfDue()).kind).toBe('failed')
    expect(await record()).toMatchObject({ version: 1, lastRenewal: { failures: 1 } })
  })

  it('that gives the same token back with a longer life prolongs it', async () => {
    const { vault, newProcess, record, asked } = tokenFixture({
      meta: { exchange: async (_app, given) => ({ kind: 'exchanged', accessToken: given }) },
    })
    await vault.bootstrap(dueToken())
    expect((await newProcess().renewal.renewIfDue()).kind).toBe('renewed')
    expect(await record()).toMatchObject({ version: 1, lastRenewal: { ok: true } })
    expect(await newProcess().renewal.renewIfDue()).toEqual({ kind: 'not-due' })
    expect(asked.exchanges).toBe(1)
  })

  it('believes the earlier end, if exchange and debug_token differ', async () => {
    const expiresAt = Date.now() + 2 * HOUR
    const { vault, newProcess, newest } = tokenFixture({
      meta: {
        exchange: async () => ({
          kind: 'exchanged',
          accessToken: new Secret('new'),
          expiresInSeconds: 60 * 24 * 3600,
        }),
        inspect: async () => ({ kind: 'inspected', isValid: true, expiresAt }),
      },
    })
    await vault.bootstrap(dueToken())
    await newProcess().renewal.renewIfDue()
    expect((await newest()).expiresAt).toBe(expiresAt)
  })

  it('whose store was done though its answer was lost is recognised: told once, and not made again', async () => {
    const { vault, newProcess, asked, toldSince } = tokenFixture()
    await vault.bootstrap(dueToken())
    const { renewal } = newProcess({
      commit: async (...given) => {
        await vault.commit(...given)
        throw new Error('the answer of Redis was lost')
      },
    })
    await expect(renewal.renewIfDue()).rejects.toThrow('lost')
    expect(await renewal.renewIfDue()).toEqual({ kind: 'not-due' })
    expect(toldSince()).toEqual(['renewed 2'])
    expect(asked.exchanges).toBe(1)
  })

  it('that fails for all who asked at once is one exchange with equal answers', async () => {
    const { vault, newProcess, asked } = tokenFixture({ meta: { exchange: async () => refusedByMeta } })
    await vault.bootstrap(goodToken())
    const results = await Promise.all(Array.from({ length: 20 }, () => newProcess().renewal.renewNow(10_000)))
    expect(asked.exchanges).toBe(1)
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['failed']))
  })

  it('whose confirmation got lost is confirmed again, without another exchange', async () => {
    let isDown = true
    const { vault, newProcess, record, asked, clock } = tokenFixture({
      meta: {
        inspect: async () =>
          isDown ? unreachable : { kind: 'inspected', isValid: true, expiresAt: Date.now() + HOUR },
      },
    })
    await vault.bootstrap(dueToken())
    const { renewal } = newProcess()
    expect((await renewal.renewIfDue()).kind).toBe('failed')
    expect(asked).toMatchObject({ exchanges: 1, inspections: 3 })
    isDown = false
    clock.aheadMs += 10_000
    expect((await renewal.renewIfDue()).kind).toBe('renewed')
    expect(asked.exchanges).toBe(1)
    expect((await record()).tokens[0]?.accessToken.reveal()).toBe('renewed-1')
  })

  it('that could not be stored is stored by the next try, without another exchange', async () => {
    const { vault, redis, keys, newProcess, record, asked } = tokenFixture({
      meta: {
        async inspect() {
          // The lease is lost while Meta answers.
          if (asked.inspections === 1) await redis.del(keys.renewalLease(senderId))
          return { kind: 'inspected', isValid: true, appId, expiresAt: Date.now() + HOUR }
        },
      },
    })
    await vault.bootstrap(dueToken())
    const { renewal } = newProcess()
    expect(await renewal.renewIfDue()).toEqual({ kind: 'busy' })
    expect((await record()).version).toBe(1)
    expect((await renewal.renewIfDue()).kind).toBe('renewed')
    expect(asked.exchanges).toBe(1)
    expect((await record()).tokens[0]?.accessToken.reveal()).toBe('renewed-1')
  })

  it('is not begun under a lease that may end before Meta answers', async () => {
    const { vault, newProcess, asked } = tokenFixture({ leaseMs: 9000 })
    await vault.bootstrap(dueToken())
    expect(await newProcess().renewal.renewIfDue()).toEqual({ kind: 'busy' })
    expect(asked.exchanges).toBe(0)
  })

  it('without app id and secret there is none', async () => {
    const { vault, newProcess } = tokenFixture({ appSecret: null })
    await vault.bootstrap(dueToken())
    expect(await newProcess().renewal.renewNow(1000)).toEqual({ kind: 'not-configured' })
  })

  it('a manual token that comes during the exchange wins', async () => {
    const { vault, newProcess, record, commit } = tokenFixture({
      meta: {
        async exchange() {
          await commit({ ...goodToken('by hand'), source: 'manual' })
          return { kind: 'exchanged', accessToken: new Secret('late'), expiresInSeconds: 3600 }
        },
      },
    })
    await vault.bootstrap(dueToken())
    await newProcess().renewal.renewIfDue()
    expect((await record()).tokens).toMatchObject([{ version: 2, source: 'manual' }, { version: 1 }])
  })

  it('exchanges the token before, when the newest is refused', async () => {
    const exchanged: string[] = []
    const { vault, newProcess, record, commit } = tokenFixture({
      meta: {
        async exchange(_app, given) {
          exchanged.push(given.reveal())
          return { kind: 'exchanged', accessToken: new Secret('third'), expiresInSeconds: 3600 }
        },
      },
    })
    await vault.bootstrap(dueToken())
    await commit(goodToken('second'))
    await vault.noteRefusal(await record(), Date.now())
    const result: RenewalResult = await newProcess().renewal.renewIfDue()
    expect(result).toMatchObject({ kind: 'renewed', token: { version: 3 } })
    expect(exchanged).toEqual(['first'])
  })
})

describe('the moments at which the end is said', () => {
  const end = 100 * DAY
  it.each([
    [15 * DAY, undefined],
    [14 * DAY, 14 * DAY],
    [8 * DAY, 14 * DAY],
    [7 * DAY - 1, 7 * DAY],
    [2 * DAY, 3 * DAY],
    [DAY, DAY],
    [DAY - HOUR + 1, DAY],
    [DAY - HOUR, DAY - HOUR],
    [1, HOUR],
  ])('with %i ms left it was %s ms before the end', (leftMs, saidMs) => {
    expect(lastAlarmAt(end, end - leftMs)).toBe(saidMs === undefined ? undefined : end - saidMs)
  })
})
