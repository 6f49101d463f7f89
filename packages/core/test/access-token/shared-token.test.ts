import { createSharedToken, type Bearer } from '@relais/core'
import { eventually } from '@relais/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { dueToken, goodToken, HOUR, token, tokenFixture } from './fixture.ts'

const use = async ({ accessToken }: Bearer) => accessToken.reveal()
const never = () => undefined

function setup(options: { useMarginMs?: number } = {}) {
  const fixture = tokenFixture()
  const { vault, app, clock } = fixture
  const startedAt = Date.now()
  const now = () => startedAt + clock.aheadMs
  let reads = 0
  const told = { concerns: 0, refused: [] as number[] }
  const shared = createSharedToken({
    vault: { ...vault, read: () => ((reads += 1), vault.read()) },
    app,
    useMarginMs: options.useMarginMs ?? 0,
    renewBeforeMs: undefined,
    now,
    elapsed: now,
    onConcern: () => void (told.concerns += 1),
    onRefused: ({ version }) => told.refused.push(version),
  })
  onTestFinished(() => shared.close())
  return { ...fixture, now, shared, told, reads: () => reads }
}

describe('the use of the token', () => {
  it('costs no call to Redis in the steady state, and never waits for one', async () => {
    const { vault, shared, reads, clock } = setup()
    await vault.bootstrap(goodToken())
    await Promise.all(Array.from({ length: 100 }, () => shared.withAccessToken(use, never)))
    clock.aheadMs += 999
    for (let i = 0; i < 100; i += 1) await shared.withAccessToken(use, never)
    expect(reads()).toBe(1)
    clock.aheadMs += 1
    for (let i = 0; i < 100; i += 1) await shared.withAccessToken(use, never)
    expect(reads()).toBe(2)
  })

  it('a change is pushed to every process', async () => {
    const { vault, commit, newProcess } = tokenFixture()
    await vault.bootstrap(goodToken())
    const processes = [newProcess().shared, newProcess().shared]
    const inUse = () => Promise.all(processes.map((shared) => shared.withAccessToken(use, never)))
    for (const shared of processes) shared.start()
    expect(await inUse()).toEqual(['first', 'first'])
    await commit({ ...goodToken('by hand'), source: 'manual' })
    const changedAt = Date.now()
    await eventually(inUse, (texts) => texts.every((text) => text === 'by hand'), { everyMs: 5 })
    expect(Date.now() - changedAt).toBeLessThan(1000)
  })

  it('a change whose word got lost is found within a second', async () => {
    const { shared, vault, commit, clock } = setup()
    await vault.bootstrap(goodToken())
    expect(await shared.withAccessToken(use, never)).toBe('first')
    await commit({ ...goodToken('by hand'), source: 'manual' })
    clock.aheadMs += 1000
    await eventually(
      () => shared.withAccessToken(use, never),
      (text) => text === 'by hand',
      { everyMs: 5 },
    )
  })

  it('wakes those who wait for a token the moment one comes', async () => {
    const { newProcess, commit } = tokenFixture()
    const { shared } = newProcess()
    shared.start()
    const signal = new AbortController()
    const waiting = [1, 2, 3].map(() => shared.untilAvailable(20_000, signal.signal))
    await commit(goodToken())
    expect(await Promise.all(waiting)).toEqual([true, true, true])
    expect(await shared.untilAvailable(0, signal.signal)).toBe(true)
  })

  it('gives up waiting for a token after its time, or when it is told to stop', async () => {
    const { shared } = setup()
    const signal = new AbortController()
    expect(await shared.untilAvailable(1, signal.signal)).toBe(false)
    const waiting = shared.untilAvailable(20_000, signal.signal)
    signal.abort()
    expect(await waiting).toBe(false)
  })

  it('near the end of its life a better one is taken, and if there is none the present one is used', async () => {
    const { shared, vault, commit, clock, now } = setup({ useMarginMs: 300_000 })
    await vault.bootstrap(token('first', { expiresAt: now() + HOUR }))
    await shared.withAccessToken(use, never)
    clock.aheadMs += HOUR - 100_000
    expect(await shared.withAccessToken(use, never)).toBe('first')
    await commit(token('second', { expiresAt: now() + HOUR }))
    clock.aheadMs += 1000
    expect(await shared.withAccessToken(use, never)).toBe('second')
  })

  it('an expired token is not used', async () => {
    const { shared, vault } = setup()
    await vault.bootstrap(token('first', { expiresAt: Date.now() - 1 }))
    expect(await shared.isAvailable()).toBe(false)
    expect(await shared.withAccessToken(use, never)).toBeUndefined()
    expect(await shared.secondsLeft()).toBe(0)
  })

  it('one that Meta refuses is marked once for all, and the newer one of another process used at once', async () => {
    const { shared, vault, commit, told, record } = setup()
    await vault.bootstrap(goodToken())
    await shared.withAccessToken(use, never)
    await commit(goodToken('second'))
    const used: string[] = []
    const note = async (bearer: Bearer) => {
      used.push(bearer.accessToken.reveal())
      return bearer.accessToken.reveal()
    }
    expect(await shared.withAccessToken(note, (text) => (text === 'first' ? '190' : undefined))).toBe(
      'second',
    )
    expect(used).toEqual(['first', 'second'])
    expect(told.refused).toEqual([1])
    expect((await record()).tokens).toMatchObject([{ version: 2 }, { refusedAt: expect.any(Number) }])
  })

  it('goes back to the one before when Meta refuses the newest, and ends when none is left', async () => {
    const { shared, vault, commit, told, state } = setup()
    await vault.bootstrap(goodToken())
    await commit(goodToken('second'))
    const used: string[] = []
    const note = async (bearer: Bearer) => {
      used.push(bearer.accessToken.reveal())
      return 'refused'
    }
    expect(await shared.withAccessToken(note, () => '190')).toBe('refused')
    expect(used).toEqual(['second', 'first'])
    expect(told.refused).toEqual([2, 1])
    expect(await shared.isAvailable()).toBe(false)
    expect(await state()).toBe('invalid')
  })

  it('is never one that was refused before, though the record was being read meanwhile', async () => {
    const { vault, app, commit } = tokenFixture()
    let noted = () => {}
    const isNoted = new Promise<void>((resolve) => (noted = resolve))
    let isSlow = false
    const shared = createSharedToken({
      vault: {
        ...vault,
        async read() {
          const record = await vault.read()
          if (isSlow) await isNoted
          return record
        },
        async noteRefusal(...refusal) {
          const isFirst = await vault.noteRefusal(...refusal)
          noted()
          return isFirst
        },
      },
      app,
      useMarginMs: 0,
      renewBeforeMs: undefined,
    })
    onTestFinished(() => shared.close())
    await vault.bootstrap(goodToken())
    await commit(goodToken('second'))
    await shared.refresh()
    isSlow = true
    const used: string[] = []
    await shared.withAccessToken(
      async ({ accessToken }) => {
        used.push(accessToken.reveal())
        if (used.length === 1) {
          shared.refresh().catch(() => undefined)
          // What it finds was read by then.
          await vault.read()
        }
        return accessToken.reveal()
      },
      (text) => (text === 'second' ? '190' : undefined),
    )
    expect(used).toEqual(['second', 'first'])
  })

  it('asks for a round when it finds that renewal is due, or that there is no token', async () => {
    const { shared, vault, told } = setup()
    expect(await shared.isAvailable()).toBe(false)
    expect(told.concerns).toBe(1)
    await vault.bootstrap(dueToken())
    await shared.refresh()
    expect(await shared.withAccessToken(use, never)).toBe('first')
    expect(told.concerns).toBe(2)
  })

  it('the heartbeat finds it as well, without any use', async () => {
    const { newProcess, vault, told } = tokenFixture()
    await vault.bootstrap(dueToken())
    newProcess().shared.start()
    await eventually(
      () => told,
      (all) => all.includes('concern'),
    )
  })

  it('carries the app secret along, for those who sign their calls', async () => {
    const { shared, vault } = setup()
    await vault.bootstrap(goodToken())
    const secret = await shared.withAccessToken(async ({ appSecret }) => appSecret?.reveal(), never)
    expect(secret).toBe('app secret')
  })
})
