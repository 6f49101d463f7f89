import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { answer, FAULTS, serve } from './scripted-server.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

describe('the client', () => {
  it('sends where there is nothing but what the web has: no module and no global of Node', async () => {
    const accepted = { id: 'msg_1', status: 'queued' }
    const { url, asked } = await serve(FAULTS['a reset'] ?? answer(500, {}), answer(202, accepted))
    const script = ['--experimental-vm-modules', '--no-warnings', here('without-node.mjs'), url, 'some-key']
    const { stdout } = await promisify(execFile)(process.execPath, script, { timeout: 30_000 })
    expect(JSON.parse(stdout)).toEqual(accepted)
    expect(asked).toHaveLength(2)
  })

  it('depends on nothing, and imports only itself', async () => {
    const manifest = JSON.parse(await readFile(here('../package.json'), 'utf8')) as Record<string, unknown>
    expect([manifest['dependencies'], manifest['peerDependencies']]).toEqual([undefined, undefined])
    for (const name of await readdir(here('../src'))) {
      const source = await readFile(here(`../src/${name}`), 'utf8')
      for (const [, from] of source.matchAll(/(?:from|import\() *'([^']+)'/g))
        expect(from).toMatch(/^\.\/[\w-]+\.ts$/)
    }
  })
})
