import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readEnvironment, readOwnEnvironment } from '../src/environment.ts'

/** What `npm start` leaves in its folder; with a port while its Redis runs. */
async function localRun(port?: number) {
  const folder = await mkdtemp(join(tmpdir(), 'relais-run-'))
  const keys = {
    apiKey: 'a',
    opsKey: 'o',
    encryptionKey: 'e',
    phoneNumberId: '1',
    appId: '2',
    appSecret: 's',
  }
  await writeFile(join(folder, 'keys.json'), JSON.stringify(keys))
  await mkdir(join(folder, 'redis'))
  if (port) await writeFile(join(folder, 'redis/server.json'), JSON.stringify({ owner: 1, port }))
  return { RELAIS_DATA_DIR: folder }
}

it('the environment wins over the file', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'relais-env-')), '.env')
  await writeFile(file, 'PORT=1\nHOST="a b"\n')
  expect(readOwnEnvironment(file, { PORT: '2' })).toEqual({ PORT: '2', HOST: 'a b' })
  expect(readOwnEnvironment('/no/such/file', { PORT: '2' })).toEqual({ PORT: '2' })
})

it('what `npm start` made fills the gaps while it runs, and replaces nothing', async () => {
  const environment = { ...(await localRun(4242)), OPS_KEYS: 'awa:mine' }
  expect(readEnvironment('/none', environment)).toMatchObject({
    OPS_KEYS: 'awa:mine',
    REDIS_URL: 'redis://127.0.0.1:4242',
    ENCRYPTION_KEYS: 'k1:e',
    WHATSAPP_PHONE_NUMBER_ID: '1',
    WHATSAPP_API_BASE_URL: 'http://127.0.0.1:4010',
  })
})

it('nor what stands in a file', async () => {
  const files = { OPS_KEYS_FILE: '/ops', REDIS_URL_FILE: '/url', ENCRYPTION_KEYS_FILE: '/keys' }
  const read = readEnvironment('/none', { ...(await localRun(4242)), ...files })
  for (const name of Object.keys(files)) expect(read[name.replace('_FILE', '')]).toBeUndefined()
})

it('real credentials are never mixed with simulated ones', async () => {
  const real = { WHATSAPP_PHONE_NUMBER_ID: '9', WHATSAPP_ACCESS_TOKEN: 'EAAreal' }
  const read = readEnvironment('/none', { ...(await localRun(4242)), ...real })
  expect(read['WHATSAPP_API_BASE_URL']).toBeUndefined()
  expect(read['WHATSAPP_APP_SECRET']).toBeUndefined()
})

it('once it has stopped only its keys are known', async () => {
  const read = readEnvironment('/none', await localRun())
  expect(read['OPS_KEYS']).toBe('ops:o')
  expect(read['REDIS_URL']).toBeUndefined()
})
