import { readFile } from 'node:fs/promises'
import { TEST_CODES, TEST_RECIPIENTS, testCodeOf, testOutcomeOf, type TestOutcome } from '@relais/core'
import { expect, test } from 'vitest'

const path = new URL('../../../docs/test-keys.md', import.meta.url)

/** The cells of each row of the table whose second heading is this one. */
async function rowsOf(heading: string): Promise<string[][]> {
  const text = await readFile(path, 'utf8')
  const [, rows = ''] =
    new RegExp(`\\| ending +\\| ${heading} .*\\n\\|[-| ]+\\|\\n((?:\\|.*\\n)+)`).exec(text) ?? []
  return rows
    .trim()
    .split('\n')
    .map((row) => row.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()))
}

function inWords(outcome: TestOutcome): string {
  switch (outcome.kind) {
    case 'expires':
      return 'nothing, until it is `expired`'
    case 'arrives':
      if (outcome.after === 'uncertain') return '`uncertain`, then `delivered`'
      return `\`sent\`, \`delivered\`${outcome.isRead ? ', `read`' : ''}`
    case 'falls-back': {
      const first = outcome.after === 'queued' ? '' : `\`${outcome.after}\`, then `
      return `${first}\`fallback\`: \`${outcome.reason}\``
    }
  }
}

test('docs/test-keys.md tells of each recipient what becomes of its messages', async () => {
  const told = (await rowsOf('what happens')).map(([ending, what]) => [
    ending,
    what?.replace(/`: to .*/, '`'),
  ])
  const known = Object.entries(TEST_RECIPIENTS).map(([ending, outcome]) => [
    `\`${ending}\``,
    inWords(outcome),
  ])
  expect(told).toEqual([...known, ['any other', inWords(testOutcomeOf('+221771234567'))]])
})

test('docs/test-keys.md tells of each recipient what the code is', async () => {
  const rows = await rowsOf('code of 6 digits')
  const endings = [...Object.keys(TEST_CODES), '0026']
  expect(rows.map(([ending]) => /`(\d{4})`:?$/.exec(ending ?? '')?.[1])).toEqual(endings)
  const codes = endings.map((ending) =>
    [6, 10].map((length) => `\`${testCodeOf(`+22177123${ending}`, length)}\``),
  )
  expect(rows.map(([, ...cells]) => cells)).toEqual(codes)
})
