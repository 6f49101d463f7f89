/** The page of the simulator in a real browser. The page draws every message anew: so a crowd that has gone by is looked at, not one that comes. */
import { eventually } from '@relais/testing'
import { describe, it } from 'vitest'
import { hasBrowser, sharedBrowser } from './browser.ts'
import { crowd } from './load.ts'
import { expectOpenToAll } from './look-at-page.ts'
import { sharedSystem } from './system.ts'

const PEOPLE = crowd(20)

describe.skipIf(!hasBrowser)('in a browser', { timeout: 180_000 }, () => {
  const system = sharedSystem()
  const browser = sharedBrowser()

  it('the phones: nothing keeps people out, and the browser has nothing to say', async (t) => {
    const { simulator, send } = system()
    for (const to of PEOPLE) await send(to, '482913')
    // All but those whom Meta refuses at once.
    const taken = PEOPLE.filter((to) => !to.endsWith('0030')).length
    await eventually(
      () => simulator.messages().filter(({ statuses }) => statuses.length > 0).length,
      (count) => count === taken,
      { timeoutMs: 60_000, what: 'a first status of each message' },
    )
    // Waits for a call that does not come: the panel shows it.
    simulator.injectFaults([{ kind: 'error', code: 131_016, to: '+221770000000' }])
    await expectOpenToAll(t, browser(), { address: simulator.graphUrl, shows: 'no WhatsApp' })
  })
})
