import { describe, expect, it } from 'vitest'
import { maskPhoneNumber, parsePhoneNumber } from './phone-number.ts'

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

  it('shows its last four digits in logs', () => {
    expect(maskPhoneNumber('+221771234567')).toBe('…4567')
  })
})
