import { lookWhenUsed } from '@relais/core'
import { expect, it } from 'vitest'

function setup() {
  const clock = { ms: 0 }
  const errors: string[] = []
  const answers: { come: () => void; fail: (error: Error) => void }[] = []
  const look = () => new Promise<void>((come, fail) => answers.push({ come, fail }))
  const use = lookWhenUsed(
    look,
    { aheadMs: 1000, mostMs: 2000 },
    ({ message }) => errors.push(message),
    () => clock.ms,
  )
  return {
    clock,
    errors,
    looks: () => answers.length,
    /** The answer to the last look. */
    answer: () => answers.at(-1)?.come(),
    fail: () => answers.at(-1)?.fail(new Error('away')),
    /** What was done, in its order: uses go on, and the look is answered. */
    async order(uses: number): Promise<string[]> {
      const done: string[] = []
      const going = Array.from({ length: uses }, () => use().then(() => done.push('use')))
      await Promise.resolve()
      done.push('answer')
      answers.at(-1)?.come()
      await Promise.all(going)
      return done
    },
    use,
  }
}

it('what was never looked at is waited for, in one look for all', async () => {
  const { order, looks } = setup()
  expect(await order(2)).toEqual(['answer', 'use', 'use'])
  expect(looks()).toBe(1)
})

it('what is young is used as it is; later a look is begun, and waited for only when it is too late', async () => {
  const { order, looks, clock } = setup()
  await order(1)
  clock.ms += 999
  expect(await order(2)).toEqual(['use', 'use', 'answer'])
  expect(looks()).toBe(1)
  clock.ms += 1
  expect(await order(2)).toEqual(['use', 'use', 'answer'])
  expect(looks()).toBe(2)
  clock.ms += 2000
  expect(await order(2)).toEqual(['answer', 'use', 'use'])
  expect(looks()).toBe(3)
})

it('is as old as the question, not as the answer', async () => {
  const { use, looks, answer, clock } = setup()
  const waiting = use()
  clock.ms += 1000
  answer()
  await waiting
  await use()
  expect(looks()).toBe(2)
})

it('a look that failed is told, holds nobody up, and is made again after as long', async () => {
  const { use, looks, fail, errors, clock } = setup()
  const waiting = use()
  fail()
  await waiting
  expect(errors).toEqual(['away'])
  await use()
  expect(looks()).toBe(1)
  clock.ms += 1000
  await use()
  expect(looks()).toBe(2)
})
