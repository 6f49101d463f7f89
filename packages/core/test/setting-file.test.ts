import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  readSettings,
  SettingsError,
  sharedSettings,
  type Environment,
  type SharedSettings,
} from '@relais/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const KEY = `k1:${Buffer.alloc(32, 7).toString('base64')}`
const GOOD = { REDIS_URL: 'redis://127.0.0.1:6379', ENCRYPTION_KEYS: KEY }

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relais-secrets-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

function read(environment: Environment): { settings?: SharedSettings; lines: string[] } {
  try {
    return { settings: readSettings({ ...GOOD, ...environment }, sharedSettings), lines: [] }
  } catch (error) {
    if (error instanceof SettingsError) return { lines: error.lines }
    throw error
  }
}

describe('a secret that stands in a file', () => {
  it.each([
    ['as it is', ''],
    ['with a newline', '\n'],
    ['with a newline of Windows', '\r\n'],
  ])('is read: %s', async (_how, end) => {
    const path = await file('token', `EAAsecret${end}`)
    const { settings } = read({ WHATSAPP_ACCESS_TOKEN_FILE: path })
    expect(settings?.accessToken?.reveal()).toBe('EAAsecret')
  })

  it('is read through a link, as secrets of Kubernetes are', async () => {
    await file('version-1', 'secret-password')
    await symlink('version-1', join(folder, 'password'))
    const { settings } = read({ REDIS_PASSWORD_FILE: join(folder, 'password') })
    expect(settings?.redisPassword?.reveal()).toBe('secret-password')
  })

  it('makes up for one that is required', async () => {
    const [url, keys] = [await file('url', 'rediss://:secret@redis:6379'), await file('keys', KEY)]
    const files = { REDIS_URL: '', REDIS_URL_FILE: url, ENCRYPTION_KEYS: '', ENCRYPTION_KEYS_FILE: keys }
    expect(read(files).settings).toMatchObject({
      redisUrl: 'rediss://:secret@redis:6379',
      encryptionKeys: [{ id: 'k1' }],
    })
  })

  it('is not read for a setting that is none: its file may be anything', async () => {
    expect(read({ LOG_LEVEL_FILE: await file('level', 'loud') }).settings?.logLevel).toBe('info')
  })

  it('and in the environment as well: nobody knows which is meant', async () => {
    const path = await file('both', 'EAAsecret')
    const { lines } = read({ WHATSAPP_ACCESS_TOKEN: 'EAAother', WHATSAPP_ACCESS_TOKEN_FILE: path })
    expect(lines).toEqual([
      expect.stringMatching(/^WHATSAPP_ACCESS_TOKEN_FILE is set, and WHATSAPP_ACCESS_TOKEN too/),
    ])
  })

  it.each<[string, string, () => Promise<string>]>([
    ['is not there', 'is not there', async () => join(folder, 'none')],
    ['is a folder', 'is not a file', () => mkdir(join(folder, 'dir')).then(() => join(folder, 'dir'))],
    ['is a pipe, where reading would wait for ever', 'is not a file', async () => pipe('pipe')],
    ['is empty', 'is empty', () => file('empty', '\n')],
    ['is too large to be one', 'more than 1048576 bytes', () => file('large', 'secret'.repeat(200_000))],
    // Nothing is at the start of our own memory: for root too.
    ['cannot be read', 'cannot be read (EIO)', async () => '/proc/self/mem'],
  ])('is a fault if the file %s, and nothing of it is told', async (_what, problem, make) => {
    const { lines } = read({ WHATSAPP_APP_SECRET_FILE: await make() })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(
      /^WHATSAPP_APP_SECRET_FILE names .*Example: WHATSAPP_APP_SECRET_FILE=\/run\/secrets\//,
    )
    expect(lines[0]).toContain(problem)
    expect(lines[0]).not.toContain('secretsecret')
  })

  it('is held to the form of the setting, without being repeated', async () => {
    const { lines } = read({ ENCRYPTION_KEYS: '', ENCRYPTION_KEYS_FILE: await file('bad', 'k1:leaked') })
    expect(lines).toEqual([expect.stringMatching(/^ENCRYPTION_KEYS has a fault in entry 1/)])
    expect(lines.join()).not.toContain('leaked')
  })
})

function pipe(name: string): string {
  const path = join(folder, name)
  execFileSync('mkfifo', [path])
  return path
}
