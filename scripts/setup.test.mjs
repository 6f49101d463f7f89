import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isSupportedNode } from './node-version.mjs'
import { root } from './root.mjs'
import { installHash } from './setup.mjs'
import { skippedLines, totalsLine } from './test.mjs'

test('Node 20.19 and later are supported', () => {
  expect(['20.19.0', '20.20.2', '22.0.0', '24.1.0'].map(isSupportedNode)).toEqual([true, true, true, true])
  expect(['20.18.9', '18.20.8', '6.0.0'].map(isSupportedNode)).toEqual([false, false, false])
})

test('a new or changed manifest calls for an installation, what lies in node_modules does not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relais-setup-'))
  for (const path of ['packages/core', 'node_modules/axios'])
    await mkdir(join(folder, path), { recursive: true })
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', 'packages/core/package.json'])
    await writeFile(join(folder, file), file)

  const before = await installHash(folder)
  await writeFile(join(folder, 'node_modules/axios/package.json'), '{}')
  await writeFile(join(folder, 'packages/core/index.ts'), '')
  expect(await installHash(folder)).toBe(before)
  await writeFile(join(folder, 'packages/core/package.json'), '{"changed":true}')
  expect(await installHash(folder)).not.toBe(before)
})

test('the last line has the totals, and a file that could not be loaded or set up is a failure', () => {
  expect(totalsLine({ numPassedTests: 3, numFailedTests: 0, numPendingTests: 0 })).toBe('3 passed, 0 failed')
  const unloaded = { status: 'failed', assertionResults: [] }
  const notSetUp = { status: 'failed', assertionResults: [{ status: 'skipped' }, { status: 'skipped' }] }
  const testResults = [unloaded, notSetUp, { status: 'failed', assertionResults: [{ status: 'failed' }] }]
  expect(totalsLine({ numPassedTests: 3, numFailedTests: 1, numPendingTests: 2, testResults })).toBe(
    '3 passed, 3 failed, 2 skipped',
  )
})

test('what was skipped is named, up to a number of tests', () => {
  const test = (fullName, status) => ({ fullName, status })
  const file = (count) => ({
    name: join(root, 'e2e/some.test.ts'),
    assertionResults: [
      test('one that ran', 'passed'),
      ...Array.from({ length: count }, (_, i) => test(`one ${i + 1}`, 'skipped')),
    ],
  })
  expect(skippedLines({ testResults: [file(0)] })).toEqual([])
  expect(skippedLines({ testResults: [file(1)] })).toEqual(['Skipped: e2e/some.test.ts › one 1'])
  expect(skippedLines({ testResults: [file(103)] }).slice(-2)).toEqual([
    'Skipped: e2e/some.test.ts › one 100',
    'Skipped: 3 more',
  ])
})
