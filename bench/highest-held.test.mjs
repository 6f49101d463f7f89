import { expect, test } from 'vitest'
import { highestHeld } from './workloads/highest-held.mjs'

const MOST = 34

test('the highest place that holds is found from wherever the search begins, also when the first does not hold', async () => {
  for (const truth of [-1, 0, 1, 16, 32, 33])
    for (const from of [0, 16, 33])
      for (const stride of [1, 4]) expect((await search(truth, { from, stride })).found).toBe(truth)
})

test('a search that begins at the answer asks for two places', async () => {
  expect(await search(16, { from: 16, stride: 1 })).toEqual({ found: 16, asked: [16, 17] })
})

async function search(truth, how) {
  const asked = []
  const holds = async (place) => {
    asked.push(place)
    return place <= truth
  }
  return { found: await highestHeld({ ...how, most: MOST, holds }), asked }
}
