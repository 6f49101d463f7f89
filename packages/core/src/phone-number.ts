import { parsePhoneNumberFromString } from 'libphonenumber-js'

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
