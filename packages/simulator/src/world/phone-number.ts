const twoDigitCallingCodes = new Set(
  (
    '20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 ' +
    '60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98'
  ).split(' '),
)

/** The country calling code a number starts with; `digits` without `+`. */
export function callingCodeOf(digits: string): string {
  if (digits.startsWith('1') || digits.startsWith('7')) return digits.slice(0, 1)
  const two = digits.slice(0, 2)
  return twoDigitCallingCodes.has(two) ? two : digits.slice(0, 3)
}

/**
 * Reads `to` as Meta does: `+ - ( )` and spaces are tolerated, `00...` is not, and a number without `+` gets the
 * *sender's* country code in front. Answers `+E.164`, or nothing when it cannot be a number.
 */
export function readRecipient(to: string, senderDigits: string): string | undefined {
  if (!/^[\d+\-() ]+$/.test(to)) return undefined
  const compact = to.replace(/[-() ]/g, '')
  if (!/^\+?\d+$/.test(compact) || /^(?:00|\+0)/.test(compact)) return undefined
  const number = compact.startsWith('+') ? compact : `+${callingCodeOf(senderDigits)}${compact}`
  return /^\+\d{7,15}$/.test(number) ? number : undefined
}

/** `+221 771 234 567`: for the eyes of a person. */
export function formatNumber(number: string): string {
  const digits = number.replace(/\D/g, '')
  const callingCode = callingCodeOf(digits)
  const groups = digits.slice(callingCode.length).match(/\d{3}(?!\d$)|\d{1,4}$/g) ?? []
  return `+${callingCode} ${groups.join(' ')}`
}
