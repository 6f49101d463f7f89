// Holds docs/asvs.md to what is there: tests that still have their names, every requirement once, numbers that are those of its tables.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from './root.mjs'

/**
 * The levels of the requirements of ASVS 5.0.0: a chapter a line, a word for each section, a digit for each requirement. 1.2.1 is at level 1,
 * 1.2.10 at level 3.
 */
const levels = [
  '22 1111122223 112222222223 222 123',
  '122 112 12223 23',
  '3 113 12223 11222233 11122333 3 22333',
  '12233 23333 22 1222',
  '2 112333 113 222',
  '122 111111112222 11223333 112233 22222333 2223 33 2222',
  '222 1111 22 11222 223 22',
  '1233 1123 133 23',
  '111 1222',
  '22 223 22223 1111122222233333 22222 22 222',
  '2233 22233 11233 1222 23 23 33',
  '12233 11 22223',
  '2333 222223 2233 1222233',
  '22 12223333 122',
  '12233 12233 1222222 3333',
  '2 22222 2222 222 2223',
  '23 22223333 22',
]

const requirements = levels.flatMap((chapter, c) =>
  chapter
    .split(' ')
    .flatMap((section, s) =>
      section.split('').map((level, i) => ({ id: `${c + 1}.${s + 1}.${i + 1}`, level })),
    ),
)

const read = (path) => readFile(join(root, path), 'utf8')
const page = await read('docs/asvs.md')

/** The cells of each row of the tables whose first heading is this one. */
function rowsOf(heading) {
  const tables = page.matchAll(/^\| (\w+) \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)/gm)
  return [...tables]
    .filter(([, first]) => first === heading)
    .flatMap(([, , rows]) => rows.trimEnd().split('\n'))
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

/** Of a chapter (`V5`), a section (`4.3`), or one requirement (`1.2.6`): those at levels 1 and 2. */
function requirementsOf(part) {
  const name = part.replace(/^V/, '')
  return requirements.filter(({ id, level }) => level !== '3' && `${id}.`.startsWith(name && `${name}.`))
}

const rows = rowsOf('id')
const isPartly = ([, , , how]) => how.startsWith('**Partly:**')
const isNot = ([, , , how]) => how.startsWith('**Not met')
const left = rowsOf('ids')
  .filter((cells) => cells.length === 2)
  .flatMap(([parts]) => parts.split(', ').map((part) => ({ part, found: requirementsOf(part) })))

describe('docs/asvs.md', () => {
  test('has each requirement of levels 1 and 2 once, with its level', () => {
    const all = requirementsOf('').map(({ id, level }) => `${id} at level ${level}`)
    expect(all).toHaveLength(253)
    expect(left.filter(({ found }) => found.length === 0)).toEqual([])
    const named = [
      ...rows.map(([id, level]) => `${id} at level ${level}`),
      ...left.flatMap(({ found }) => found.map(({ id, level }) => `${id} at level ${level}`)),
    ]
    expect(named.toSorted()).toEqual(all.toSorted())
  })

  test('counts what it says', () => {
    const [partly, not] = [isPartly, isNot].map((is) => rows.filter(is).length)
    const leftOut = left.flatMap(({ found }) => found).length
    const met = rows.length - partly - not
    expect(page.replaceAll('\n', ' ')).toContain(
      `Of its 253 requirements of these levels ${leftOut} do not apply (see [the end](#what-does-not-apply)); of the other ${rows.length} ` +
        `Relais meets ${met}, ${partly} partly, and ${not} not.`,
    )
  })

  test('shows what is met, and says of all else what it would take', () => {
    const bare = [...rows.filter((row) => !isNot(row)), ...rowsOf('risk')].filter((row) => row.at(-1) === '')
    expect(bare).toEqual([])
    const missing = rowsOf('ids').flatMap(([ids, ...cells]) => (cells.length === 2 ? ids.split(', ') : []))
    const wanting = rows.filter((row) => isPartly(row) || isNot(row)).map(([id]) => id)
    expect(missing.toSorted()).toEqual(wanting.toSorted())
  })

  test('names tests that are there', async () => {
    const named = [...page.matchAll(/`([\w./-]+\.test\.(?:ts|mjs))` › (.*?)(?=<br>| \||$)/gm)]
    expect(named.length).toBeGreaterThan(150)
    const missing = []
    for (const [, path, name] of named) {
      const text = await read(path).catch(() => '')
      const isThere = ["'", '"', '`'].some((quote) => text.includes(quote + name + quote))
      if (!isThere) missing.push(`${path} › ${name}`)
    }
    expect([...new Set(missing)]).toEqual([])
  })
})

test('no document names a test or a document that is not there', async () => {
  const inDocs = await readdir(join(root, 'docs'), { recursive: true })
  const documents = ['SECURITY.md', ...inDocs.map((name) => `docs/${name}`)]
  const missing = []
  for (const document of documents.filter((name) => name.endsWith('.md'))) {
    const text = await read(document)
    const tests = [...text.matchAll(/`([\w./-]+\.test\.(?:ts|mjs))`/g)].map(([, path]) => path)
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path]) => join(document, '..', path))
    for (const path of [...tests, ...links]) {
      await read(path).catch(({ code }) => code === 'EISDIR' || missing.push(`${document}: ${path}`))
    }
  }
  expect(missing).toEqual([])
})

test('the inventory names every kind of event that is logged', async () => {
  const kinds = new Set()
  for (const folder of ['apps/api/src', 'apps/worker/src', 'packages/core/src']) {
    for (const file of await readdir(join(root, folder), { recursive: true })) {
      if (!file.endsWith('.ts')) continue
      for (const [, kind] of (await read(join(folder, file))).matchAll(/\bevent: ['`]([a-z]+)\./g))
        kinds.add(kind)
    }
  }
  expect(kinds.size).toBeGreaterThan(10)
  const named = [...(await read('docs/inventory.md')).matchAll(/`([a-z]+)\.\*`/g)].map(([, kind]) => kind)
  expect(new Set(named)).toEqual(kinds)
})
