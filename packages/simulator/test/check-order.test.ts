import { describe, expect, test } from 'vitest'
import type { Simulator } from '../src/index.ts'
import { checked, sending, type Call } from './checked.ts'
import { codeFor, identity, online, setup, template } from './setup.ts'

type Scene = { readonly simulator: Simulator; call: Call }

/** What can be wrong with a send, in the order in which it is found out; each with the code it answers. */
const wrongs: [string, number, (scene: Scene) => unknown][] = [
  ['a forced fault', 131016, ({ simulator }) => simulator.injectFaults([{ kind: 'error', code: 131016 }])],
  ['no token', 104, (scene) => (scene.call = { ...scene.call, token: null })],
  ['an expired token', 190, (scene) => (scene.call = { ...scene.call, token: expired(scene.simulator) })],
  [
    'a wrong proof',
    100,
    (scene) => (scene.call = { ...scene.call, query: { appsecret_proof: 'f'.repeat(64) } }),
  ],
  ['an unknown number', 100, (scene) => (scene.call = { ...scene.call, path: '/v26.0/999/messages' })],
  ['a deleted number', 33, ({ simulator }) => changeNumber(simulator, { status: 'DELETED' })],
  [
    'a token that may not send',
    131005,
    (scene) => (scene.call = { ...scene.call, token: scene.simulator.issueToken({ type: 'USER' }) }),
  ],
  [
    'a number that is not registered',
    133010,
    ({ simulator }) => changeNumber(simulator, { isRegistered: false }),
  ],
  [
    'a restricted business',
    368,
    ({ simulator }) => simulator.account.update({ business: { standing: 'restricted' } }),
  ],
  [
    'a business in maintenance',
    131057,
    ({ simulator }) => simulator.account.update({ business: { isInMaintenance: true } }),
  ],
  ['too many calls of the app', 4, exhaustApp],
  ['an unknown key', 100, (scene) => (scene.call = sending({ ...codeFor(online), tpye: 1 }))],
  [
    'an unknown template',
    132001,
    (scene) => (scene.call = sending(codeFor(online, '', { template: template('absent', 'fr', []) }))),
  ],
  ['too many messages a second', 130429, exhaustThroughput],
  ['too many messages to one person', 131056, exhaustPair],
  [
    'a recipient the test number does not know',
    131030,
    ({ simulator }) => changeNumber(simulator, { accountMode: 'SANDBOX', allowedRecipients: [] }),
  ],
]

function expired(simulator: Simulator): string {
  const token = simulator.issueToken()
  simulator.expireToken(token)
  return token
}

function changeNumber(simulator: Simulator, changes: object): void {
  simulator.account.update({ numbers: [{ id: identity.phoneNumberId, ...changes }] })
}

async function exhaustApp({ simulator }: Scene): Promise<void> {
  simulator.account.update({ app: { callsPerHour: 1 } })
  await checked(simulator.graphUrl, 'send', sending(codeFor(online)))
}

async function exhaustThroughput({ simulator }: Scene): Promise<void> {
  changeNumber(simulator, { throughputPerSecond: 1 })
  for (let nth = 0; nth < 2; nth += 1)
    await checked(simulator.graphUrl, 'send', sending(codeFor('+221771230043')))
}

async function exhaustPair({ simulator }: Scene): Promise<void> {
  const burst = Array.from({ length: 45 }, () =>
    checked(simulator.graphUrl, 'send', sending(codeFor(online))),
  )
  await Promise.all(burst)
}

describe('a send with all of this wrong at once is refused for the first of it:', () => {
  test.each(wrongs.map(([what, code], nth) => [what, code, nth] as const))('%s', async (_what, code, nth) => {
    const { simulator } = await setup({ clock: { startAt: 1.8e12, speed: 0 }, throughputPerSecond: 0 })
    const scene: Scene = { simulator, call: sending(codeFor(online)) }
    for (const [, , spoil] of wrongs.slice(nth).toReversed()) await spoil(scene)
    const accepted = simulator.messages().length
    expect(await checked(simulator.graphUrl, 'send', scene.call)).toBe(code)
    expect(simulator.messages()).toHaveLength(accepted)
  })

  test('nothing, and it is accepted', async () => {
    const { simulator } = await setup()
    expect(await checked(simulator.graphUrl, 'send', sending(codeFor(online)))).toBe(200)
  })
})
