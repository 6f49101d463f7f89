/** Codes that Relais makes itself. */
import { randomInt } from 'node:crypto'

export const CODE_LENGTHS = { least: 4, most: 10, usual: 6 } as const

/**
 * A code of so many digits, each code as likely as any other. `randomInt` draws from the generator of the system and draws again what would
 * make some numbers likelier (the remainder of a division does that), so there is nothing to even out here. Leading zeros are part of a code.
 *
 * @param length 4 to 10
 * @param draw a whole number from 0 to below its argument
 */
export function makeCode(length: number, draw: (below: number) => number = randomInt): string {
  if (!Number.isInteger(length) || length < CODE_LENGTHS.least || length > CODE_LENGTHS.most) {
    throw new RangeError(`a code has ${CODE_LENGTHS.least} to ${CODE_LENGTHS.most} digits`)
  }
  return String(draw(10 ** length)).padStart(length, '0')
}
