import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { createMetrics } from './metrics.ts'
import { VERSION } from './version.ts'

it('tells fifty templates apart, each in one language, and calls the rest other', async () => {
  const metrics = createMetrics()
  for (let i = 0; i < 49; i += 1) metrics.templateMessage(`t${i}`, 'fr', 'sent')
  metrics.templateMessage('t0', 'en', 'sent')
  for (let i = 100; i < 130; i += 1) metrics.templateMessage(`t${i}`, 'fr', 'delivered')
  metrics.templateMessage('t0', 'fr', 'sent')
  const { values } = await metrics.templateMessages.get()
  expect(new Set(values.map(({ labels }) => `${labels.template} ${labels.language}`)).size).toBe(51)
  const valueOf = (template: string, language: string, state: string) =>
    values.find(
      ({ labels }) => labels.template === template && labels.language === language && labels.state === state,
    )?.value
  expect(valueOf('t0', 'fr', 'sent')).toBe(2)
  expect(valueOf('t0', 'en', 'sent')).toBe(1)
  expect(valueOf('other', 'other', 'delivered')).toBe(30)
  expect(valueOf('other', 'other', 'failed')).toBe(0)
})

it('has what must not happen from the start, with 0: Prometheus sees no increase in what comes to be with 1', async () => {
  const metrics = createMetrics()
  metrics.expectTemplate('otp_login', 'fr')
  metrics.expectApps(['wallet'])
  const text = await metrics.registry.metrics()
  for (const sample of [
    'relais_messages_ended_total{end="fallback",reason="sender_blocked"} 0',
    'relais_messages_ended_total{end="delivered",reason=""} 0',
    'relais_messages_accepted_total{app="wallet",type="otp"} 0',
    'relais_sweep_repairs_total{kind="job_lost"} 0',
    'relais_possible_duplicates_total 0',
    'relais_token_renewals_total{outcome="failed"} 0',
    'relais_template_messages_total{template="otp_login",language="fr",state="delivered"} 0',
    'relais_send_attempts_total{outcome="accepted"} 0',
  ]) {
    expect(text).toContain(`${sample}\n`)
  }
})

it('names the version of the root and of Node', async () => {
  const manifest = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(VERSION).toBe(manifest.version)
  const build = `relais_build_info{version="${VERSION}",node="${process.versions.node}"} 1`
  expect(await createMetrics().registry.metrics()).toContain(build)
})
