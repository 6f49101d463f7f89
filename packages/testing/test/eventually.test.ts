import { expect, test } from 'vitest'
import { eventually } from '@relais/testing'

test('a value that holds later is returned', async () => {
  let reads = 0
  const value = await eventually(
    () => (reads += 1),
    (count) => count >= 3,
    { everyMs: 1 },
  )
  expect(value).toBe(3)
})

test('a time-out names what was awaited and the last value', async () => {
  const waiting = eventually(
    () => ({ status: 'queued' }),
    ({ status }) => status === 'sent',
    { timeoutMs: 30, what: 'the message' },
  )
  await expect(waiting).rejects.toThrow(
    'the message did not come within 30 ms; last value: {"status":"queued"}',
  )
})

test('what the reader throws rises at once', async () => {
  const waiting = eventually(
    () => Promise.reject(new Error('gone')),
    () => true,
  )
  await expect(waiting).rejects.toThrow('gone')
})
