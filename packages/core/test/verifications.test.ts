import {
  createReseal,
  createSealedPlaces,
  createSealer,
  MOST_WRONG,
  MOST_WRONG_IN_A_ROW,
  RESEND_AFTER_MS,
  resendsLeft,
  statusAt,
  type CheckResult,
} from '@relais/core'
import { describe, expect, it } from 'vitest'
import { newKey, verificationFixture } from './verification-fixture.ts'

const CODE = '482913'

/** So many guesses that are not the code, each another one. */
function wrongGuesses(count: number, code = CODE): string[] {
  const guesses: string[] = []
  for (let n = 0; guesses.length < count; n += 1) {
    const guess = String(n).padStart(6, '0')
    if (guess !== code) guesses.push(guess)
  }
  return guesses
}

const kindsOf = (results: CheckResult[]) => results.map(({ kind }) => kind)
const countOf = (results: CheckResult[], kind: CheckResult['kind']) =>
  kindsOf(results).filter((each) => each === kind).length

describe('an answer', () => {
  it('that is right ends the verification, once, and names its messages', async () => {
    const { start, check, verifications } = verificationFixture()
    const { id, message } = await start(CODE)
    expect(await check(id, CODE)).toEqual({ kind: 'right', isRepeat: false, messageIds: [message.id] })
    expect(await check(id, CODE)).toEqual({ kind: 'ended' })
    expect(await check(id, '000000')).toEqual({ kind: 'ended' })
    expect(await verifications.read(id)).toMatchObject({ status: 'verified', wrong: 0 })
  })

  it('that is wrong is told how many are left; the fifth ends it, and then the right one is too late', async () => {
    const { start, check, verifications } = verificationFixture()
    const { id } = await start(CODE)
    const results = []
    for (const guess of wrongGuesses(MOST_WRONG)) results.push(await check(id, guess))
    expect(results.map((each) => each.kind === 'wrong' && each.attemptsLeft)).toEqual([4, 3, 2, 1, 0])
    expect(await check(id, CODE)).toEqual({ kind: 'ended' })
    expect(await verifications.read(id)).toMatchObject({ status: 'ended', wrong: MOST_WRONG })
  })

  it('that is right works after four wrong ones', async () => {
    const { start, check } = verificationFixture()
    const { id } = await start('000042')
    for (const guess of ['42', '0042', '000024', '482913'])
      expect((await check(id, guess)).kind).toBe('wrong')
    expect((await check(id, '000042')).kind).toBe('right')
  })

  it("to what is not there, or another app's, or of the other kind of key, counts for nobody", async () => {
    const { start, check, verifications } = verificationFixture()
    const { id } = await start(CODE)
    expect(await check('ver_0123456789012345678901', CODE)).toEqual({ kind: 'none' })
    for (const world of ['shop', 'wallet test', '']) {
      expect(await check(id, CODE, { world })).toEqual({ kind: 'none' })
      for (const guess of wrongGuesses(10)) await check(id, guess, { world })
    }
    expect(await verifications.read(id)).toMatchObject({ status: 'pending', wrong: 0 })
    expect((await check(id, CODE)).kind).toBe('right')
  })

  it('after the deadline is too late, by the clock of Redis, and it can be told that it was there', async () => {
    const { start, check, setLeft, redis, keys } = verificationFixture()
    const { id, expiresAt } = await start(CODE)
    expect(await redis.pexpiretime(keys.verification(id))).toBe(expiresAt + 3600_000)
    expect(await redis.pexpiretime(keys.verificationCode(id))).toBe(expiresAt)
    await setLeft(id, 0)
    expect(await check(id, CODE)).toEqual({ kind: 'ended' })
  })

  it.each(['used', 'canceled'] as const)('to one whose message the app has %s is too late', async (to) => {
    const { start, check, store } = verificationFixture()
    const { id, message } = await start(CODE)
    await store.move(message.id, { to })
    expect(await check(id, CODE)).toEqual({ kind: 'ended' })
  })

  it('is compared with a code that was made under an older key of the ring, too', async () => {
    const [old, young] = [newKey('k1'), newKey('k2')]
    const { start, of } = verificationFixture([old])
    const { id } = await start(CODE)
    const after = of([young, old])
    expect((await after.check({ id, world: 'wallet', guess: '000000' })).kind).toBe('wrong')
    expect(await after.codeOf(id)).toBe(CODE)
    expect((await after.check({ id, world: 'wallet', guess: CODE })).kind).toBe('right')
  })

  it('keeps its code to send again when the older key goes, once that is sealed anew', async () => {
    const [old, young] = [newKey('k1'), newKey('k2')]
    const { start, of, redis, keys } = verificationFixture([old])
    const { id, expiresAt } = await start(CODE)
    const places = createSealedPlaces({ redis, keys, senderId: undefined })
    const { reseal, count } = createReseal({ redis, sealer: createSealer([young, old]), places })
    expect(await count()).toMatchObject({ k1: { 'codes of verifications': 1 } })
    await reseal()
    expect(await of([young]).codeOf(id)).toBe(CODE)
    expect(await redis.pexpiretime(keys.verificationCode(id))).toBe(expiresAt)
    // The digest cannot be made anew: its key has to stay as long as the code lives.
    expect((await of([young]).check({ id, world: 'wallet', guess: CODE })).kind).toBe('wrong')
  })

  it('that is repeated as the same request is told the same, and is not counted again', async () => {
    const { start, check, verifications } = verificationFixture()
    const { id } = await start(CODE)
    const wrong = await check(id, '000000', { repeat: 'a' })
    for (let i = 0; i < 20; i += 1) {
      expect(await check(id, '000000', { repeat: 'a' })).toEqual({ ...wrong, isRepeat: true })
    }
    expect(await check(id, '000001', { repeat: 'a' })).toMatchObject({ attemptsLeft: 3, isRepeat: false })
    expect(await check(id, CODE, { repeat: 'b' })).toMatchObject({ kind: 'right', isRepeat: false })
    expect(await check(id, CODE, { repeat: 'b' })).toMatchObject({ kind: 'right', isRepeat: true })
    expect(await check(id, CODE, { repeat: 'c' })).toEqual({ kind: 'ended' })
    expect(await check(id, '000009', { repeat: 'b' })).toEqual({ kind: 'ended' })
    expect(await verifications.read(id)).toMatchObject({ wrong: 2 })
  })
})

describe('many answers at once', () => {
  it('a right one works exactly once of fifty', async () => {
    const { start, check } = verificationFixture()
    for (let round = 0; round < 20; round += 1) {
      const { id } = await start(CODE)
      const results = await Promise.all(Array.from({ length: 50 }, () => check(id, CODE)))
      expect(countOf(results, 'right')).toBe(1)
      expect(countOf(results, 'ended')).toBe(49)
    }
  })

  it('of twenty-five right and as many wrong ones at most one is right, and at most five are told wrong', async () => {
    const { start, check } = verificationFixture()
    for (let round = 0; round < 20; round += 1) {
      const { id } = await start(CODE)
      const guesses = wrongGuesses(25).flatMap((wrong) => (round % 2 ? [CODE, wrong] : [wrong, CODE]))
      const results = await Promise.all(guesses.map((guess) => check(id, guess)))
      expect(countOf(results, 'right')).toBe(1)
      expect(countOf(results, 'wrong')).toBeLessThanOrEqual(MOST_WRONG)
      expect((await check(id, CODE)).kind).toBe('ended')
    }
  })

  it('of 100,000 wrong ones at 2,000 verifications no verification takes more than five', async () => {
    const { start, check, verifications } = verificationFixture()
    const guesses = wrongGuesses(50)
    let told = 0
    for (let part = 0; part < 20; part += 1) {
      const started = await Promise.all(Array.from({ length: 100 }, () => start(CODE)))
      // By turns, so that those at one verification meet those at the others.
      const asked = guesses.flatMap((guess) => started.map(({ id }) => ({ id, guess })))
      const results = await Promise.all(asked.map(({ id, guess }) => check(id, guess)))
      const perVerification = new Map<string, number>()
      for (const [i, { kind }] of results.entries()) {
        const { id } = asked[i] ?? { id: '' }
        if (kind === 'wrong') perVerification.set(id, (perVerification.get(id) ?? 0) + 1)
      }
      expect([...perVerification.values()]).toEqual(Array.from({ length: 100 }, () => MOST_WRONG))
      expect(countOf(results, 'ended')).toBe(results.length - 100 * MOST_WRONG)
      told += results.length
      const records = await Promise.all(started.map(({ id }) => verifications.read(id)))
      expect(records.every((record) => record?.status === 'ended' && record.wrong === MOST_WRONG)).toBe(true)
      const late = await Promise.all(started.map(({ id }) => check(id, CODE)))
      expect(countOf(late, 'ended')).toBe(100)
    }
    expect(told).toBe(100_000)
  }, 300_000)
})

describe('wrong answers in a row for one recipient', () => {
  const to = '+221771234567'

  it(`are ${MOST_WRONG_IN_A_ROW} at most, over all verifications: a new code begins no new count`, async () => {
    const { start, check, verifications } = verificationFixture()
    const started = await Promise.all(Array.from({ length: 30 }, () => start(CODE, { to })))
    const asked = started.flatMap(({ id }) => wrongGuesses(10).map((guess) => check(id, guess)))
    const results = await Promise.all(asked)
    expect(countOf(results, 'wrong')).toBe(MOST_WRONG_IN_A_ROW)
    const { id } = await start(CODE, { to })
    expect(await check(id, CODE)).toEqual({ kind: 'ended' })
    const waitMs = await verifications.untilStart('wallet', to)
    expect(waitMs).toBeGreaterThan(86_000_000)
    expect(waitMs).toBeLessThanOrEqual(86_400_000)
    expect(await verifications.untilStart('shop', to)).toBe(0)
    expect(await verifications.untilStart('wallet', '+221771234568')).toBe(0)
  })

  it('begin anew after a right one', async () => {
    const { start, check, verifications } = verificationFixture()
    for (let round = 0; round < 4; round += 1) {
      for (let i = 0; i < 12; i += 1) {
        const { id } = await start(CODE, { to })
        for (const guess of wrongGuesses(4)) expect((await check(id, guess)).kind).toBe('wrong')
        if (i === 11) expect((await check(id, CODE)).kind).toBe('right')
      }
    }
    expect(await verifications.untilStart('wallet', to)).toBe(0)
  })

  it('are not counted with a test key', async () => {
    const { start, check, redis, keys } = verificationFixture()
    const world = 'wallet test'
    for (let i = 0; i < 25; i += 1) {
      const { id } = await start(CODE, { to, isTest: true })
      for (const guess of wrongGuesses(5)) expect((await check(id, guess, { world })).kind).toBe('wrong')
    }
    const { id } = await start(CODE, { to, isTest: true })
    expect((await check(id, CODE, { world })).kind).toBe('right')
    expect(await redis.exists(keys.wrongInARow(''))).toBe(0)
    expect(await redis.pttl(keys.verification(id))).toBeLessThanOrEqual(3600_000)
  })
})

describe('a resend', () => {
  it('comes after 30, 60 and 120 s, three times', async () => {
    const { start, reserve, verifications, redis, keys } = verificationFixture()
    const { id, message } = await start(CODE)
    const waits: number[] = []
    const ids = [message.id]
    for (const [resends, afterMs] of RESEND_AFTER_MS.entries()) {
      const early = await reserve(id)
      waits.push(early.kind === 'too-soon' ? Math.round(early.waitMs / 1000) : 0)
      await redis.hincrby(keys.verification(id), 'resendAt', -afterMs)
      const reserved = await reserve(id)
      if (reserved.kind !== 'reserved') throw new Error(reserved.kind)
      expect(reserved.before).toMatchObject({ resends, messageIds: ids })
      ids.push((await verifications.read(id))?.messageIds.at(-1) ?? '')
    }
    expect(waits).toEqual([30, 60, 120])
    expect(new Set(ids).size).toBe(4)
    const record = await verifications.read(id)
    expect(record && resendsLeft(record)).toBe(0)
    const fourth = await reserve(id)
    expect(fourth.kind === 'too-soon' && fourth.waitMs).toBeGreaterThan(200_000)
  })

  it('gives no try back: wrong answers add up over all of them', async () => {
    const { start, check, reserve, mayResend } = verificationFixture()
    const { id } = await start(CODE)
    const guesses = wrongGuesses(6)
    const left: unknown[] = []
    for (let i = 0; i < 3; i += 1) {
      const result = await check(id, guesses[i] ?? '')
      left.push(result.kind === 'wrong' && result.attemptsLeft)
      await mayResend(id)
      expect((await reserve(id)).kind).toBe('reserved')
    }
    for (const guess of guesses.slice(3, 5)) {
      const result = await check(id, guess)
      left.push(result.kind === 'wrong' && result.attemptsLeft)
    }
    expect(left).toEqual([4, 3, 2, 1, 0])
    expect(await check(id, CODE)).toEqual({ kind: 'ended' })
    await mayResend(id)
    expect(await reserve(id)).toEqual({ kind: 'ended' })
  })

  it('has the same code, as long as there is one to be right', async () => {
    const { start, check, reserve, mayResend, verifications, redis, keys } = verificationFixture()
    const [right, wrong] = [await start(CODE), await start('000042')]
    await mayResend(right.id)
    await reserve(right.id)
    expect(await verifications.codeOf(right.id)).toBe(CODE)
    expect((await check(right.id, CODE)).kind).toBe('right')
    for (const guess of wrongGuesses(5)) await check(wrong.id, guess)
    for (const { id } of [right, wrong]) {
      expect(await verifications.codeOf(id)).toBeUndefined()
      expect(await redis.exists(keys.verificationCode(id))).toBe(0)
    }
  })

  it('is one of many that come at once, and one of those that are repeats of it', async () => {
    const { start, reserve, mayResend, verifications } = verificationFixture()
    const { id } = await start(CODE)
    await mayResend(id)
    const results = await Promise.all(Array.from({ length: 30 }, () => reserve(id)))
    expect(results.filter(({ kind }) => kind === 'reserved')).toHaveLength(1)
    expect(results.filter(({ kind }) => kind === 'too-soon')).toHaveLength(29)
    await mayResend(id)
    const twins = await Promise.all(Array.from({ length: 30 }, () => reserve(id, { repeat: 'a' })))
    expect(twins.filter(({ kind }) => kind === 'reserved')).toHaveLength(1)
    expect(twins.filter(({ kind }) => kind === 'repeat')).toHaveLength(29)
    expect(new Set(twins.map((each) => ('seed' in each ? each.seed : ''))).size).toBe(1)
    expect((await verifications.read(id))?.messageIds).toHaveLength(3)
  })

  it('with which nothing was sent is taken back, that one and no other', async () => {
    const { start, reserve, mayResend, verifications } = verificationFixture()
    const { id } = await start(CODE)
    await mayResend(id)
    const before = await verifications.read(id)
    const reserved = await reserve(id)
    if (reserved.kind !== 'reserved') throw new Error(reserved.kind)
    await verifications.giveBack('another', reserved.before)
    expect((await verifications.read(id))?.resends).toBe(1)
    await verifications.giveBack(reserved.seed, reserved.before)
    expect(await verifications.read(id)).toEqual(before)
    expect((await reserve(id)).kind).toBe('reserved')
  })

  it('is not for what is over, nearly over, or not the own', async () => {
    const { start, reserve, mayResend, setLeft, store } = verificationFixture()
    const started = await Promise.all([start(CODE), start(CODE), start(CODE)])
    const [near, gone, ended] = started
    for (const { id } of started) await mayResend(id)
    expect(await reserve(near.id, { world: 'shop' })).toEqual({ kind: 'none' })
    expect(await reserve('ver_none')).toEqual({ kind: 'none' })
    await setLeft(near.id, 29_000)
    await setLeft(gone.id, -1)
    await store.move(ended.message.id, { to: 'used' })
    for (const { id } of started) expect(await reserve(id)).toEqual({ kind: 'ended' })
  })

  it('that races with right and wrong answers and the deadline changes nothing of what they allow', async () => {
    const { start, check, reserve, mayResend, setLeft, verifications } = verificationFixture()
    for (let round = 0; round < 40; round += 1) {
      const { id } = await start(CODE)
      await mayResend(id)
      const answers = [...wrongGuesses(8), CODE].map((guess) => () => check(id, guess))
      const others = [() => reserve(id), () => reserve(id), () => setLeft(id, round % 3 === 0 ? 0 : 300_000)]
      const order = [...answers, ...others].toSorted(() => Math.random() - 0.5)
      const results = (await Promise.all(order.map((each) => each()))) as (CheckResult | undefined)[]
      const checked = results.filter((each): each is CheckResult => each !== undefined)
      expect(countOf(checked, 'wrong')).toBeLessThanOrEqual(MOST_WRONG)
      expect(countOf(checked, 'right')).toBeLessThanOrEqual(1)
      const record = await verifications.read(id)
      expect(record?.wrong).toBeLessThanOrEqual(MOST_WRONG)
      const isOver = countOf(checked, 'right') === 1 || record?.wrong === MOST_WRONG || round % 3 === 0
      expect(record && statusAt(record, Date.now()) !== 'pending').toBe(isOver)
    }
  })
})

describe('in Redis', () => {
  it('there is a verification if and only if its message is new, and it stays as it was first', async () => {
    const { start, accept, verifications, check } = verificationFixture()
    const { id, message } = await start(CODE)
    const other = verifications.birthOf(message, 'wallet', '000000')
    expect(await accept(message, 'sealed', { verification: other })).toMatchObject({ kind: 'earlier' })
    expect((await check(id, '000000')).kind).toBe('wrong')
    expect((await check(id, CODE)).kind).toBe('right')
  })

  it('of messages that are taken in together each has its own', async () => {
    const { start, accept, check, store } = verificationFixture()
    const { message } = await start(CODE)
    const codes = Array.from({ length: 40 }, (_, i) => String(100_000 + i))
    const started = await Promise.all(
      codes.flatMap((code, i) => [
        start(code),
        ...(i % 3 === 0 ? [accept({ ...message, id: `msg_plain${i}` }, 'sealed').then(() => undefined)] : []),
      ]),
    )
    const verified = started.filter((each) => each !== undefined)
    for (const [i, { id, message: own }] of verified.entries()) {
      expect(await store.read(own.id)).toMatchObject({ to: own.to })
      expect((await check(id, codes[i] ?? '')).kind).toBe('right')
    }
  })

  it('nothing tells the code, or the number, or the same of two codes that are the same', async () => {
    const { start, check, reserve, mayResend, redis, keys } = verificationFixture()
    const code = '9173640825'
    const first = await start(code, { to: '+221771234567' })
    const second = await start(code, { to: '+221771234567' })
    await mayResend(first.id)
    await reserve(first.id, { repeat: 'a' })
    await check(first.id, '9173640826', { repeat: 'b' })
    const records = await Promise.all([first, second].map(({ id }) => redis.hgetall(keys.verification(id))))
    const sealed = await Promise.all([first, second].map(({ id }) => redis.get(keys.verificationCode(id))))
    const everything = JSON.stringify([records, sealed])
    for (const secret of [code, '9173640826', '221771234567']) expect(everything).not.toContain(secret)
    expect(records[0]?.['code']).not.toBe(records[1]?.['code'])
    expect(sealed[0]).not.toBe(sealed[1])
  })
})
