import { readSettings, SettingsError } from '@relais/core'
import { describe, expect, it } from 'vitest'
import { trustedProxies } from './trusted-proxies.ts'

const read = (value: string) => readSettings({ TRUSTED_PROXIES: value }, { trustedProxies }).trustedProxies

describe('TRUSTED_PROXIES', () => {
  it('are addresses and networks, by default none', () => {
    expect(read('')).toEqual([])
    expect(read('10.0.0.0/8, ::1,192.0.2.1,2001:db8::/32')).toEqual([
      '10.0.0.0/8',
      '::1',
      '192.0.2.1',
      '2001:db8::/32',
    ])
  })

  it.each([
    'true',
    '1',
    'all',
    '*',
    'loopback',
    'localhost',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/33',
    '::1/129',
    '10.0.0/8',
    '10.0.0.0/255.0.0.0',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '010.0.0.1',
    'fe80::1%eth0',
    '10.0.0.1,',
    ',',
  ])('%j is a fault', (value) => {
    expect(() => read(value)).toThrow(SettingsError)
  })
})
