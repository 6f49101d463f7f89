import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findBrowser } from './browser.mjs'

const real = { says: 'Chromium 156.0.8078.114 built on Debian GNU/Linux 12' }
const stub = { says: 'requires the chromium snap', code: 10 }
const another = { says: 'GNU bash, version 5.2.15' }

/** A folder with programs that say this when they are asked for their version. */
async function folderWith(programs) {
  const folder = await mkdtemp(join(tmpdir(), 'relais-browser-'))
  for (const [name, { says, code = 0 }] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\necho '${says}'\nexit ${code}\n`)
    await chmod(join(folder, name), 0o755)
  }
  return folder
}

test('the first browser on the PATH that runs is found, and none where there is none', async () => {
  const folder = await folderWith({ chromium: stub, 'chromium-browser': another, 'google-chrome': real })
  expect(await findBrowser({ PATH: `/nowhere:${folder}` })).toBe(join(folder, 'google-chrome'))
  expect(await findBrowser({ PATH: await folderWith({ chromium: stub }) })).toBeUndefined()
})

test('the one that is named comes before those on the PATH', async () => {
  const [named, PATH] = await Promise.all([folderWith({ mine: real }), folderWith({ chromium: real })])
  const RELAIS_BROWSER = join(named, 'mine')
  expect(await findBrowser({ RELAIS_BROWSER, PATH })).toBe(RELAIS_BROWSER)
})

test('one that is named and does not run is a fault, not a reason to skip', async () => {
  const [folder, PATH] = await Promise.all([folderWith({ mine: stub }), folderWith({ chromium: real })])
  const RELAIS_BROWSER = join(folder, 'mine')
  await expect(findBrowser({ RELAIS_BROWSER, PATH })).rejects.toThrow(`${RELAIS_BROWSER} is no Chromium`)
})
