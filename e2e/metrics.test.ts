/** What the processes tell at /metrics, and that docs/metrics.md says the same. */
import { readFile } from 'node:fs/promises'
import { eventually, freePort } from '@relais/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { sharedSystem } from './system.ts'

const page = await readFile(new URL('../docs/metrics.md', import.meta.url), 'utf8')

/** The rows of its table. */
const documented = [
  ...page.matchAll(/^\| `(relais_\w+)` \| (\w+)(, \*shared\*)? \| (.*?) ?\| (.*?) \|/gm),
].map(([, name = '', kind, shared, labels = '', by = '']) => ({
  name,
  kind,
  isShared: shared !== undefined,
  labels: labels.split(', ').map((label) => label.replaceAll('`', '')),
  by: by.split(', '),
}))

const processes = ['API', 'worker'] as const

const ports = { API: await freePort(), worker: await freePort() }
const system = sharedSystem({
  env: { METRICS_PORT: String(ports.API) },
  workerEnv: { METRICS_PORT: String(ports.worker) },
})

const scraped = { API: '', worker: '' }

async function scrape(of: keyof typeof ports): Promise<string> {
  return (await fetch(`http://127.0.0.1:${ports[of]}/metrics`)).text()
}

/** The samples of a metric, without the bucket, sum and count of histograms. */
function samplesOf(text: string, name: string): string[] {
  return text.split('\n').filter((line) => new RegExp(`^${name}(_count|_bucket|_sum)?[ {]`).test(line))
}

describe('the metrics', () => {
  beforeAll(async () => {
    const id = await system().send('+221771234567', '482913')
    await system().reaches(id, ['delivered'])
    await system().send('+221771230026', '482914')
    await eventually(
      () => scrape('worker'),
      (text) => /ended_total\{end="fallback",reason="recipient_unreachable"\} 1/.test(text),
      { everyMs: 100, what: 'a fallback that is counted' },
    )
    for (const name of processes) scraped[name] = await scrape(name)
  })

  it.each(processes)(
    'of the %s are all in docs/metrics.md, with their kinds, and there is no other',
    (name) => {
      const told = [...scraped[name].matchAll(/^# TYPE (relais_\w+) (\w+)$/gm)].map(
        ([, metric, kind]) => `${metric} ${kind}`,
      )
      expect(documented.map((row) => `${row.name} ${row.kind}`).toSorted()).toEqual(told.toSorted())
    },
  )

  it('are told by those processes that the page names, with its labels', () => {
    for (const { name, by, labels } of documented) {
      for (const process of processes) {
        const samples = samplesOf(scraped[process], name)
        if (samples.length > 0) expect(by, name).toContain(process)
        const used = samples.flatMap((line) => [...line.matchAll(/[{,](\w+)="/g)].map(([, label]) => label))
        for (const label of new Set(used)) expect([...labels, 'le'], name).toContain(label)
      }
    }
  })

  it('that are shared are told by both, whichever of them is asked', () => {
    const shared = documented.filter(({ isShared, by }) => isShared && by.length === 2)
    expect(shared.length).toBeGreaterThan(8)
    for (const { name } of shared.filter((row) => row.name !== 'relais_paused')) {
      for (const process of processes)
        expect(samplesOf(scraped[process], name), `${name} ${process}`).not.toEqual([])
    }
  })

  it('count a message of a template once for each thing that became of it', () => {
    const both = scraped.API + scraped.worker
    const count = (state: string) => {
      const samples = both.matchAll(
        new RegExp(
          `template_messages_total\\{template="otp_login",language="fr",state="${state}"\\} (\\d+)`,
          'g',
        ),
      )
      return [...samples].reduce((sum, [, value]) => sum + Number(value), 0)
    }
    expect([count('sent'), count('delivered'), count('failed')]).toEqual([2, 1, 1])
  })
})
