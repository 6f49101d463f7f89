import { eventually } from '@relais/testing'
import { expect, it, onTestFinished } from 'vitest'
import { watchForStalls } from './stall-watch.ts'

it('a process that did nothing for over a second hears so, once', async () => {
  const held: number[] = []
  const watch = watchForStalls((heldMs) => held.push(heldMs))
  onTestFinished(() => watch.close())
  const until = performance.now() + 1500
  while (performance.now() < until);
  await eventually(
    () => held,
    ({ length }) => length > 0,
  )
  // It may have looked just before, or nearly a look before.
  expect(held[0]).toBeGreaterThanOrEqual(1000)
  expect(held).toHaveLength(1)
})
