/** Colours for people, and nothing for pipes. */

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const

export type Paint = Record<keyof typeof CODES, (text: string) => string>

/** @param isColoured false: every text stays as it is */
export function createPaint(isColoured: boolean): Paint {
  const dye = (code: number) => (text: string) => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text)
  const pairs = Object.entries(CODES).map(([name, code]) => [name, dye(code)])
  return Object.fromEntries(pairs) as Paint
}

/** Colours only on a terminal, and not where NO_COLOR is set (no-color.org). */
export function wantsColour(
  stream: { isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return Boolean(stream.isTTY) && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb'
}

/** Breaks a text into lines of at most `width` characters, at spaces. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines
}
