import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')

/** The rows of the tables: the point, and the tests that show it, as `file`: "name". */
const rows = read('../docs/honesty.md')
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\|\s*(---|point)/.test(line))
  .map((line) => {
    const cells = line.split('|').slice(1, -1)
    const tests = [...(cells.at(-1) ?? '').matchAll(/`([\w./-]+)`: "([^"]+)"/g)]
    const named = tests.map(([, file = '', name = '']) => ({ file, name }))
    return { point: (cells[0] ?? '').trim(), named }
  })

describe('the list of what an honest simulator does', () => {
  test('is a list', () => {
    expect(rows.length).toBeGreaterThan(90)
  })

  test.each(rows)('names tests that exist: $point', ({ named }) => {
    expect(named.length).toBeGreaterThan(0)
    for (const { file, name } of named) expect(titlesIn(file), file).toContain(name)
  })
})

/** What tests are called: the text before a function, and the first text of a row of a table. */
function titlesIn(file: string): string[] {
  const source = read(file)
  const text = `(['"\`])((?:\\\\.|(?!\\1)[^\\\\\\n])*)\\1`
  return [`\\(\\s*${text},\\s*(?:async )?\\(`, `\\[\\s*${text},`].flatMap((pattern) =>
    [...source.matchAll(new RegExp(pattern, 'g'))].map(([, , title = '']) =>
      title.replaceAll(/\\(.)/g, '$1'),
    ),
  )
}
