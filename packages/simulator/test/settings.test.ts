import { expect, test } from 'vitest'
import { readSettings } from '../src/settings.ts'
import { timings } from '../src/index.ts'

function optionsOf(env: Record<string, string>) {
  const { settings, faults } = readSettings(env)
  if (faults !== undefined) throw new Error(faults.join('\n'))
  return settings.options
}

test('the process is quick and its webhooks untidy, unless it is told otherwise', () => {
  expect(optionsOf({})).toMatchObject({
    timing: timings.quick,
    duplicateProbability: 0.01,
    swapProbability: 0.05,
    earlyProbability: 0.01,
    webhookVerifyToken: undefined,
    seed: undefined,
  })
})

test('timing, seed and verify token come from the environment', () => {
  const env = {
    SIMULATOR_TIMING: 'realistic',
    SIMULATOR_SEED: '0',
    SIMULATOR_WEBHOOK_URL: 'http://127.0.0.1:3000/hook',
    SIMULATOR_WEBHOOK_VERIFY_TOKEN: 's3cret',
  }
  expect(optionsOf(env)).toMatchObject({
    timing: timings.realistic,
    seed: 0,
    webhookUrl: 'http://127.0.0.1:3000/hook',
    webhookVerifyToken: 's3cret',
  })
})

test('a fixed latency replaces that of the timing', () => {
  const { timing } = optionsOf({ SIMULATOR_TIMING: 'realistic', SIMULATOR_LATENCY_MS: '5' })
  expect(timing).toEqual({ ...timings.realistic, answer: { min: 5, max: 5 } })
})

test.each([
  ['SIMULATOR_TIMING', 'toString'],
  ['SIMULATOR_TIMING', 'slow'],
  ['SIMULATOR_SEED', '-1'],
  ['SIMULATOR_SEED', '4294967296'],
  ['SIMULATOR_WEBHOOK_VERIFY_TOKEN', 'a b'],
])('%s=%s is a fault', (name, value) => {
  const { faults } = readSettings({ [name]: value })
  expect(faults).toEqual([expect.stringMatching(new RegExp(`^${name} must .*for example`))])
})
