import { readFile, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { errorDocument } from './error-document.ts'

const path = new URL('../../../docs/errors.md', import.meta.url)

test('docs/errors.md tells what the table says (UPDATE_DOCS=1 writes it anew)', async () => {
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(path, errorDocument())
  const bare = (text: string) => text.replace(/ +/g, ' ').replace(/-{3,}/g, '---')
  expect(bare(await readFile(path, 'utf8'))).toBe(bare(errorDocument()))
})
