import { expect, it } from 'vitest'
import { createGrouped } from './grouped.ts'

/** A call that answers when it is told to. */
function slowCall() {
  const groups: { items: number[]; answer: () => void; fail: () => void }[] = []
  const call = (items: number[]) =>
    new Promise<string[]>((resolve, reject) =>
      groups.push({
        items,
        answer: () => resolve(items.map((item) => `to ${item}`)),
        fail: () => reject(new Error('lost')),
      }),
    )
  return { groups, call }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

it('makes one call of what is asked at the same moment, and gives each its own answer', async () => {
  const { groups, call } = slowCall()
  const ask = createGrouped({ call, most: 10, inFlight: 1 })
  const answers = Promise.all([ask(1), ask(2), ask(3)])
  await turn()
  expect(groups.map(({ items }) => items)).toEqual([[1, 2, 3]])
  groups[0]?.answer()
  expect(await answers).toEqual(['to 1', 'to 2', 'to 3'])
})

it('gathers while enough calls are on their way, and makes no group larger than it may be', async () => {
  const { groups, call } = slowCall()
  const ask = createGrouped({ call, most: 2, inFlight: 2 })
  const first = Promise.all([1, 2, 3].map(ask))
  await turn()
  const later = Promise.all([4, 5].map(ask))
  await turn()
  expect(groups.map(({ items }) => items)).toEqual([[1, 2], [3]])
  groups[0]?.answer()
  await turn()
  expect(groups.map(({ items }) => items)).toEqual([[1, 2], [3], [4, 5]])
  for (const { answer } of groups) answer()
  expect([...(await first), ...(await later)]).toEqual([1, 2, 3, 4, 5].map((item) => `to ${item}`))
})

it('fails those whose call fails and those that wait behind it, and goes on', async () => {
  const { groups, call } = slowCall()
  const ask = createGrouped({ call, most: 1, inFlight: 1 })
  const lost = Promise.allSettled([ask(1), ask(2)])
  await turn()
  groups[0]?.fail()
  expect((await lost).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const kept = ask(3)
  await turn()
  groups[1]?.answer()
  expect(await kept).toBe('to 3')
})

it('leaves out, and rejects, what was given up before its group was formed', async () => {
  const { groups, call } = slowCall()
  const late = new AbortController()
  const lateOf = (item: number) => (item === 3 ? late.signal : undefined)
  const ask = createGrouped({ call, most: 2, inFlight: 1, lateOf })
  const first = ask(1)
  await turn()
  const [kept, given] = [ask(2), ask(3)]
  late.abort()
  groups[0]?.answer()
  await expect(given).rejects.toThrow('given up before it was asked')
  expect(groups.map(({ items }) => items)).toEqual([[1], [2]])
  groups[1]?.answer()
  expect(await Promise.all([first, kept])).toEqual(['to 1', 'to 2'])
})
