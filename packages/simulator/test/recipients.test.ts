import { expect, test } from 'vitest'
import { codeFor, online, setup, template, body, textFor } from './setup.ts'
import type { SimulatorOptions } from '../src/index.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const TTL_SECONDS = 600
const start = Date.parse('2026-11-22T18:00:00Z')

/** A simulator whose time stands still: nothing happens but what a jump brings. */
async function standing(options: Partial<SimulatorOptions> = {}) {
  const bundle = await setup({ clock: { startAt: start, speed: 0 }, ...options })
  const { simulator, send } = bundle
  return {
    ...bundle,
    advance: simulator.clock.advance,
    /** Sends and lets a second pass. */
    async play(request: object) {
      expect((await send(request)).statusCode).toBe(200)
      simulator.clock.advance(1000)
    },
    /** The statuses of the nth message in a word each. */
    statuses: (nth = 0) =>
      simulator
        .messages()
        [nth]?.statuses.map(({ status, graphCode }) => `${status} ${graphCode ?? ''}`.trim()),
  }
}

test('a phone that is switched off gets what waited when it is on again, within the time to live', async () => {
  const { simulator, play, advance, statuses } = await standing()
  simulator.recipients.set(online, { isOff: true })
  await play(codeFor(online))
  expect(statuses()).toEqual(['sent'])
  advance((TTL_SECONDS - 2) * 1000)
  simulator.recipients.set(online, { isOff: false })
  advance(1000)
  expect(statuses()).toEqual(['sent', 'delivered', 'read'])
  const at = simulator.messages()[0]?.statuses.map((status) => (status.at - start) / 1000)
  expect(at).toEqual([0, TTL_SECONDS - 1, TTL_SECONDS - 1])
})

test('what waited longer than the time to live is dropped, and nobody hears of it', async () => {
  const { simulator, play, advance, statuses } = await standing()
  simulator.recipients.set(online, { isOff: true })
  await play(codeFor(online))
  advance(TTL_SECONDS * 1000)
  simulator.recipients.set(online, { isOff: false })
  advance(24 * HOUR)
  expect(statuses()).toEqual(['sent'])
})

test.each([131043, 131026] as const)(
  'a dropped message can be told as %i, at the moment it expires',
  async (expiresWith) => {
    const { simulator, play, advance, statuses } = await standing({ expiresWith })
    simulator.recipients.set(online, { isOff: true })
    await play(codeFor(online))
    advance((TTL_SECONDS - 2) * 1000)
    expect(statuses()).toEqual(['sent'])
    advance(1000)
    expect(statuses()).toEqual(['sent', `failed ${expiresWith}`])
    simulator.recipients.set(online, { isOff: false })
    advance(24 * HOUR)
    expect(statuses()).toEqual(['sent', `failed ${expiresWith}`])
  },
)

test('how a message expires can be set for some numbers only', async () => {
  const { simulator, play, advance, statuses } = await standing()
  simulator.recipients.set('+22177*', { isOff: true, expiresWith: 131043 })
  await play(codeFor(online))
  await play(codeFor('+221780000001'))
  advance(HOUR)
  expect([statuses(0), statuses(1)]).toEqual([['sent', 'failed 131043'], ['sent']])
})

test.each([
  [TTL_SECONDS - 60, ['sent', 'delivered', 'read']],
  [TTL_SECONDS + 60, ['sent']],
])('a phone that is off for %i s: %j', async (offForSeconds, expected) => {
  const { simulator, play, advance, statuses } = await standing()
  simulator.recipients.set(online, { offForSeconds })
  expect(simulator.recipients.switches(online)).toMatchObject({ isOff: true })
  await play(codeFor(online))
  advance((offForSeconds - 2) * 1000)
  expect(statuses()).toEqual(['sent'])
  advance(HOUR)
  expect(statuses()).toEqual(expected)
  expect(simulator.recipients.switches(online)).toMatchObject({ isOff: false })
})

test('a utility message waits thirty days for its phone', async () => {
  const templates = [{ name: 'order', language: 'fr', category: 'UTILITY', body: 'Bonjour {{1}}' } as const]
  const { simulator, play, advance, statuses } = await standing({ templates })
  simulator.recipients.set(online, { isOff: true })
  await play(codeFor(online, '', { template: template('order', 'fr', [body('Awa')]) }))
  advance(29 * 24 * HOUR)
  simulator.recipients.set(online, { isOff: false })
  advance(1000)
  expect(statuses()).toEqual(['sent', 'delivered', 'read'])
})

test('the phone of a number that ends in 0001 can be switched on', async () => {
  const { simulator, play, statuses } = await standing()
  const number = '+221771230001'
  expect(simulator.recipients.switches(number).isOff).toBe(true)
  await play(codeFor(number))
  simulator.recipients.set(number, { isOff: false })
  await play(codeFor(number))
  expect([statuses(0), statuses(1)]).toEqual([
    ['sent', 'delivered', 'read'],
    ['sent', 'delivered', 'read'],
  ])
})

test.each([
  [{ hasNoWhatsApp: true }, ['failed 131026']],
  [{ hasBlockedUs: true }, ['sent']],
  [{ hasReceiptsOff: true }, ['sent', 'delivered']],
  [{ isOff: true }, ['sent']],
])('a phone with %j gets a code: %j', async (switches, expected) => {
  const { simulator, play, advance, statuses } = await standing()
  simulator.recipients.set(online, switches)
  await play(codeFor(online))
  advance(HOUR)
  expect(statuses()).toEqual(expected)
  expect(simulator.recipients.switches(online)).toMatchObject(switches)
})

test('switches count from the moment they are flipped, also for messages under way', async () => {
  const timing = { sent: { min: 0, max: 0 }, delivered: { min: MINUTE, max: MINUTE } }
  const { simulator, play, advance, statuses } = await standing({ timing })
  await play(codeFor(online))
  simulator.recipients.set(online, { hasBlockedUs: true })
  advance(HOUR)
  expect(statuses()).toEqual(['sent'])
})

const marketing = [
  { name: 'offer', language: 'fr', category: 'MARKETING', body: 'Soldes' } as const,
  { name: 'otp_login', language: 'fr' },
]

test.each([
  ['experiment', 130472],
  ['cap', 131049],
  ['stopped marketing', 131050],
])('%s stops marketing only', async (profile, graphCode) => {
  const { simulator, play, statuses } = await standing({ templates: marketing })
  simulator.recipients.set(online, { profile })
  await play(codeFor(online, '', { template: template('offer', 'fr', []) }))
  await play(codeFor(online))
  expect([statuses(0), statuses(1)]).toEqual([[`failed ${graphCode}`], ['sent', 'delivered', 'read']])
})

test.each([
  ['billing broken', ['failed 131042']],
  ['two devices', ['sent', 'delivered', 'failed 131026']],
  ['read only', ['sent', 'read']],
  ['expired', ['sent', 'failed 131043']],
  ['blocked us', ['sent']],
  ['unserved country', ['sent']],
  ['paused', []],
  ['held, then dropped', []],
])('the profile %s on any number: %j', async (profile, expected) => {
  const { simulator, play, advance, statuses } = await standing()
  simulator.recipients.set(online, { profile })
  await play(codeFor(online))
  advance(HOUR)
  expect(statuses()).toEqual(expected)
})

test('a message held for its quality is released half an hour later', async () => {
  const { simulator, send, advance, statuses } = await standing()
  simulator.recipients.set(online, { profile: 'held, then released' })
  expect((await send(codeFor(online))).body.messages[0]).toMatchObject({
    message_status: 'held_for_quality_assessment',
  })
  advance(29 * MINUTE)
  expect(statuses()).toEqual([])
  advance(MINUTE + 1000)
  expect(statuses()).toEqual(['sent', 'delivered', 'read'])
})

test('a profile can refuse the call itself', async () => {
  const { simulator, send } = await standing()
  simulator.recipients.set(online, { profile: 'account blocked' })
  expect((await send(codeFor(online))).body.error.code).toBe(368)
})

test("patterns: a later one wins over an earlier one, and a number's own setting over both", async () => {
  const { simulator } = await standing()
  const { recipients } = simulator
  recipients.set('+22177????567', { isOff: true })
  recipients.set('+22177*', { isOff: false, hasReceiptsOff: true })
  expect(recipients.switches(online)).toMatchObject({ isOff: false, hasReceiptsOff: true })
  recipients.set('+2217712?4567', { isOff: true })
  expect(recipients.switches(online)).toMatchObject({ isOff: true, hasReceiptsOff: true })
  recipients.set(online, { isOff: false })
  expect(recipients.switches(online)).toMatchObject({ isOff: false, hasReceiptsOff: true })
  expect(recipients.switches('+33612345678')).toMatchObject({ isOff: false, hasReceiptsOff: false })
  expect(recipients.list().map(({ target }) => target)).toEqual([
    '+22177????567',
    '+22177*',
    '+2217712?4567',
    online,
  ])
})

test('who watches hears of each change, also when the time of an off phone is over', async () => {
  const { simulator, advance } = await standing()
  const heard: string[] = []
  const stop = simulator.recipients.onChange((target) => heard.push(target))
  simulator.recipients.set(online, { offForSeconds: 60 })
  advance(MINUTE)
  stop()
  simulator.recipients.set(online, { isOff: true })
  expect(heard).toEqual([online, online])
})

test('cleared settings give every number its ending back', async () => {
  const { simulator } = await standing()
  simulator.recipients.set('*', { isOff: true })
  simulator.recipients.clear()
  expect(simulator.recipients.switches(online).isOff).toBe(false)
  expect(simulator.recipients.list()).toEqual([])
})

test.each(['0612345678', '+', '+221 77 x'])('%s is not a recipient', async (target) => {
  const { simulator } = await standing()
  expect(() => simulator.recipients.set(target, { isOff: true })).toThrow('+E.164 or a pattern')
})

test('an unknown profile is refused with the names of all', async () => {
  const { simulator } = await standing()
  expect(() => simulator.recipients.set(online, { profile: 'on holiday' })).toThrow(/two devices/)
})

test('text outside the window is taken, then fails; the person opens it for 24 h by writing', async () => {
  const { simulator, play, advance, statuses } = await standing({ windowsStartOpen: false })
  await play(textFor(online))
  expect(statuses(0)).toEqual(['failed 131047'])
  simulator.inbound.reply(online, 'Bonjour')
  await play(textFor(online))
  expect(statuses(1)).toEqual(['sent', 'delivered', 'read'])
  advance(24 * HOUR - 1000)
  await play(textFor(online))
  expect(statuses(2)).toEqual(['failed 131047'])
  await play(codeFor(online))
  expect(statuses(3)).toEqual(['sent', 'delivered', 'read'])
})
