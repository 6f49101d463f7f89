import { mkdtemp, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { loadKeys } from './keys.mjs'

test('keys are made once, in a file that only its owner may read', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'relais-keys-')), '.data', 'keys.json')
  const keys = await loadKeys(file)
  expect(await loadKeys(file)).toEqual(keys)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect((await stat(dirname(file))).mode & 0o777).toBe(0o700)
})

test('keys have the forms that the apps and Meta use', async () => {
  const keys = await loadKeys(await emptyFile())
  expect(Buffer.from(keys.encryptionKey, 'base64')).toHaveLength(32)
  expect(keys.appSecret).toMatch(/^[0-9a-f]{32}$/)
  for (const name of ['phoneNumberId', 'businessId', 'appId']) expect(keys[name]).toMatch(/^[1-9]\d{14}$/)
  // A comma or a colon would end a key early in API_KEYS.
  for (const name of ['apiKey', 'opsKey']) expect(keys[name]).toMatch(/^[\w-]{32}$/)
})

test('a key that an older file lacks is added, and the others stay', async () => {
  const file = await emptyFile()
  await writeFile(file, JSON.stringify({ apiKey: 'kept' }))
  const keys = await loadKeys(file)
  expect(keys.apiKey).toBe('kept')
  expect(await loadKeys(file)).toEqual(keys)
})

test('a file that is not JSON is left as it is', async () => {
  const file = await emptyFile()
  await writeFile(file, '{"apiKey":')
  await expect(loadKeys(file)).rejects.toThrow('is not JSON')
})

async function emptyFile() {
  return join(await mkdtemp(join(tmpdir(), 'relais-keys-')), 'keys.json')
}
