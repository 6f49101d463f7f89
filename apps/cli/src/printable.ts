/** Text of others, fit for a terminal. What apps, operators and Meta have written must not move a cursor, colour a line or turn its direction. */

/** The same text with `?` for what is no character to be seen. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}

/** One line of it: breaks and blanks in a row become one blank. */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return printable(text.replaceAll(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').trim())
}

/** As JSON, ending with a line break. What a terminal could take for a command is escaped: it reads back as what it was. */
export function json(value: unknown, indent: 0 | 2 = 2): string {
  const text = JSON.stringify(value, null, indent).replaceAll(
    // JSON itself escapes what is below a space; the line breaks that are left are those between its lines.
    /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) =>
      Array.from({ length: character.length }, (_, i) => escaped(character.charCodeAt(i))).join(''),
  )
  return `${text}\n`
}

function escaped(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`
}
