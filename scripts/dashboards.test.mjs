// Holds the dashboards to what a person who opens them in a bad moment needs, and their provisioning to the compose file.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from './root.mjs'

const read = (path) => readFile(join(root, path), 'utf8')
const folder = 'deploy/grafana/dashboards'
const files = await readdir(join(root, folder))
const dashboards = await Promise.all(
  files.map(async (file) => [file, JSON.parse(await read(`${folder}/${file}`))]),
)

describe.each(dashboards)('%s', (file, dashboard) => {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row')

  test('is found by its own name, and says what it is for', () => {
    expect(`${dashboard.uid}.json`).toBe(file)
    expect(dashboard.title).toMatch(/^Relais: /)
    expect(dashboard.description.length).toBeGreaterThan(20)
    expect(dashboard.tags).toContain('relais')
  })

  test('has panels with ids of their own, beside and not above one another', () => {
    const ids = dashboard.panels.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    const taken = new Set()
    for (const { title, gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken, `${title} at ${x} ${y}`).not.toContain(`${x} ${y}`)
          taken.add(`${x} ${y}`)
        }
      }
    }
  })

  test('has a title, an explanation and a unit for each panel', () => {
    expect(panels.length).toBeGreaterThan(4)
    for (const { title, description, fieldConfig } of panels) {
      expect(title).toMatch(/^[A-Z]/)
      expect(description?.length, title).toBeGreaterThan(20)
      expect(fieldConfig.defaults.unit, title).toMatch(/^\w+$/)
    }
  })

  test('asks the data source that is chosen, and nothing else', () => {
    const [variable] = dashboard.templating.list
    expect(variable).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' })
    const asked = JSON.stringify(dashboard).match(/"uid":"[^"]*"/g)
    const others = new Set(asked.filter((uid) => uid !== '"uid":"${datasource}"'))
    expect([...others]).toEqual([`"uid":"${dashboard.uid}"`])
  })

  test('asks for metrics of ours that are there', async () => {
    const documented = await read('docs/metrics.md')
    const metrics = JSON.stringify(dashboard).match(/\brelais_\w+/g)
    for (const metric of new Set(metrics)) {
      expect(documented).toContain(`\`${metric.replace(/_(bucket|count|sum)$/, '')}\``)
    }
  })
})

test('every metric of ours that says how Relais stands is on a dashboard', async () => {
  const all = JSON.stringify(dashboards)
  const metrics = [...(await read('docs/metrics.md')).matchAll(/^\| `(relais_\w+)`/gm)].map(
    ([, name]) => name,
  )
  expect(metrics.length).toBeGreaterThan(25)
  expect(metrics.filter((name) => !all.includes(name))).toEqual(['relais_receipts_expected'])
})

test('Grafana finds the dashboards and Prometheus where compose puts them', async () => {
  const compose = await read('docker-compose.yml')
  const provider = await read('deploy/grafana/provisioning/dashboards/relais.yml')
  const [, path] = /path: (\S+)/.exec(provider)
  expect(compose).toContain(`./deploy/grafana/dashboards:${path}:ro`)
  expect(compose).toContain('./deploy/grafana/provisioning:/etc/grafana/provisioning:ro')
  expect(compose).toContain(`${path}/relais-overview.json`)
  const source = await read('deploy/grafana/provisioning/datasources/prometheus.yml')
  expect(source).toContain('url: http://prometheus:9090\n')
  expect(source).toContain(`uid: ${dashboards[0][1].templating.list[0].current.value}\n`)
})
