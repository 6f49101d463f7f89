import { randomBytes } from 'node:crypto'
import { readSettings, SettingsError } from '@relais/core'
import { describe, expect, it } from 'vitest'
import { supabaseSettings } from './supabase-settings.ts'

const read = (value: string) =>
  readSettings({ SUPABASE_HOOK_SECRETS: value }, supabaseSettings).supabaseHookSecrets
const secretOf = (bytes: number) => `whsec_${randomBytes(bytes).toString('base64')}`
const HIDDEN = `whsec_${Buffer.from('hidden-from-everybody-else').toString('base64')}`

describe("the secrets of Supabase's hooks", () => {
  it('are none unless set', () => expect(read('').size).toBe(0))

  it('are those of each app, with or without the v1 that Supabase shows before them', () => {
    const [one, other, third] = [secretOf(24), secretOf(32), secretOf(64)]
    const secrets = read(`wallet=v1,${one} shop=${third} wallet=v1,${other}`)
    expect([...secrets].map(([app, ofApp]) => [app, ofApp.map((secret) => secret.reveal())])).toEqual([
      ['wallet', [one, other]],
      ['shop', [third]],
    ])
  })

  it.each([
    'wallet',
    `v1,${HIDDEN}`,
    `a*b=v1,${HIDDEN}`,
    `wallet=v2,${HIDDEN}`,
    `wallet=v1,${HIDDEN},`,
    `wallet=v1,${HIDDEN} shop=v1,${HIDDEN}`,
    `wallet=v1,${secretOf(23)}`,
    `wallet=v1,${secretOf(65)}`,
    Array.from({ length: 5 }, () => `wallet=v1,${secretOf(32)}`).join(' '),
    supabaseSettings.supabaseHookSecrets.example,
  ])('%j is refused without repeating it', (value) => {
    try {
      read(value)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(SettingsError)
      expect(String(error)).toMatch(/SUPABASE_HOOK_SECRETS .*Example: SUPABASE_HOOK_SECRETS=/)
      expect(String(error)).not.toContain(HIDDEN)
    }
  })
})
