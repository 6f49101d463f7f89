import { expect, it } from 'vitest'
import { createLoginGuard } from '../src/login-guard.ts'

/** A guard whose waits are noted, and end when the test says so. */
function guardFixture() {
  let at = 0
  const waits: number[] = []
  let release: (() => void)[] = []
  let isHeld = false
  const wait = (ms: number) => {
    waits.push(ms)
    return isHeld ? new Promise<void>((resolve) => release.push(resolve)) : Promise.resolve()
  }
  const guard = createLoginGuard({ now: () => at, wait })
  const fail = async (times: number, address = '10.0.0.1') => {
    for (let i = 0; i < times; i += 1) await guard.pass(address, undefined)
  }
  return {
    guard,
    waits,
    fail,
    pass: (ms: number) => (at += ms),
    hold: () => (isHeld = true),
    letGo: () => {
      for (const each of release) each()
      release = []
    },
  }
}

it('a few failures cost nothing, more cost ever more time, up to a second', async () => {
  const { waits, fail } = guardFixture()
  await fail(30)
  expect(waits).toEqual([])
  await fail(40)
  expect(waits.slice(0, 3)).toEqual([50, 100, 150])
  expect(Math.max(...waits)).toBe(1000)
})

it('a right key waits as well, unless it was right from there before', async () => {
  const { guard, waits, fail, pass } = guardFixture()
  await guard.pass('10.0.0.1', 'known')
  await fail(40)
  const before = waits.length
  await guard.pass('10.0.0.1', 'known')
  expect(waits).toHaveLength(before)
  await guard.pass('10.0.0.1', 'new')
  expect(waits).toHaveLength(before + 1)
  await guard.pass('10.0.0.1', 'new')
  expect(waits).toHaveLength(before + 1)
  // An hour later it has to prove itself again.
  pass(3600_000)
  await fail(40)
  const later = waits.length
  await guard.pass('10.0.0.1', 'known')
  expect(waits).toHaveLength(later + 1)
})

it('other addresses are not held up, and after a quiet minute nobody is', async () => {
  const { guard, waits, fail, pass } = guardFixture()
  await fail(31)
  await guard.pass('10.0.0.2', 'any')
  expect(waits).toHaveLength(1)
  pass(60_000)
  await fail(30)
  expect(waits).toHaveLength(1)
})

it('no more than ten of an address wait at a time: the rest is refused at once', async () => {
  const { guard, fail, hold, letGo } = guardFixture()
  await fail(30)
  hold()
  const held = Array.from({ length: 10 }, () => guard.pass('10.0.0.1', undefined))
  await expect(guard.pass('10.0.0.1', undefined)).rejects.toMatchObject({
    statusCode: 429,
    code: 'login_limited',
    retryAfterSeconds: 5,
  })
  await expect(guard.pass('10.0.0.1', 'right')).rejects.toMatchObject({ code: 'login_limited' })
  letGo()
  await Promise.all(held)
})

it.for([
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff:1:2:3', true],
  ['2001:db8::1', '2001:db8:0:0:5::9', true],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
  ['::ffff:10.0.0.1', '::ffff:10.0.0.2', false],
  ['10.0.0.1', '10.0.0.2', false],
] as const)('one customer is one place: %s and %s: %s', async ([one, other, isSame]) => {
  const { waits, fail } = guardFixture()
  await fail(30, one)
  await fail(1, other)
  expect(waits.length > 0).toBe(isSame)
})

it('no number of addresses fills the memory', async () => {
  const { guard, waits, fail } = guardFixture()
  await fail(31, '10.0.0.1')
  for (let i = 0; i < 10_000; i += 1) await guard.pass(`11.${i >> 8}.0.${i & 255}`, undefined)
  await fail(1, '10.0.0.1')
  expect(waits).toHaveLength(1)
})
