import type { Draw } from '../world/random.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const CHARACTERS_PER_DRAW = 5

/** Ids of Meta's look, all from one stream of draws: the same seed gives the same ids. */
export function createIds(draw: Draw) {
  function opaque(length: number): string {
    let text = ''
    while (text.length < length) {
      let bits = Math.floor(draw() * 2 ** 30)
      for (let count = 0; count < CHARACTERS_PER_DRAW && text.length < length; count += 1) {
        text += alphabet[bits & 63]
        bits >>>= 6
      }
    }
    return text
  }

  function hexadecimal(): string {
    return Math.floor(draw() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  }

  return {
    /** `A` and 22 characters: of a request, or of an error. */
    trace: () => `A${opaque(22)}`,
    /** `wamid.` and base64 of the recipient and 18 hexadecimal digits, as Meta's own look inside. */
    message(waId: string): string {
      const serial = (hexadecimal() + hexadecimal() + hexadecimal()).slice(0, 18).toUpperCase()
      const inside = `\x1c\x18${String.fromCharCode(waId.length)}${waId}\x15\x02\x00\x11\x18\x12${serial}\x00`
      return `wamid.${Buffer.from(inside, 'latin1').toString('base64')}`
    },
  }
}

export type Ids = ReturnType<typeof createIds>
