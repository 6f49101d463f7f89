// The committed OpenAPI document, by the rules of a linter. That it is the one which the API answers is tested there: apps/api/test/openapi.test.ts.
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './root.mjs'

const source = await readFile(join(root, 'docs/openapi.json'), 'utf8')

async function lint(text) {
  const config = await createConfig({
    extends: ['recommended-strict'],
    rules: {
      // The probes take nothing that could be wrong.
      'operation-4xx-response': 'off',
      'no-unused-components': 'error',
    },
  })
  const found = await lintFromString({ source: text, absoluteRef: '/openapi.json', config })
  return found.map(({ ruleId, message, location: [at] }) => `${at?.pointer} ${ruleId}: ${message}`)
}

test('docs/openapi.json is clean by the rules of Redocly', async () => {
  expect(await lint(source)).toEqual([])
})

test('the rules find an example that does not fit its schema, and a reference that leads nowhere', async () => {
  const found = await lint(
    source.replaceAll('"code": "482913"', '"code": 482913').replace('schemas/Problem"', 'schemas/X"'),
  )
  expect(found.join('\n')).toContain('no-invalid-media-type-examples')
  expect(found.join('\n')).toContain('no-unresolved-refs')
})
