import { createHash } from 'node:crypto'
import { readSettings, SettingsError } from '@relais/core'
import { describe, expect, it } from 'vitest'
import { apiSettings, requireDistinctKeys } from './config.ts'

const { apiKeys } = apiSettings
const read = (value: string) => readSettings({ API_KEYS: value }, { apiKeys }).apiKeys
const sha256 = (text: string) => createHash('sha256').update(text).digest()

describe('the keys of callers', () => {
  it('are kept as digests, however they are given', () => {
    const hex = sha256('a-good-api-key').toString('hex')
    expect(read(`wallet:another-good-key, shop:sha256:${hex}`)).toEqual([
      { name: 'wallet', sha256: sha256('another-good-key'), isShort: false },
      { name: 'shop', sha256: sha256('a-good-api-key'), isShort: false },
    ])
  })

  it('that could be guessed are told of', () => {
    expect(read('wallet:short')).toMatchObject([{ name: 'wallet', isShort: true }])
  })

  it("one that is both an app's and an operator's is a fault", () => {
    const apps = read('wallet:a-good-api-key')
    expect(() => requireDistinctKeys({ apiKeys: apps, opsKeys: read('awa:a-good-ops-key') })).not.toThrow()
    expect(() => requireDistinctKeys({ apiKeys: apps, opsKeys: read('awa:a-good-api-key') })).toThrow(
      /^OPS_KEYS .*awa/,
    )
  })

  it('an app may have several', () => {
    expect(read('wallet:first-key-1,wallet:second-key-2').map(({ name }) => name)).toEqual([
      'wallet',
      'wallet',
    ])
  })

  it.each([
    '',
    'wallet',
    'wallet:sha256:12',
    'wallet:a-good-api-key,shop:a-good-api-key',
    'wallet:a-good-api-key,',
    'a name:a-good-api-key',
    'wallet:a good api key',
    apiKeys.example,
  ])('%j is refused without repeating it', (value) => {
    expect(() => read(value)).toThrow(SettingsError)
    try {
      read(value)
    } catch (error) {
      expect(String(error)).toContain('API_KEYS ')
      expect(String(error)).not.toContain('a-good-api-key')
    }
  })
})
