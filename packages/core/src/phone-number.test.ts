import { describe, expect, it } from 'vitest'
import { countryOf, isCountry, maskPhoneNumber, parsePhoneNumber, prefixesOf } from './phone-number.ts'

describe('a phone number', () => {
  it.each([
    ['+221771234567', '+221771234567'],
    ['+221 77 123 45 67', '+221771234567'],
    ['+1 (650) 555-1234', '+16505551234'],
    ['+44 20 7946 0018', '+442079460018'],
  ])('%s is %s', (written, number) => {
    expect(parsePhoneNumber(written)).toBe(number)
  })

  it.each([
    ['00221771234567', 'no plus'],
    ['221771234567', 'no plus'],
    ['+221', 'too short'],
    ['+221 77 123', 'too short for Senegal'],
    ['+221001234567', 'no such range in Senegal'],
    ['+999771234567', 'no such country'],
    ['+22177123456789', 'too long'],
    ['+221771234567;ext=5', 'an extension'],
    ['+221771234567 x5', 'an extension'],
    ['+２２１771234567', 'full-width digits'],
    ['+221771234567\n', 'a line feed'],
    ['+1-800-FLOWERS', 'letters'],
    ['++221771234567', 'two plus'],
    ['', 'empty'],
  ])('%j is refused: %s', (written) => {
    expect(parsePhoneNumber(written)).toBeUndefined()
  })

  it.each([
    ['+221771234567', 'SN', ['block +22177123', 'area +221771', 'country +221']],
    ['+2250701020304', 'CI', ['block +225070102', 'area +2250701', 'country +225']],
    ['+16505551234', 'US', ['block +1650555', 'area +16505', 'country +1']],
    ['+14165551234', 'CA', ['block +1416555', 'area +14165', 'country +1']],
    // Numbers so short that a part of four or six digits would reach into the country code.
    ['+2471234', undefined, ['country +247']],
    ['+29022345', 'SH', ['block +2902', 'country +290']],
  ])('%s is of %s and has neighbours from narrow to wide', (number, country, prefixes) => {
    if (country) expect(countryOf(number)).toBe(country)
    expect(prefixesOf(number).map(({ size, prefix }) => `${size} ${prefix}`)).toEqual(prefixes)
  })

  it('has a country whose code is two capital letters', () => {
    expect(['SN', 'sn', 'XX', 'SEN', 'constructor', ''].map(isCountry)).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
    ])
  })

  it('shows its last four digits in logs', () => {
    expect(maskPhoneNumber('+221771234567')).toBe('…4567')
  })
})
