import { eventually, prometheusCommand, startPrometheus } from '@relais/testing'
import { describe, expect, it } from 'vitest'

const ITSELF = (port: string) =>
  [
    'global: { scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms }',
    'rule_files: [rules.yml]',
    `scrape_configs: [{ job_name: none, static_configs: [{ targets: ['127.0.0.1:${port}'] }] }]`,
  ].join('\n')

const RULES = 'groups: [{ name: all, rules: [{ alert: Down, expr: up == 0, labels: { severity: note } }] }]'

describe.skipIf(!prometheusCommand('prometheus'))('a Prometheus of a test (needs one)', () => {
  it('answers queries, tells of alerts, and is gone when it is stopped', async () => {
    const prometheus = await startPrometheus({ 'prometheus.yml': ITSELF('9'), 'rules.yml': RULES })
    const [alert] = await eventually(
      () => prometheus.alerts(),
      (alerts) => alerts.some(({ state }) => state === 'firing'),
      { timeoutMs: 30_000, what: 'an alert about a target that is not there' },
    )
    expect(alert?.labels).toMatchObject({ alertname: 'Down', severity: 'note' })
    expect((await prometheus.query('up'))[0]?.value[1]).toBe('0')
    await expect(prometheus.query('up{')).rejects.toThrow('parse error')
    await prometheus.stop()
    await prometheus.stop()
    await expect(fetch(`${prometheus.url}/-/ready`)).rejects.toThrow('fetch failed')
  })

  it('says why it does not start', async () => {
    const files = { 'prometheus.yml': ITSELF('9'), 'rules.yml': 'groups: what?' }
    await expect(startPrometheus(files)).rejects.toThrow(/did not start: .*rules\.yml/s)
  })
})
