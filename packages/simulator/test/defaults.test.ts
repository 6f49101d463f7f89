import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { profilesByName } from '../src/index.ts'
import { readSettings } from '../src/settings.ts'
import { timings } from '../src/world/timing.ts'
import { codeFor, createReceiver, eventually, online, setup, textFor } from './setup.ts'

const numbers = Array.from({ length: 100 }, (_, nth) => `+22177123${2000 + nth}`)
const none = { min: 0, max: 0 }
const stopped = { startAt: Date.parse('2026-11-22T18:00:00Z'), speed: 0 }

test('webhooks of the process come twice and out of order now and then, unless told otherwise', async () => {
  const { settings } = readSettings({})
  const { duplicateProbability = 0, swapProbability = 0, earlyProbability = 0 } = settings?.options ?? {}
  expect(Math.min(duplicateProbability, swapProbability, earlyProbability)).toBeGreaterThan(0)
  const receiver = await createReceiver()
  const { simulator, send } = await setup({
    webhookUrl: receiver.url,
    seed: 1,
    clock: stopped,
    throughputPerSecond: 0,
    timing: { ...timings.quick, answer: none },
    duplicateProbability,
    swapProbability,
  })
  await Promise.all(numbers.map((number) => send(codeFor(number))))
  simulator.clock.advance(60_000)
  const statuses = await eventually(
    () => receiver.webhooks.map(({ status }) => status),
    ({ length }) => length >= 3 * numbers.length,
  )
  const seen = new Map<string, string[]>()
  for (const { id, status } of statuses) seen.set(id, [...(seen.get(id) ?? []), status])
  const orders = [...seen.values()].map((order) => order.join(' '))
  expect(orders.filter((order) => order !== 'sent delivered read').length).toBeGreaterThan(0)
})

test('no send is answered with 131026, whoever it is for', async () => {
  const { simulator, send } = await setup({ pairLimit: false, throughputPerSecond: 0 })
  for (const profile of profilesByName.keys()) {
    if (profile.startsWith('reset') || profile === 'answer lost') continue
    simulator.recipients.set(online, { profile })
    for (const message of [codeFor(online), textFor(online)])
      expect((await send(message)).body.error?.code, profile).not.toBe(131026)
  }
})

test('the realistic statuses keep to their times', async () => {
  const timing = { ...timings.realistic, answer: none }
  const { simulator, send } = await setup({ timing, clock: stopped, throughputPerSecond: 0 })
  await Promise.all(numbers.map((number) => send(codeFor(number))))
  simulator.clock.advance(600_000)
  const seconds = { sent: [0.3, 1], delivered: [0.5, 5], read: [5, 120] } as const
  for (const { acceptedAt, statuses } of simulator.messages())
    for (const { status, at } of statuses) {
      const [least, most] = status === 'failed' ? [0, 0] : seconds[status]
      expect((at - acceptedAt) / 1000, status).toBeGreaterThanOrEqual(least)
      expect((at - acceptedAt) / 1000, status).toBeLessThanOrEqual(most)
    }
})

test('every assumption of the README says how sure it is', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const [, assumptions = ''] = readme.split('\n## Assumptions\n')
  const rows = (assumptions.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| '))
  expect(rows.length).toBeGreaterThan(30)
  for (const row of rows.slice(2)) expect(row).toMatch(/\| (A|B|C|\?|project choice)[^|]*\|$/)
})
