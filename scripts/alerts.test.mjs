// Holds the alert rules to their fixtures by the real promtool, and to the tests and the runbook that go with them.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from './root.mjs'
import { runTool } from './tool.mjs'

const promtool = process.env.RELAIS_PROMTOOL
const folder = join(root, 'deploy/prometheus')
const read = (path) => readFile(join(root, path), 'utf8')
const rules = await read('deploy/prometheus/relais.rules.yml')

/** What the status page can find wrong, as the status names it: each has a section of its own. */
const diagnosis = await read('packages/core/src/diagnosis.ts')
const [, listed = ''] = /export const FINDINGS = \[([^\]]*)\]/.exec(diagnosis) ?? []
const findings = [...listed.matchAll(/'(\w+)'/g)].map(([, name]) => name)

/** Each rule: its name, and the text of it. */
const alerts = rules
  .split(/^ {6}- alert: /m)
  .slice(1)
  .map((text) => ({ name: text.slice(0, text.indexOf('\n')), text }))
const names = [...new Set(alerts.map(({ name }) => name))]
const severityOf = ({ text }) => /severity: (\w+)/.exec(text)?.[1]

describe.skipIf(!promtool)('promtool', () => {
  test.each([
    ['reads the rules', ['check', 'rules', 'relais.rules.yml']],
    ['reads the configuration', ['check', 'config', 'prometheus.yml']],
    ['sees each rule fire and clear in its fixtures', ['test', 'rules', 'relais.rules.test.yml']],
  ])('%s', async (_what, args) => {
    const { code, output } = await runTool(promtool, args, { cwd: folder, timeoutMs: 60_000 })
    expect(output).toContain('SUCCESS')
    expect(output).not.toContain('FAILED')
    expect(code).toBe(0)
  })
})

test('each rule says how bad it is, what is wrong, why, and where to read on', () => {
  expect(alerts.length).toBeGreaterThan(20)
  for (const { name, text } of alerts) {
    expect(text, name).toMatch(/^ {8}labels: \{ severity: (critical|warning|note) \}$/m)
    expect(text, name).toMatch(/^ {10}summary: '.{10,}'$/m)
    expect(text, name).toMatch(/^ {10}description: (>-\n {12})?.{40,}/m)
    expect(text, name).toMatch(/^ {10}runbook_url: docs\/runbook\.md#[a-z-]+$/m)
  }
})

test('a name stands for one severity of each kind', () => {
  const pairs = alerts.map((alert) => `${alert.name} ${severityOf(alert)}`)
  expect(new Set(pairs).size).toBe(pairs.length)
})

test.each(names)('%s has a fixture, and is caused for real', async (name) => {
  expect(await read('deploy/prometheus/relais.rules.test.yml')).toMatch(new RegExp(`\\b${name}\\b`))
  const files = (await readdir(join(root, 'e2e/watching'))).filter((file) => file.endsWith('.test.ts'))
  const tests = (await Promise.all(files.map((file) => read(`e2e/watching/${file}`)))).join('\n')
  expect(tests).toContain(`fires('${name}'`)
  expect(tests).toContain(`clears('${name}'`)
  const severities = alerts.filter((alert) => alert.name === name).map(severityOf)
  if (severities.length === 1) return
  for (const severity of severities) {
    expect(tests).toMatch(new RegExp(`fires\\('${name}', \\{ labels: \\{ severity: '${severity}' \\}`))
  }
})

describe('docs/runbook.md', async () => {
  const runbook = await read('docs/runbook.md')
  /** Its sections, by their anchors as GitHub makes them of headings. */
  const sections = new Map(
    runbook
      .split(/^## /m)
      .slice(1)
      .map((text) => [
        text
          .slice(0, text.indexOf('\n'))
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
        text,
      ]),
  )

  test.each(alerts.map((alert) => [`${alert.name} ${severityOf(alert)}`, alert]))(
    'has the section that %s leads to, which names it',
    (_title, { name, text }) => {
      const [, anchor] = /runbook_url: docs\/runbook\.md#(.*)/.exec(text)
      expect(sections.get(anchor) ?? `no section ${anchor}`).toContain(name)
    },
  )

  test('names no alert and no metric that is not there', async () => {
    const named = new Set(runbook.match(/\bRelais[A-Z]\w+/g))
    expect([...named].filter((name) => !names.includes(name))).toEqual([])
    const metrics = await read('docs/metrics.md')
    for (const [metric] of runbook.matchAll(/\brelais_\w+/g)) expect(metrics).toContain(`\`${metric}\``)
  })

  test.each(findings)('has a section for %s, which says what to check and what to do', (id) => {
    const section = sections.get(id.replaceAll('_', '-')) ?? ''
    expect(section).toMatch(/\*\*What it means\.\*\*/)
    expect(section).toMatch(/\*\*Check\.\*\*/)
    expect(section).toMatch(/\*\*Do\.\*\*/)
  })
})
