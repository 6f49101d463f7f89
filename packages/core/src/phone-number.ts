import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js'

/** Digits with the separators people write, after one plus. Anything else (letters, extensions, `00`) is refused. */
const WRITTEN = /^\+[0-9][0-9 ().-]{5,24}$/

/**
 * The number in E.164 (`+221771234567`), or `undefined` when no numbering plan has it.
 *
 * The plan's general pattern is asked, not the lists of ranges in use today: those are always some months old, and
 * a person whose range was opened last week must not be locked out.
 */
export function parsePhoneNumber(written: string): string | undefined {
  if (!WRITTEN.test(written)) return undefined
  const parsed = parsePhoneNumberFromString(written)
  return parsed?.isValid() && parsed.ext === undefined ? parsed.number : undefined
}

/** How a number may appear in logs: its last four digits, `…4567`. */
export function maskPhoneNumber(number: string): string {
  return `…${number.slice(-4)}`
}

/** The country a number belongs to, as its ISO code (`SN`); `undefined` for numbers of no country. */
export function countryOf(number: string): string | undefined {
  return parsePhoneNumberFromString(number)?.country
}

/** Is it the ISO code of a country that has numbers? */
export function isCountry(code: string): boolean {
  return /^[A-Z]{2}$/.test(code) && isSupportedCountry(code)
}

/**
 * What a number has in common with its neighbours, from narrow to wide: its block (all but the last four digits: ten thousand numbers),
 * its area (all but six: a million), its country code. None of them tells a number. Short numbers have fewer: a prefix is never
 * shorter than the country code, and no two are equal.
 *
 * @param number in E.164
 */
export function prefixesOf(number: string): { size: PrefixSize; prefix: string }[] {
  const country = `+${parsePhoneNumberFromString(number)?.countryCallingCode ?? number.slice(1, 2)}`
  const cut = (digits: number) => number.slice(0, Math.max(country.length, number.length - digits))
  const all: { size: PrefixSize; prefix: string }[] = [
    { size: 'block', prefix: cut(4) },
    { size: 'area', prefix: cut(6) },
    { size: 'country', prefix: country },
  ]
  return all.filter(({ prefix }, i) => prefix !== all[i + 1]?.prefix)
}

export type PrefixSize = 'block' | 'area' | 'country'
