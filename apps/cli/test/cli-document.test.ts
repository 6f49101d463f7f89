import { readFile, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { cliDocument } from './cli-document.ts'

const path = new URL('../../../docs/cli.md', import.meta.url)

test('docs/cli.md tells what the table of commands says (UPDATE_DOCS=1 writes it anew)', async () => {
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(path, cliDocument())
  const bare = (text: string) => text.replace(/ +/g, ' ').replace(/-{3,}/g, '---')
  expect(bare(await readFile(path, 'utf8'))).toBe(bare(cliDocument()))
})
