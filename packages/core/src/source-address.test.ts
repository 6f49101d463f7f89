import { describe, expect, it } from 'vitest'
import { sourceOf } from './source-address.ts'

describe('a source address', () => {
  it.each([
    ['196.207.1.20', '196.207.1.20'],
    ['::ffff:196.207.1.20', '196.207.1.20'],
    ['::FFFF:C4CF:0114', '196.207.1.20'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff::', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['64:ff9b::196.207.1.20', '64:ff9b:0:0::/64'],
  ])('%s counts as %s', (address, source) => {
    expect(sourceOf(address)).toBe(source)
  })

  it.each([
    '',
    '196.207.1',
    '196.207.1.256',
    '196.207.01.20',
    '0x7f.1',
    '1.2.3.4:80',
    'fe80::1%eth0',
    '[::1]',
    '1::2::3',
    'localhost',
  ])('%j is none', (address) => {
    expect(sourceOf(address)).toBeUndefined()
  })
})
